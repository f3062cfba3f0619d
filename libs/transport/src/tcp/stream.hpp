// One TCP connection as a Channel. Readiness is waited for through Asio; octets go directly between socket and owner.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <deque>

#include "simplex/transport/channel.hpp"

namespace simplex::transport {

class TcpStream : public std::enable_shared_from_this<TcpStream> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  TcpStream(async::Loop& loop, Socket socket);

  [[nodiscard]] ChannelPtr into_channel();

  [[nodiscard]] const ChannelInfo& info() const { return info_; }
  [[nodiscard]] std::size_t pending() const { return pending_; }
  void start(Channel::Handlers handlers);
  void send(Bytes octets);
  void pause(bool paused);
  void close();
  // The owner is gone: nothing is called after this. What close() has begun goes on.
  void drop();
  void abort();

 private:
  enum class State { open, closing, lingering, closed };

  void wait_readable();
  void wait_writable();
  void read();
  void read_later();
  void write();
  void end(Error error);
  void shut();

  async::Loop& loop_;
  Socket socket_;
  ChannelInfo info_;
  State state_ = State::open;
  std::shared_ptr<Channel::Handlers> handlers_;
  bool paused_ = false;
  bool reading_ = false;
  bool read_posted_ = false;
  bool waits_readable_ = false;
  bool waits_writable_ = false;
  bool drained_posted_ = false;
  bool waited_ = false;  // something was not written at once: the owner saw it as pending
  std::deque<Bytes> queue_;
  std::size_t written_ = 0;  // of the first in the queue
  std::size_t pending_ = 0;
  async::Timer linger_;
};

}  // namespace simplex::transport
