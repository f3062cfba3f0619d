#include "simplex/async/asio_access.hpp"
#include "tcp/acceptors.hpp"
#include "tcp/stream.hpp"
#include "tls/stream.hpp"

namespace simplex::transport {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Waiting for descriptors or memory to become free, when there are none for another connection.
constexpr auto exhausted_pause = std::chrono::milliseconds(200);

bool exhausted(const error_code& error) {
  return error == asio::error::no_descriptors || error == asio::error::no_memory ||
         error == asio::error::no_buffer_space || error == boost::system::errc::too_many_files_open_in_system;
}

// Kept by its waits until it is stopped.
class Accepting : public std::enable_shared_from_this<Accepting> {
 public:
  Accepting(async::Loop& loop, KeepAlive keep_alive, std::vector<tcp::acceptor> acceptors,
            std::move_only_function<void(ChannelPtr)> accepted)
      : loop_(loop), keep_alive_(keep_alive), acceptors_(std::move(acceptors)), accepted_(std::move(accepted)) {}

  void begin() {
    for (auto& acceptor : acceptors_) accept(acceptor);
  }
  void stop() {
    pause_.cancel();
    error_code ignored;
    for (auto& acceptor : acceptors_) (void)acceptor.close(ignored);
  }
  std::vector<std::uint16_t> ports() const {
    std::vector<std::uint16_t> made;
    made.reserve(acceptors_.size());
    for (const auto& acceptor : acceptors_) made.push_back(acceptor.local_endpoint().port());
    return made;
  }

 private:
  void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([self = shared_from_this(), &acceptor](const error_code& error, tcp::socket socket) {
      if (!acceptor.is_open() || error == asio::error::operation_aborted) return;
      if (exhausted(error)) return self->pause();
      if (!error) {
        tls::set_socket_options(socket, self->keep_alive_);
        self->accepted_(std::make_shared<TcpStream>(self->loop_, std::move(socket))->into_channel());
      }
      if (acceptor.is_open()) self->accept(acceptor);
    });
  }

  void pause() {
    pause_ = loop_.after(exhausted_pause, [self = shared_from_this()] {
      for (auto& acceptor : self->acceptors_) {
        acceptor.cancel();
        self->accept(acceptor);
      }
    });
  }

  async::Loop& loop_;
  const KeepAlive keep_alive_;
  std::vector<tcp::acceptor> acceptors_;
  std::move_only_function<void(ChannelPtr)> accepted_;
  async::Timer pause_;
};

class Listener final : public TcpListener {
 public:
  explicit Listener(std::shared_ptr<Accepting> accepting)
      : accepting_(std::move(accepting)), ports_(accepting_->ports()) {}
  ~Listener() override { accepting_->stop(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const std::vector<std::uint16_t>& ports() const override { return ports_; }

 private:
  std::shared_ptr<Accepting> accepting_;
  std::vector<std::uint16_t> ports_;
};

}  // namespace

Result<std::unique_ptr<TcpListener>> listen_tcp(async::Loop& loop, TcpListenSettings settings,
                                                std::move_only_function<void(ChannelPtr)> accepted) {
  auto* const context = async::asio_context_of(loop);
  if (context == nullptr) throw std::invalid_argument("TCP listeners need a loop made by make_thread_loop()");
  std::vector<tcp::acceptor> acceptors;
  for (const auto& address : settings.addresses) {
    SIMPLEX_ASSIGN(auto some, tcp_ports::listen_on(*context, address, settings.sharing));
    std::ranges::move(some, std::back_inserter(acceptors));
  }
  const auto accepting =
      std::make_shared<Accepting>(loop, settings.keep_alive, std::move(acceptors), std::move(accepted));
  auto listener = std::make_unique<Listener>(accepting);
  accepting->begin();
  return listener;
}

}  // namespace simplex::transport
