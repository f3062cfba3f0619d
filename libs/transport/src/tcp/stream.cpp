#include "tcp/stream.hpp"

#include <array>

#include "stream_channel.hpp"

namespace simplex::transport {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t piece_size = 16'384;
// Pieces read before others have their turn.
constexpr int pieces_per_turn = 16;
// How long a closed connection may take to send what is queued and to hear the peer's end.
constexpr auto linger_time = std::chrono::seconds(5);

Error stream_error(const error_code& error) {
  if (error == asio::error::eof) return {ErrorKind::network, "the peer closed the connection", Advice::retry};
  if (error == asio::error::connection_reset || error == asio::error::broken_pipe) {
    return {ErrorKind::network, "the peer reset the connection", Advice::retry};
  }
  return {ErrorKind::network, "the connection failed: " + error.message(), Advice::retry};
}

}  // namespace

TcpStream::TcpStream(async::Loop& loop, Socket socket) : loop_(loop), socket_(std::move(socket)) {
  socket_.non_blocking(true);
}

ChannelPtr TcpStream::into_channel() { return std::make_unique<StreamChannel<TcpStream>>(shared_from_this()); }

void TcpStream::wait_readable() {
  if (std::exchange(waits_readable_, true)) return;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& error) {
    self->waits_readable_ = false;
    if (!error && self->state_ != State::closed) self->read();
  });
}

void TcpStream::wait_writable() {
  if (std::exchange(waits_writable_, true)) return;
  socket_.async_wait(Socket::wait_write, [self = shared_from_this()](const error_code& error) {
    self->waits_writable_ = false;
    if (!error && self->state_ != State::closed) self->write();
  });
}

void TcpStream::start(Channel::Handlers handlers) {
  if (state_ != State::open) return;
  handlers_ = std::make_shared<Channel::Handlers>(std::move(handlers));
  wait_readable();
}

void TcpStream::pause(bool paused) {
  paused_ = paused;
  if (!paused) read_later();
}

void TcpStream::read_later() {
  if (std::exchange(read_posted_, true)) return;
  loop_.post([self = shared_from_this()] {
    self->read_posted_ = false;
    self->read();
  });
}

void TcpStream::read() {
  if (std::exchange(reading_, true)) return;
  std::array<std::uint8_t, piece_size> piece;
  int left = pieces_per_turn;
  // A closing stream reads too, and throws away: unread octets would make the kernel reset the connection, and the peer
  // lose what was sent last.
  while (state_ == State::lingering || (state_ == State::open && handlers_ && !paused_)) {
    if (left-- == 0) {
      read_later();
      break;
    }
    error_code error;
    const auto size = socket_.read_some(asio::buffer(piece), error);
    if (!error) {
      const auto handlers = handlers_;  // outlives an owner that drops the channel
      if (handlers && handlers->data) handlers->data(BytesView(piece).first(size));
      continue;
    }
    if (error == asio::error::would_block || error == asio::error::try_again) {
      wait_readable();
    } else if (state_ == State::lingering) {
      shut();
    } else {
      end(stream_error(error));
    }
    break;
  }
  reading_ = false;
}

void TcpStream::send(Bytes octets) {
  if (state_ != State::open || octets.empty()) return;
  pending_ += octets.size();
  queue_.push_back(std::move(octets));
  if (waits_writable_) {
    waited_ = true;
  } else {
    write();
  }
}

void TcpStream::write() {
  while (!queue_.empty() && (state_ == State::open || state_ == State::closing)) {
    const auto rest = BytesView(queue_.front()).subspan(written_);
    error_code error;
    const auto size = socket_.write_some(asio::buffer(rest.data(), rest.size()), error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      waited_ = true;
      return wait_writable();
    }
    if (error) {
      // Said later: this may be inside a call of the owner's.
      queue_.clear();
      loop_.post([self = shared_from_this(), why = stream_error(error)]() mutable { self->end(std::move(why)); });
      return;
    }
    written_ += size;
    pending_ -= size;
    if (written_ < queue_.front().size()) continue;
    queue_.pop_front();
    written_ = 0;
  }
  if (pending_ != 0) return;
  if (state_ == State::closing) {
    error_code ignored;
    (void)socket_.shutdown(Socket::shutdown_send, ignored);
    state_ = State::lingering;
    return read_later();
  }
  if (!std::exchange(waited_, false) || !handlers_ || !handlers_->drained || std::exchange(drained_posted_, true)) {
    return;
  }
  loop_.post([self = shared_from_this()] {
    self->drained_posted_ = false;
    const auto handlers = self->handlers_;
    if (handlers && self->pending_ == 0) handlers->drained();
  });
}

void TcpStream::end(Error error) {
  const bool told = state_ == State::open;
  const auto handlers = std::exchange(handlers_, nullptr);
  if (state_ != State::closed) shut();
  if (told && handlers && handlers->closed) handlers->closed(std::move(error));
}

void TcpStream::close() {
  if (state_ != State::open) return;
  handlers_.reset();
  state_ = State::closing;
  linger_ = loop_.after(linger_time, [this] { shut(); });
  if (!waits_writable_) write();
}

void TcpStream::drop() {
  handlers_.reset();
  if (state_ == State::open) shut();
}

void TcpStream::abort() {
  handlers_.reset();
  shut();
}

void TcpStream::shut() {
  state_ = State::closed;
  linger_.cancel();
  queue_.clear();
  pending_ = 0;
  error_code ignored;
  (void)socket_.close(ignored);
}

}  // namespace simplex::transport
