#include <openssl/err.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "simplex/crypto/pad.hpp"
#include "simplex/transport/block.hpp"
#include "floor.hpp"

namespace simplex::floor {
namespace {

using protocol::block_size;

// Where the content of a block lies, so that it is padded and encrypted in place.
constexpr std::size_t content_begin = crypto::box_tag_size + crypto::pad_overhead;

// One of the commands that are answered without being read whole.
bool is_command(BytesView command, std::string_view word) { return as_text(command).starts_with(word); }

}  // namespace

Connection::Connection(Floor& floor, Random& random, int socket, int poller)
    : floor_(floor), random_(random), socket_(socket), poller_(poller), ssl_(SSL_new(floor.context.get()), SSL_free) {
  SSL_set_fd(ssl_.get(), socket);
  SSL_set_accept_state(ssl_.get());
}

Connection::~Connection() { ::close(socket_); }

bool Connection::on_ready() {
  if (state_ == State::tls && !shake_hands()) return false;
  if (state_ == State::tls) return true;
  {
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty()) write_waiting();
  }
  return read();
}

bool Connection::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) {
    const int why = SSL_get_error(ssl_.get(), result);
    if (why == SSL_ERROR_WANT_WRITE) wait_for(true);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
  }
  transport::ChannelInfo info;
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> finished{};
  const auto size = SSL_get_peer_finished(ssl_.get(), finished.data(), finished.size());
  session_id_ = to_bytes(BytesView(finished).first(size));
  info.session_id = transport::SessionId(BytesView(session_id_));
  const std::uint8_t* name = nullptr;
  unsigned name_size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &name_size);
  if (name_size != 0) info.alpn = std::string(as_text({name, name_size}));
  transport::ServerHandshakeSettings settings;
  settings.versions = floor_.versions();
  handshake_ = std::make_unique<transport::SmpServerHandshake>(floor_.credentials, info,
                                                               crypto::generate_x25519(random_), std::move(settings));
  const auto hello = transport::plain_block(handshake_->hello());
  if (!hello) return false;
  const std::lock_guard lock(mutex_);
  write(*hello);
  state_ = State::hello;
  return true;
}

// One read for each time that epoll says so, and for what OpenSSL still holds: a block is one record.
bool Connection::read() {
  std::array<std::uint8_t, block_size> block;
  do {
    std::size_t size = 0;
    const auto begun = partial_.size();
    {
      const std::lock_guard lock(mutex_);
      ERR_clear_error();
      if (SSL_read_ex(ssl_.get(), block.data() + begun, block.size() - begun, &size) != 1) {
        return SSL_get_error(ssl_.get(), 0) == SSL_ERROR_WANT_READ;
      }
    }
    if (begun + size < block_size) {
      partial_.insert(partial_.end(), block.begin() + static_cast<std::ptrdiff_t>(begun),
                      block.begin() + static_cast<std::ptrdiff_t>(begun + size));
      continue;
    }
    std::ranges::copy(partial_, block.begin());
    partial_ = {};
    if (!on_block(block)) return false;
  } while (SSL_has_pending(ssl_.get()) == 1);
  return true;
}

bool Connection::on_block(MutableBytes block) { return state_ == State::hello ? on_hello(block) : on_commands(block); }

bool Connection::on_hello(MutableBytes block) {
  const auto content = transport::content_of_plain_block(block);
  if (!content) return false;
  auto step = handshake_->receive(*content);
  if (!step.outcome || !*step.outcome) return false;
  auto& session = **step.outcome;
  version_ = session.version;
  own_key_ = std::move(session.own_key);
  keys_ = std::move(session.block_keys);
  handshake_.reset();
  state_ = State::open;
  floor_.counters.handshakes.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool Connection::on_commands(MutableBytes block) {
  BytesView content;
  if (keys_) {
    const auto opened = crypto::decrypt_block(keys_->receive, block);
    if (!opened) return false;
    content = *opened;
  } else {
    const auto plain = transport::content_of_plain_block(block);
    if (!plain) return false;
    content = *plain;
  }
  const auto transmissions = protocol::split_batch(content);
  if (!transmissions) return false;
  const bool good = std::ranges::all_of(*transmissions, [this](BytesView each) { return on_command(each); });
  send_answers();
  return good;
}

bool Connection::on_command(BytesView transmission) {
  const auto raw = protocol::parse_transmission(transmission, smp::transmission_format(version_));
  if (!raw) return false;
  if (is_command(raw->command, "SEND ")) {
    auto* const queue = floor_.queues.find(raw->entity_id);
    const auto text = as_text(raw->command);
    const auto space = text.find(' ', 5);
    if (queue == nullptr || !queue->sender_key || space == text.npos || !authorized(*raw, *queue->sender_key)) {
      answer(*raw, smp::broker::Err{smp::errors::Auth{}});
      return true;
    }
    on_send(*raw, *queue, raw->command.subspan(space + 1));
    return true;
  }
  if (is_command(raw->command, "ACK ")) {
    const auto* const queue = floor_.queues.find(raw->entity_id);
    const bool good = queue != nullptr && authorized(*raw, queue->recipient_key);
    answer(*raw, good ? smp::BrokerMessage(smp::broker::Ok{}) : smp::broker::Err{smp::errors::Auth{}});
    return true;
  }
  if (is_command(raw->command, "PING")) {
    answer(*raw, smp::broker::Pong{});
    return true;
  }
  auto command = smp::decode_command(raw->command, version_);
  if (!command) return false;
  answer(*raw, run(*raw, *command));
  return true;
}

// What makes and changes queues.
smp::BrokerMessage Connection::run(const protocol::RawTransmission& raw, const smp::ClientCommand& command) {
  const smp::broker::Err refused{smp::errors::Auth{}};
  if (const auto* made = std::get_if<smp::command::New>(&command)) return create(raw, *made);
  auto* const queue = floor_.queues.find(raw.entity_id);
  if (queue == nullptr) return refused;
  if (const auto* secure = std::get_if<smp::command::Skey>(&command)) {
    if (!authorized(raw, secure->sender_key)) return refused;
    queue->sender_key = secure->sender_key;
    return smp::broker::Ok{};
  }
  if (!authorized(raw, queue->recipient_key)) return refused;
  if (const auto* secure = std::get_if<smp::command::Key>(&command)) {
    queue->sender_key = secure->sender_key;
  } else if (std::holds_alternative<smp::command::Sub>(command)) {
    const std::lock_guard lock(queue->mutex);
    queue->recipient = weak_from_this();
    return smp::broker::Sok{};
  } else if (std::holds_alternative<smp::command::Del>(command)) {
    const std::lock_guard lock(queue->mutex);
    queue->recipient.reset();
  }
  return smp::broker::Ok{};
}

smp::BrokerMessage Connection::create(const protocol::RawTransmission& raw, const smp::command::New& command) {
  if (!authorized(raw, command.recipient_key)) return smp::broker::Err{smp::errors::Auth{}};
  const auto pair = crypto::generate_x25519(random_);
  auto key = crypto::box_key(command.recipient_dh_key, pair.private_key);
  if (!key) return smp::broker::Err{smp::errors::Auth{}};
  auto made = std::make_unique<Queue>();
  made->recipient_key = command.recipient_key;
  made->delivery_key = std::move(*key);
  if (command.subscription == smp::SubscriptionMode::subscribe) made->recipient = weak_from_this();
  const auto* const queue = floor_.queues.add(std::move(made), random_);
  if (queue == nullptr) return smp::broker::Err{smp::errors::Quota{}};
  return smp::broker::Ids{.recipient_id = queue->recipient_id,
                          .sender_id = queue->sender_id,
                          .relay_dh_key = pair.public_key,
                          .mode = smp::QueueMode::messaging,
                          .link_id = std::nullopt,
                          .service_id = std::nullopt,
                          .notifier = std::nullopt};
}

// The path that is measured: the body goes from the sender's block into the recipient's, and is encrypted there.
void Connection::on_send(const protocol::RawTransmission& raw, Queue& queue, BytesView body) {
  floor_.counters.messages.fetch_add(1, std::memory_order_relaxed);
  answer(raw, smp::broker::Ok{});
  std::shared_ptr<Connection> recipient;
  {
    const std::lock_guard lock(queue.mutex);
    recipient = queue.recipient.lock();
  }
  if (!recipient) return;

  constexpr std::size_t encrypted_size = 16'106 + crypto::box_tag_size;
  std::array<std::uint8_t, block_size> block;
  std::array<std::uint8_t, smp::message_id_size> message_id{};
  random_.fill(message_id);

  // Count, length, no authorization, [session id], no correlation id, queue's id, "MSG " message id.
  Writer head(128);
  head.u8(1).u16(0).u8(0);
  if (recipient->version_ < smp::authenticator_version) head.short_string(recipient->session_id_);
  head.u8(0).short_string(queue.recipient_id.view()).raw("MSG ").short_string(message_id);
  constexpr auto begin = content_begin;
  const auto size = head.size() + encrypted_size;
  std::ranges::copy(head.view(), block.begin() + begin);
  block[begin + 1] = static_cast<std::uint8_t>((size - 3) >> 8);
  block[begin + 2] = static_cast<std::uint8_t>((size - 3) & 0xFF);

  // Seconds, flags, the body, where encryption finds it in place.
  const auto sealed = MutableBytes(block).subspan(begin + head.size(), encrypted_size);
  Writer prefix(16);
  prefix.i64(1'700'000'000).raw("F ");
  const auto message = sealed.subspan(crypto::box_tag_size + crypto::pad_overhead, prefix.size() + body.size());
  std::ranges::copy(prefix.view(), message.begin());
  std::memcpy(message.data() + prefix.size(), body.data(), body.size());
  if (floor_.level >= Level::delivery &&
      !crypto::seal_padded_into(queue.delivery_key, crypto::cb_nonce(message_id), message, sealed)) {
    return;
  }
  recipient->send_block(block, size);
}

void Connection::answer(const protocol::RawTransmission& raw, const smp::BrokerMessage& message) {
  const auto corr_id = smp::CorrId::from(raw.corr_id).value_or(smp::CorrId());
  const auto transmission = smp::encode_broker_transmission({version_, session_id_}, corr_id, raw.entity_id, message);
  if (!answers_.fits(transmission.size())) send_answers();
  (void)answers_.add(transmission);
}

void Connection::send_answers() {
  if (answers_.empty()) return;
  std::array<std::uint8_t, block_size> block;
  const auto content = answers_.take();
  std::ranges::copy(content, block.begin() + content_begin);
  send_block(block, content.size());
}

// The session id is put before the body, in the place of what was read already: nothing is copied to be verified.
bool Connection::authorized(const protocol::RawTransmission& raw, const crypto::AuthPublicKey& key) {
  if (floor_.level < Level::authorization) return true;
  std::array<std::uint8_t, 114> kept{};
  if (raw.authenticator.size() > kept.size()) return false;
  std::ranges::copy(raw.authenticator, kept.begin());
  const auto authenticator = BytesView(kept).first(raw.authenticator.size());
  const auto* const body = raw.body_after_session_id.data();
  // In version 6 it lies there already.
  if (raw.session_id.empty()) {
    auto* const before = const_cast<std::uint8_t*>(body) - session_id_.size() - 1;  // of our own block
    *before = static_cast<std::uint8_t>(session_id_.size());
    std::ranges::copy(session_id_, before + 1);
  }
  const BytesView signed_octets(body - session_id_.size() - 1,
                                session_id_.size() + 1 + raw.body_after_session_id.size());
  if (const auto* ed25519 = std::get_if<crypto::Ed25519PublicKey>(&key)) {
    const auto signature = crypto::Ed25519Signature::from(authenticator);
    return signature && crypto::verify(*ed25519, *signature, signed_octets);
  }
  const auto* x25519 = std::get_if<crypto::X25519PublicKey>(&key);
  const auto made = crypto::Authenticator::from(authenticator);
  const auto* agreed = x25519 != nullptr ? agreed_with(*x25519) : nullptr;
  return agreed != nullptr && made &&
         crypto::verify_authenticator(*agreed, crypto::cb_nonce(raw.corr_id), *made, signed_octets);
}

// Once for each key in a session.
const crypto::BoxKey* Connection::agreed_with(const crypto::X25519PublicKey& key) {
  const auto known = agreed_.find(key);
  if (known != agreed_.end()) return &known->second;
  if (!own_key_) return nullptr;
  auto made = crypto::box_key(key, *own_key_);
  if (!made) return nullptr;
  return &agreed_.emplace(key, std::move(*made)).first->second;
}

void Connection::send_block(MutableBytes block, std::size_t size) {
  constexpr auto begin = content_begin;
  const std::lock_guard lock(mutex_);
  if (keys_) {
    if (!crypto::encrypt_block(keys_->send, block.subspan(begin, size), block)) return;
  } else {
    std::memmove(block.data() + crypto::pad_overhead, block.data() + begin, size);
    block[0] = static_cast<std::uint8_t>(size >> 8);
    block[1] = static_cast<std::uint8_t>(size & 0xFF);
    std::ranges::fill(block.subspan(crypto::pad_overhead + size), '#');
  }
  write(block);
}

void Connection::write(BytesView octets) {
  if (waiting_.empty()) {
    std::size_t size = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), octets.data(), octets.size(), &size) == 1 && size == octets.size()) return;
    waiting_.push_back(to_bytes(octets));
    written_ = size;
    return wait_for(true);
  }
  waiting_.push_back(to_bytes(octets));
}

void Connection::write_waiting() {
  while (!waiting_.empty()) {
    const auto rest = BytesView(waiting_.front()).subspan(written_);
    std::size_t size = 0;
    ERR_clear_error();
    if (SSL_write_ex(ssl_.get(), rest.data(), rest.size(), &size) != 1) return;
    written_ += size;
    if (written_ < waiting_.front().size()) continue;
    waiting_.pop_front();
    written_ = 0;
  }
  wait_for(false);
}

void Connection::wait_for(bool writable) {
  epoll_event event{};
  event.events = EPOLLIN | (writable ? EPOLLOUT : 0U);
  event.data.ptr = this;
  ::epoll_ctl(poller_, EPOLL_CTL_MOD, socket_, &event);
}

}  // namespace simplex::floor
