// One TLS connection over a connected socket: the handshake, then a Channel. Readiness is waited for through Asio;
// octets go directly between the socket, OpenSSL and the owner.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <deque>

#include "simplex/transport/channel.hpp"
#include "tls/context.hpp"

namespace simplex::transport::tls {

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Done = std::move_only_function<void(Result<>)>;

  // With an identity the stream is a client's, and offers the ALPN names; without, a server's.
  Stream(async::Loop& loop, std::shared_ptr<const Context> context, Socket socket, std::optional<KeyHash> identity,
         const std::vector<std::string>& alpn);
  // A web client's, which wants a certificate of this host.
  Stream(async::Loop& loop, std::shared_ptr<const Context> context, Socket socket, const std::string& host);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Kept as long as the socket is open.
  void hold(std::unique_ptr<Admission::Place> place) { place_ = std::move(place); }
  // `done` is not called inside the call, nor after drop().
  void handshake(Done done);
  // After a successful handshake.
  [[nodiscard]] ChannelPtr into_channel();

  [[nodiscard]] const ChannelInfo& info() const { return info_; }
  [[nodiscard]] std::size_t pending() const { return pending_; }
  void start(Channel::Handlers handlers);
  void send(Bytes octets);
  void pause(bool paused);
  void close();
  // The owner is gone, or wants no more: nothing is called after this. What close() has begun goes on.
  void drop();
  void abort();

 private:
  enum class State { handshaking, open, closing, lingering, closed };

  void shake_hands();
  void finish_handshake(Result<> result);
  [[nodiscard]] Error handshake_error(int result) const;
  void fill_info();

  void wait_readable();
  void wait_writable();
  void on_ready();
  void read();
  void deliver(BytesView octets);
  void read_later();
  void flush();
  void write_queue();
  void tell_drained();
  // The stream is over, with this error for the owner.
  void end(Error error);
  [[nodiscard]] Error stream_error() const;
  void begin_closing();
  void send_close_notify();
  void shut();

  async::Loop& loop_;
  std::shared_ptr<const Context> context_;
  Socket socket_;
  std::unique_ptr<Admission::Place> place_;
  const std::optional<KeyHash> identity_;
  const bool client_;
  SocketEnd socket_end_;
  Verification verification_;
  SslPtr ssl_;
  ChannelInfo info_;

  State state_ = State::handshaking;
  Done handshake_done_;
  std::shared_ptr<Channel::Handlers> handlers_;
  bool paused_ = false;
  bool waits_readable_ = false;
  bool waits_writable_ = false;
  bool reading_ = false;
  bool read_posted_ = false;
  bool read_wants_write_ = false;
  bool drained_posted_ = false;
  bool waited_ = false;  // something was not written at once: the owner saw it as pending

  std::deque<Bytes> queue_;
  std::size_t written_ = 0;  // of the first in the queue
  std::size_t pending_ = 0;
  async::Timer linger_;
};

// TCP_NODELAY, and keep-alive as set.
void set_socket_options(Stream::Socket& socket, const KeepAlive& keep_alive);
// How much the kernel takes for a peer that does not read.
void limit_send_buffer(Stream::Socket& socket, std::size_t octets);

}  // namespace simplex::transport::tls
