// TCP, and TLS of the web over it, to one host.
#include <boost/asio/ip/tcp.hpp>
#include <deque>

#include "simplex/async/asio_access.hpp"
#include "simplex/transport/web.hpp"
#include "tcp/stream.hpp"
#include "tls/stream.hpp"

namespace simplex::transport {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// The addresses of the host in order; of each TCP, then TLS. Kept by what it waits for.
class Connecting : public std::enable_shared_from_this<Connecting> {
 public:
  using Done = WebConnector::Done;

  // Without a context there is no TLS.
  Connecting(async::Loop& loop, asio::io_context& context, std::shared_ptr<const tls::Context> tls, Endpoint endpoint,
             Done done)
      : loop_(loop),
        tls_(std::move(tls)),
        endpoint_(std::move(endpoint)),
        done_(std::move(done)),
        resolver_(context),
        socket_(context) {}

  void begin(Duration timeout) {
    deadline_ = loop_.after(timeout, [self = shared_from_this()] {
      self->finish(fail(ErrorKind::timeout, "no answer from " + self->endpoint_.host + " in time", Advice::retry));
    });
    loop_.post([self = shared_from_this()] { self->look_up(); });
  }

  void cancel() {
    done_ = nullptr;
    release();
  }

 private:
  void look_up() {
    if (!done_) return;
    error_code not_literal;
    const auto literal = asio::ip::make_address(endpoint_.host, not_literal);
    if (!not_literal) {
      addresses_.emplace_back(literal, endpoint_.port);
      return next();
    }
    resolver_.async_resolve(
        endpoint_.host, std::to_string(endpoint_.port), tcp::resolver::numeric_service,
        [self = shared_from_this()](const error_code& error, const tcp::resolver::results_type& found) {
          if (error) self->error_ = error;
          for (const auto& one : found) self->addresses_.push_back(one.endpoint());
          self->next();
        });
  }

  void next() {
    if (!done_) return;
    if (addresses_.empty()) {
      return finish(
          fail(ErrorKind::network, "can't connect to " + endpoint_.host + ": " + error_.message(), Advice::retry));
    }
    const auto address = addresses_.front();
    addresses_.pop_front();
    error_code ignored;
    (void)socket_.close(ignored);
    socket_.async_connect(address, [self = shared_from_this()](const error_code& error) {
      if (!self->done_) return;
      if (!error) return self->connected();
      self->error_ = error;
      self->next();
    });
  }

  void connected() {
    tls::set_socket_options(socket_, {});
    if (!tls_) return finish(std::make_shared<TcpStream>(loop_, std::move(socket_))->into_channel());
    stream_ = std::make_shared<tls::Stream>(loop_, tls_, std::move(socket_), endpoint_.host);
    stream_->handshake([self = shared_from_this()](Result<> result) {
      auto stream = std::exchange(self->stream_, nullptr);
      if (!result) return self->finish(fail_in("can't connect to " + self->endpoint_.host, std::move(result).error()));
      self->finish(stream->into_channel());
    });
  }

  void finish(Result<ChannelPtr> result) {
    auto done = std::exchange(done_, nullptr);
    release();
    if (done) done(std::move(result));
  }

  void release() {
    deadline_.cancel();
    resolver_.cancel();
    if (auto stream = std::exchange(stream_, nullptr)) stream->drop();
    error_code ignored;
    (void)socket_.close(ignored);
  }

  async::Loop& loop_;
  std::shared_ptr<const tls::Context> tls_;
  const Endpoint endpoint_;
  Done done_;
  tcp::resolver resolver_;
  tcp::socket socket_;
  std::shared_ptr<tls::Stream> stream_;
  std::deque<tcp::endpoint> addresses_;
  error_code error_;
  async::Timer deadline_;
};

class Attempt final : public Connector::Attempt {
 public:
  explicit Attempt(std::shared_ptr<Connecting> connecting) : connecting_(std::move(connecting)) {}
  ~Attempt() override { connecting_->cancel(); }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

 private:
  std::shared_ptr<Connecting> connecting_;
};

std::unique_ptr<Connector::Attempt> connect_to(async::Loop& loop, std::shared_ptr<const tls::Context> tls,
                                               Endpoint endpoint, Duration timeout, Connecting::Done done) {
  auto* const context = async::asio_context_of(loop);
  if (context == nullptr) throw std::invalid_argument("TCP connections need a loop made by make_thread_loop()");
  const auto connecting =
      std::make_shared<Connecting>(loop, *context, std::move(tls), std::move(endpoint), std::move(done));
  connecting->begin(timeout);
  return std::make_unique<Attempt>(connecting);
}

class TcpWebConnector final : public WebConnector {
 public:
  explicit TcpWebConnector(std::shared_ptr<const tls::Context> tls) : tls_(std::move(tls)) {}
  std::unique_ptr<Connector::Attempt> connect(async::Loop& loop, Endpoint endpoint, Duration timeout,
                                              Done done) override {
    return connect_to(loop, tls_, std::move(endpoint), timeout, std::move(done));
  }

 private:
  std::shared_ptr<const tls::Context> tls_;
};

}  // namespace

std::unique_ptr<Connector::Attempt> connect_tcp(async::Loop& loop, Endpoint endpoint, Duration timeout,
                                                std::move_only_function<void(Result<ChannelPtr>)> done) {
  return connect_to(loop, nullptr, std::move(endpoint), timeout, std::move(done));
}

Result<std::unique_ptr<WebConnector>> make_web_connector(WebConnectorSettings settings) {
  std::shared_ptr<const tls::Context> tls;
  if (settings.tls) {
    SIMPLEX_ASSIGN(tls, tls::Context::for_web_clients(settings.authorities));
  }
  return std::make_unique<TcpWebConnector>(std::move(tls));
}

}  // namespace simplex::transport
