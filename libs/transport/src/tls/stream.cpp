#include "tls/stream.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "simplex/async/asio_access.hpp"
#include "stream_channel.hpp"

namespace simplex::transport::tls {
namespace {

using boost::system::error_code;

constexpr std::size_t record_size = 16'384;
// Records read before others have their turn.
constexpr int records_per_turn = 16;
// How long a closed connection may take to send what is queued and to hear the peer's end.
constexpr auto linger_time = std::chrono::seconds(5);

Error socket_error(int number) {
  switch (number) {
    case ECONNRESET:
    case EPIPE: return {ErrorKind::network, "the peer reset the connection", Advice::retry};
    case ETIMEDOUT: return {ErrorKind::timeout, "the peer does not answer any more", Advice::retry};
    default:
      return {ErrorKind::network, "the connection failed: " + std::system_category().message(number), Advice::retry};
  }
}

}  // namespace

void set_socket_options(Stream::Socket& socket, const KeepAlive& keep_alive) {
  // What a kernel does not know is left out: the connection works without.
  const auto set = [&](int level, int option, int value) {
    (void)::setsockopt(socket.native_handle(), level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  if (keep_alive.idle.count() == 0) return;
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(keep_alive.idle.count()));
  set(IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(keep_alive.interval.count()));
  set(IPPROTO_TCP, TCP_KEEPCNT, keep_alive.probes);
}

void limit_send_buffer(Stream::Socket& socket, std::size_t octets) {
  // The kernel takes twice of what it is told, for its own records.
  const int value = static_cast<int>(std::min<std::size_t>(octets / 2, 1U << 30));
  (void)::setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDBUF, &value, sizeof value);
}

Stream::Stream(async::Loop& loop, std::shared_ptr<const Context> context, Socket socket,
               std::optional<KeyHash> identity, const std::vector<std::string>& alpn)
    : loop_(loop),
      context_(std::move(context)),
      socket_(std::move(socket)),
      identity_(identity),
      client_(identity.has_value()) {
  socket_.native_non_blocking(true);
  socket_end_.descriptor = socket_.native_handle();
  verification_.clock = &loop_;
  verification_.identity = identity_ ? &*identity_ : nullptr;
  ssl_ = context_->connection(socket_end_, verification_);
  if (!client_) {
    SSL_set_accept_state(ssl_.get());
    return;
  }
  SSL_set_connect_state(ssl_.get());
  if (const auto names = alpn_list(alpn); !names.empty()) {
    SSL_set_alpn_protos(ssl_.get(), names.data(), static_cast<unsigned>(names.size()));
  }
}

Stream::Stream(async::Loop& loop, std::shared_ptr<const Context> context, Socket socket, const std::string& host)
    : loop_(loop), context_(std::move(context)), socket_(std::move(socket)), client_(true) {
  socket_.native_non_blocking(true);
  socket_end_.descriptor = socket_.native_handle();
  verification_.clock = &loop_;
  ssl_ = context_->connection(socket_end_, verification_);
  SSL_set_connect_state(ssl_.get());
  const auto names = alpn_list({"http/1.1"});
  SSL_set_alpn_protos(ssl_.get(), names.data(), static_cast<unsigned>(names.size()));
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str()) == 1) return;
  ERR_clear_error();
  SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
  SSL_set_hostflags(ssl_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  SSL_set1_host(ssl_.get(), host.c_str());
}

Stream::~Stream() = default;

void Stream::handshake(Done done) {
  handshake_done_ = std::move(done);
  loop_.post([self = shared_from_this()] { self->on_ready(); });
}

ChannelPtr Stream::into_channel() { return std::make_unique<StreamChannel<Stream>>(shared_from_this()); }

void Stream::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    fill_info();
    state_ = State::open;
    return finish_handshake({});
  }
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return wait_readable();
    case SSL_ERROR_WANT_WRITE: return wait_writable();
    default: {
      auto error = handshake_error(result);
      shut();
      return finish_handshake(std::unexpected(std::move(error)));
    }
  }
}

void Stream::finish_handshake(Result<> result) {
  auto done = std::exchange(handshake_done_, nullptr);
  if (done) done(std::move(result));
}

Error Stream::handshake_error(int result) const {
  const int number = errno;
  if (verification_.error) return *verification_.error;
  if (socket_end_.peer_closed) {
    return {ErrorKind::network, "the peer closed the connection during the TLS handshake", Advice::retry};
  }
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_SYSCALL && number != 0 && ERR_peek_error() == 0) {
    return socket_error(number);
  }
  if (const auto verified = SSL_get_verify_result(ssl_.get()); client_ && verified != X509_V_OK) {
    ERR_clear_error();
    return {ErrorKind::authentication,
            std::string("the server's certificate is not trusted: ") + X509_verify_cert_error_string(verified),
            Advice::ask_user};
  }
  const auto reason = ERR_GET_REASON(ERR_peek_last_error());
  const auto text = take_openssl_error();
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST: return {ErrorKind::malformed, "an HTTP client without TLS spoke to this port"};
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_UNEXPECTED_MESSAGE: return {ErrorKind::malformed, "the peer does not speak TLS (" + text + ")"};
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
      return {ErrorKind::version, "the peer's TLS is not one that SimpleX uses (" + text + ")"};
    default: return {ErrorKind::network, "the TLS handshake failed: " + text, Advice::retry};
  }
}

// The session id is the channel binding tls-unique, in TLS 1.3 too: the client's Finished message.
void Stream::fill_info() {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> finished{};
  const auto size = client_ ? SSL_get_finished(ssl_.get(), finished.data(), finished.size())
                            : SSL_get_peer_finished(ssl_.get(), finished.data(), finished.size());
  info_.session_id = SessionId(BytesView(finished).first(std::min(size, finished.size())));
  const std::uint8_t* name = nullptr;
  unsigned name_size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &name_size);
  if (name_size != 0) info_.alpn = std::string(as_text({name, name_size}));
  info_.peer_certificates = std::move(verification_.chain);
  info_.web = context_->is_web(ssl_.get());
  if (!info_.web) info_.shown = context_->credentials();
}

void Stream::wait_readable() {
  if (std::exchange(waits_readable_, true)) return;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& error) {
    self->waits_readable_ = false;
    if (error || self->state_ == State::closed) return;
    self->socket_end_.drained = false;
    self->on_ready();
  });
}

void Stream::wait_writable() {
  if (std::exchange(waits_writable_, true)) return;
  socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const error_code& error) {
    self->waits_writable_ = false;
    if (error || self->state_ == State::closed) return;
    if (self->state_ != State::handshaking) self->flush();
    if (self->state_ == State::handshaking || self->read_wants_write_) self->on_ready();
  });
}

void Stream::on_ready() {
  if (state_ == State::handshaking) {
    shake_hands();
  } else {
    read();
    if (!queue_.empty() && !waits_writable_) flush();
  }
}

void Stream::start(Channel::Handlers handlers) {
  if (state_ != State::open) return;
  handlers_ = std::make_shared<Channel::Handlers>(std::move(handlers));
  read_later();  // OpenSSL may hold what came with the end of the handshake
}

void Stream::pause(bool paused) {
  paused_ = paused;
  if (!paused) read_later();
}

void Stream::read_later() {
  if (std::exchange(read_posted_, true)) return;
  loop_.post([self = shared_from_this()] {
    self->read_posted_ = false;
    self->read();
  });
}

void Stream::read() {
  if (reading_) return;
  reading_ = true;
  std::array<std::uint8_t, record_size> record;
  int left = records_per_turn;
  // A closing stream reads too, and throws away: unread octets would make the kernel reset the connection, and the peer
  // lose what was sent last.
  while (state_ == State::lingering || (state_ == State::open && handlers_ && !paused_)) {
    if (left-- == 0) {
      read_later();
      break;
    }
    ERR_clear_error();
    std::size_t size = 0;
    read_wants_write_ = false;
    if (SSL_read_ex(ssl_.get(), record.data(), record.size(), &size) == 1) {
      deliver(BytesView(record).first(size));
      continue;
    }
    const int why = SSL_get_error(ssl_.get(), 0);
    if (why == SSL_ERROR_WANT_READ) {
      wait_readable();
    } else if (why == SSL_ERROR_WANT_WRITE) {
      read_wants_write_ = true;
      wait_writable();
    } else if (state_ == State::lingering) {
      shut();
    } else {
      end(stream_error());
    }
    break;
  }
  reading_ = false;
}

void Stream::deliver(BytesView octets) {
  const auto handlers = handlers_;  // outlives an owner that drops the channel
  if (handlers && handlers->data) handlers->data(octets);
}

void Stream::send(Bytes octets) {
  if (state_ != State::open || octets.empty()) return;
  pending_ += octets.size();
  queue_.push_back(std::move(octets));
  if (waits_writable_) {
    waited_ = true;
  } else {
    write_queue();
  }
}

void Stream::flush() {
  write_queue();
  if (state_ == State::closing && queue_.empty()) send_close_notify();
}

void Stream::write_queue() {
  while (!queue_.empty() && (state_ == State::open || state_ == State::closing)) {
    const auto rest = BytesView(queue_.front()).subspan(written_);
    ERR_clear_error();
    std::size_t size = 0;
    if (SSL_write_ex(ssl_.get(), rest.data(), std::min(rest.size(), record_size), &size) == 1) {
      written_ += size;
      pending_ -= size;
      if (written_ < queue_.front().size()) continue;
      queue_.pop_front();
      written_ = 0;
      continue;
    }
    const int why = SSL_get_error(ssl_.get(), 0);
    waited_ = true;
    if (why == SSL_ERROR_WANT_WRITE) return wait_writable();
    if (why == SSL_ERROR_WANT_READ) return wait_readable();
    // Said later: this may be inside a call of the owner's.
    auto error = stream_error();
    queue_.clear();
    loop_.post([self = shared_from_this(), error = std::move(error)]() mutable { self->end(std::move(error)); });
    return;
  }
  if (pending_ == 0 && std::exchange(waited_, false)) tell_drained();
}

void Stream::tell_drained() {
  if (!handlers_ || !handlers_->drained || std::exchange(drained_posted_, true)) return;
  loop_.post([self = shared_from_this()] {
    self->drained_posted_ = false;
    const auto handlers = self->handlers_;
    if (handlers && self->pending_ == 0) handlers->drained();
  });
}

Error Stream::stream_error() const {
  const int number = errno;
  const int why = SSL_get_error(ssl_.get(), 0);
  if (why == SSL_ERROR_ZERO_RETURN || socket_end_.peer_closed) {
    return {ErrorKind::network, "the peer closed the connection", Advice::retry};
  }
  if (why == SSL_ERROR_SYSCALL && number != 0 && ERR_peek_error() == 0) return socket_error(number);
  return {ErrorKind::network, "TLS failed: " + take_openssl_error(), Advice::retry};
}

void Stream::end(Error error) {
  if (state_ != State::open) {
    if (state_ != State::closed) shut();
    return;
  }
  const auto handlers = std::exchange(handlers_, nullptr);
  const bool peer_notified = (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  if (peer_notified && !queue_.empty()) {
    begin_closing();  // the peer closed its half only
  } else {
    shut();
  }
  if (handlers && handlers->closed) handlers->closed(std::move(error));
}

void Stream::close() {
  if (state_ != State::open) return;
  handlers_.reset();
  begin_closing();
}

void Stream::begin_closing() {
  state_ = State::closing;
  linger_ = loop_.after(linger_time, [this] { shut(); });
  if (!waits_writable_) flush();
}

void Stream::send_close_notify() {
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_.get());
  if (result < 0 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_WRITE) return wait_writable();
  error_code ignored;
  (void)socket_.shutdown(Socket::shutdown_send, ignored);
  state_ = State::lingering;
  read_later();
}

void Stream::drop() {
  handlers_.reset();
  handshake_done_ = nullptr;
  if (state_ == State::closing || state_ == State::lingering) return;
  abort();
}

void Stream::abort() {
  handlers_.reset();
  if (state_ == State::open && queue_.empty()) {
    ERR_clear_error();
    (void)SSL_shutdown(ssl_.get());
  }
  shut();
}

void Stream::shut() {
  state_ = State::closed;
  linger_.cancel();
  queue_.clear();
  pending_ = 0;
  error_code ignored;
  (void)socket_.close(ignored);
  socket_end_.descriptor = -1;
  place_.reset();
}

}  // namespace simplex::transport::tls
