#include "cut_wire.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "cluster.hpp"

namespace simplex::smp::stores {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view socket_name = ".s.PGSQL.5432";

sockaddr_un address_of(const fs::path& folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = (folder / socket_name).string();
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("the folder's name is too long: " + path);
  path.copy(address.sun_path, path.size());
  return address;
}

int unix_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

void send_all(int to, std::string_view octets) {
  while (!octets.empty()) {
    const auto sent = ::send(to, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    octets.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Reads what is there; false at the end.
bool read_some(int from, std::string& into) {
  std::array<char, 65'536> some{};
  const auto got = ::recv(from, some.data(), some.size(), 0);
  if (got <= 0) return false;
  into.append(some.data(), static_cast<std::size_t>(got));
  return true;
}

// The first whole message, or nothing. Its length stands after the letter, and counts itself.
std::string_view first_message(std::string_view octets, bool has_letter) {
  const std::size_t at = has_letter ? 1 : 0;
  if (octets.size() < at + 4) return {};
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(octets[at + i]);
  return octets.size() < at + length ? std::string_view() : octets.substr(0, at + length);
}

}  // namespace

CutWire::CutWire() {
  auto name = (fs::temp_directory_path() / "smp-wire-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr || ::pipe2(wake_, O_CLOEXEC) != 0) throw std::runtime_error("no folder");
  folder_ = name;
  const auto address = address_of(folder_);
  listener_ = unix_socket();
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_, 16) != 0) {
    throw std::runtime_error("no socket at " + folder_.string());
  }
  thread_ = std::thread([this] { run(); });
}

CutWire::~CutWire() {
  ::close(wake_[1]);
  thread_.join();
  for (auto& link : links_) end(link);
  ::close(wake_[0]);
  ::close(listener_);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string CutWire::connection() const { return "host=" + folder_.string() + " user=relay dbname=postgres"; }

void CutWire::cut_at_next_commit(Loses what) {
  const std::lock_guard lock(mutex_);
  next_ = what;
}

void CutWire::await_cut() {
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(changed_.wait_for(lock, std::chrono::minutes(1), [this] { return !next_; })) << "nothing was committed";
}

bool CutWire::is_next(Loses what) {
  const std::lock_guard lock(mutex_);
  return next_ == what;
}

bool CutWire::cuts(Loses what) {
  const std::lock_guard lock(mutex_);
  if (next_ != what) return false;
  next_.reset();
  changed_.notify_all();
  return true;
}

void CutWire::end(Link& link) {
  for (int* socket : {&link.client, &link.server}) {
    if (*socket >= 0) ::close(*socket);
    *socket = -1;
  }
}

void CutWire::run() {
  for (;;) {
    std::vector<pollfd> watched{{wake_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const auto& link : links_) {
      watched.push_back({link.client, POLLIN, 0});  // -1 is not looked at
      watched.push_back({link.server, POLLIN, 0});
    }
    if (::poll(watched.data(), watched.size(), -1) < 0) continue;
    if (watched[0].revents != 0) return;
    std::size_t at = 2;
    for (auto& link : links_) {
      const bool from_client = watched[at++].revents != 0;
      const bool from_server = watched[at++].revents != 0;
      if (from_client && link.client >= 0) {
        if (read_some(link.client, link.from_client)) {
          pass_to_server(link);
        } else {
          end(link);
        }
      }
      if (from_server && link.server >= 0) {
        if (read_some(link.server, link.from_server)) {
          pass_to_client(link);
        } else {
          end(link);
        }
      }
    }
    links_.remove_if([](const Link& link) { return link.server < 0; });
    if (watched[1].revents != 0) accept_one();
  }
}

void CutWire::accept_one() {
  Link link;
  link.client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (link.client < 0) return;
  link.server = unix_socket();
  const auto address = address_of(Cluster::instance().folder());
  if (::connect(link.server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return end(link);
  links_.push_back(std::move(link));
  release_held();
}

void CutWire::release_held() {
  for (auto& link : links_) {
    if (!link.held.empty()) send_all(link.server, std::exchange(link.held, {}));
  }
}

void CutWire::pass_to_server(Link& link) {
  using namespace std::string_view_literals;
  for (;;) {
    const auto message = first_message(link.from_client, link.greeted);
    if (message.empty()) return;
    // Bind: the portal without a name, of the statement "commit".
    const bool commits = link.greeted && message.front() == 'B' && message.substr(5).starts_with("\0commit\0"sv);
    if (commits && cuts(Loses::question)) return end(link);
    if (commits && is_next(Loses::nothing)) {
      if (!link.from_client.ends_with("S\0\0\0\4"sv)) return;  // Sync ends the batch
      static_cast<void>(cuts(Loses::nothing));
      link.held = std::exchange(link.from_client, {});
      ::close(link.client);
      link.client = -1;
      return;
    }
    send_all(link.server, message);
    link.from_client.erase(0, message.size());
    link.greeted = true;
  }
}

void CutWire::pass_to_client(Link& link) {
  using namespace std::string_view_literals;
  for (;;) {
    const auto message = first_message(link.from_server, true);
    if (message.empty()) return;
    const bool committed = message.front() == 'C' && message.substr(5) == "COMMIT\0"sv;
    if (committed && cuts(Loses::answer)) return end(link);
    if (link.client >= 0) send_all(link.client, message);
    link.from_server.erase(0, message.size());
  }
}

}  // namespace simplex::smp::stores
