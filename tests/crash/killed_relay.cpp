#include "killed_relay.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "simplex/protocol/transmission.hpp"

namespace simplex::smp {
namespace {

const SmpVersion version(18);

}  // namespace

KilledRelay::KilledRelay(const std::filesystem::path& program, const std::filesystem::path& folder) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) std::abort();
  const auto name = program.string();
  const auto argument = folder.string();
  process_ = ::fork();
  if (process_ == 0) {
    ::dup2(ends[1], STDIN_FILENO);
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl(name.c_str(), name.c_str(), argument.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  socket_ = ends[0];
}

bool KilledRelay::wait_for_octets(std::chrono::milliseconds limit) const {
  pollfd waiting{socket_, POLLIN, 0};
  return ::poll(&waiting, 1, static_cast<int>(limit.count())) > 0;
}

bool KilledRelay::wait_until_ready(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!session_id_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !wait_for_octets(left) || !read_some()) return false;
  }
  return true;
}

void KilledRelay::send(const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey& key,
                       Answered answered) {
  send(command, entity, &key, std::move(answered));
}

void KilledRelay::send_unsigned(const ClientCommand& command, BytesView entity, Answered answered) {
  send(command, entity, nullptr, std::move(answered));
}

void KilledRelay::send(const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key,
                       Answered answered) {
  ClientAuth auth;
  auth.key = key;
  const auto corr_id = CorrId::generate(random_);
  const auto transmission = encode_client_transmission({version, *session_id_}, auth, corr_id, entity, command).value();
  protocol::Batch batch;
  ASSERT_TRUE(batch.add(transmission));
  const auto block = batch.take();
  Writer writer(4 + block.size());
  writer.u32(static_cast<std::uint32_t>(block.size())).raw(block);
  unanswered_.emplace(to_bytes(corr_id.view()), std::move(answered));
  const auto frame = writer.view();
  for (std::size_t done = 0; done < frame.size();) {
    const auto count = ::send(socket_, frame.data() + done, frame.size() - done, MSG_NOSIGNAL);
    if (count <= 0) return;  // it died: seen when receiving
    done += static_cast<std::size_t>(count);
  }
}

bool KilledRelay::receive() { return wait_for_octets(std::chrono::minutes(1)) && read_some(); }

bool KilledRelay::read_some() {
  std::array<std::uint8_t, 65'536> buffer{};
  const auto count = ::read(socket_, buffer.data(), buffer.size());
  if (count <= 0) return false;
  append(octets_, BytesView(buffer).first(static_cast<std::size_t>(count)));
  take_frames();
  return true;
}

void KilledRelay::take_frames() {
  std::size_t taken = 0;
  while (octets_.size() - taken >= 4) {
    Reader reader(BytesView(octets_).subspan(taken));
    const auto size = reader.u32().value();
    const auto content = reader.take(size);
    if (!content) break;  // the rest is to come
    taken += 4 + size;
    if (!session_id_) {
      session_id_ = to_bytes(*content);
    } else {
      take(*content);
    }
  }
  octets_.erase(octets_.begin(), octets_.begin() + static_cast<std::ptrdiff_t>(taken));
}

void KilledRelay::take(BytesView transmission) {
  auto octets = to_bytes(transmission);
  const auto received = decode_broker_transmission({version, *session_id_}, octets);
  ASSERT_TRUE(received);
  if (received->corr_id.empty()) return on_event(received->entity_id, received->message);
  const auto waiting = unanswered_.extract(to_bytes(received->corr_id.view()));
  ASSERT_FALSE(waiting.empty()) << "an answer to nothing";
  waiting.mapped()(received->message);
}

void KilledRelay::kill() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
  while (read_some()) {
  }
  ::close(socket_);
}

}  // namespace simplex::smp
