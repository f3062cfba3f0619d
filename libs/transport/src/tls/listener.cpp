#include <boost/asio/ip/tcp.hpp>
#include <list>

#include "simplex/async/asio_access.hpp"
#include "simplex/transport/web_socket.hpp"
#include "tcp/acceptors.hpp"
#include "tls/stream.hpp"

namespace simplex::transport {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Waiting for descriptors or memory to become free, when there are none for another connection.
constexpr auto exhausted_pause = std::chrono::milliseconds(200);

struct Port {
  tcp::acceptor acceptor;
  Serves serves;
  std::shared_ptr<PortCounters> counters;
};

Result<std::shared_ptr<const tls::Context>> web_context(const std::shared_ptr<const WebCredentials>& credentials,
                                                        TlsVersions versions) {
  if (!credentials) return std::shared_ptr<const tls::Context>();
  return tls::Context::for_web_servers(*credentials, versions);
}

// 4 octets, or 16; nothing when the peer is gone already.
Bytes address_of(const tcp::socket& socket) {
  error_code error;
  const auto peer = socket.remote_endpoint(error);
  if (error) return {};
  const auto address = peer.address();
  if (address.is_v4()) return to_bytes(address.to_v4().to_bytes());
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return to_bytes(asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_bytes());
  return to_bytes(v6.to_bytes());
}

// The place of a socket: with those of its port, and with those that were let in. Lives on the listener's loop.
class SocketPlace final : public Admission::Place {
 public:
  SocketPlace(std::shared_ptr<PortCounters> port, std::unique_ptr<Admission::Place> admitted)
      : port_(std::move(port)), admitted_(std::move(admitted)) {
    ++port_->accepted;
  }
  ~SocketPlace() override { ++port_->closed; }
  SocketPlace(const SocketPlace&) = delete;
  SocketPlace& operator=(const SocketPlace&) = delete;

 private:
  std::shared_ptr<PortCounters> port_;
  std::unique_ptr<Admission::Place> admitted_;
};

// What goes on in a listener; kept by its waits until it is stopped.
class Listening : public std::enable_shared_from_this<Listening> {
 public:
  Listening(async::Loop& loop, const ServerCredentials& credentials, std::shared_ptr<const tls::Context> web,
            ListenSettings settings, TlsListener::Handlers handlers, std::vector<Port> ports)
      : loop_(loop),
        settings_(std::move(settings)),
        handlers_(std::move(handlers)),
        ports_(std::move(ports)),
        web_(std::move(web)) {
    use_credentials(credentials);
  }

  void begin() {
    for (auto& port : ports_) accept(port);
  }

  void use_credentials(const ServerCredentials& credentials) {
    credentials_ = std::make_shared<const ServerCredentials>(credentials.clone());
    make_contexts();
  }
  void set_web(std::shared_ptr<const tls::Context> web) {
    web_ = std::move(web);
    make_contexts();
  }
  const TlsVersions& versions() const { return settings_.versions; }

  std::vector<std::uint16_t> ports() const {
    std::vector<std::uint16_t> made;
    made.reserve(ports_.size());
    for (const auto& port : ports_) made.push_back(port.acceptor.local_endpoint().port());
    return made;
  }

  TlsListener::Counters counters() const {
    auto counted = counters_;
    counted.handshakes = handshakes_.size();
    return counted;
  }

  std::vector<PortCounters> port_counters() const {
    std::vector<PortCounters> made;
    made.reserve(ports_.size());
    for (const auto& port : ports_) made.push_back(*port.counters);
    return made;
  }

  void stop_accepting() {
    pause_.cancel();
    error_code ignored;
    for (auto& port : ports_) (void)port.acceptor.close(ignored);
  }

  void stop() {
    stopped_ = true;
    stop_accepting();
    for (auto& one : handshakes_) one.stream->drop();
    handshakes_.clear();
  }

 private:
  struct Handshake {
    std::shared_ptr<tls::Stream> stream;
    async::Timer limit;
  };
  using Place = std::list<Handshake>::iterator;

  void make_contexts() {
    const auto smp = [&](std::shared_ptr<const tls::Context> web) {
      return tls::Context::for_servers(credentials_, settings_.versions, settings_.alpn,
                                       settings_.ask_client_certificate, std::move(web));
    };
    smp_ = smp(nullptr);
    smp_and_web_ = web_ ? smp(web_) : smp_;
  }

  const std::shared_ptr<const tls::Context>& context_for(Serves serves) const {
    switch (serves) {
      case Serves::smp:
      case Serves::smp_in_web_sockets: return smp_;
      case Serves::smp_and_web: return smp_and_web_;
      case Serves::web: break;
    }
    return web_;
  }

  void accept(Port& port) {
    port.acceptor.async_accept([self = shared_from_this(), &port](const error_code& error, tcp::socket socket) {
      const auto& acceptor = port.acceptor;
      if (self->stopped_ || !acceptor.is_open()) return;
      if (!error) {
        self->begin_handshake(std::move(socket), port);
      } else if (error == asio::error::no_descriptors || error == asio::error::no_memory ||
                 error == asio::error::no_buffer_space || error == boost::system::errc::too_many_files_open_in_system) {
        return self->pause_accepting(error);
      } else if (error == asio::error::operation_aborted) {
        return;
      }
      // Other errors are of the one connection that was lost before it was accepted.
      if (!self->stopped_ && acceptor.is_open()) self->accept(port);
    });
  }

  void pause_accepting(const error_code& error) {
    refuse({ErrorKind::limit, "no connection can be accepted: " + error.message() +
                                  ". Raise the limit of open files (ulimit -n, or LimitNOFILE= of systemd)"});
    if (stopped_) return;
    pause_ = loop_.after(exhausted_pause, [self = shared_from_this()] {
      for (auto& port : self->ports_) {
        port.acceptor.cancel();
        self->accept(port);
      }
    });
  }

  void begin_handshake(tcp::socket socket, const Port& port) {
    ++counters_.connections;
    auto context = context_for(port.serves);
    if (!context) return refuse({ErrorKind::unsupported, "there is no web certificate"});
    std::unique_ptr<Admission::Place> admitted;
    if (settings_.admission) {
      admitted = settings_.admission->admit(address_of(socket));
      if (!admitted) {
        ++counters_.not_admitted;
        ++port.counters->accepted;
        ++port.counters->closed;
        return refuse({ErrorKind::limit, "an address has too many connections, or opens them too often"});
      }
    }
    auto held = std::make_unique<SocketPlace>(port.counters, std::move(admitted));
    if (handshakes_.size() >= settings_.max_handshakes && !handshakes_.empty()) {
      ++counters_.dropped_handshakes;
      end_handshake(handshakes_.begin(), {ErrorKind::limit, "too many TLS handshakes at once: the oldest is dropped"});
      if (stopped_) return;
    }
    tls::set_socket_options(socket, settings_.keep_alive);
    if (settings_.send_buffer > 0) tls::limit_send_buffer(socket, settings_.send_buffer);
    const auto place = handshakes_.emplace(handshakes_.end());
    place->stream = std::make_shared<tls::Stream>(loop_, std::move(context), std::move(socket), std::nullopt,
                                                  std::vector<std::string>{});
    place->stream->hold(std::move(held));
    place->limit = loop_.after(settings_.handshake_timeout, [self = shared_from_this(), place] {
      ++self->counters_.timed_out;
      self->end_handshake(place, {ErrorKind::timeout, "a client did not finish the TLS handshake in time"});
    });
    place->stream->handshake([self = shared_from_this(), place, serves = port.serves](Result<> result) {
      if (!result) return self->end_handshake(place, std::move(result).error());
      const auto stream = std::move(place->stream);
      self->handshakes_.erase(place);
      ++self->counters_.channels;
      auto channel = stream->into_channel();
      if (serves == Serves::smp_in_web_sockets) channel = accept_web_socket(self->loop_, std::move(channel));
      if (self->handlers_.accepted) self->handlers_.accepted(std::move(channel));
    });
  }

  void end_handshake(Place place, const Error& error) {
    place->stream->drop();
    handshakes_.erase(place);
    refuse(error);
  }

  void refuse(const Error& error) {
    ++counters_.refused;
    if (handlers_.refused) handlers_.refused(error);
  }

  async::Loop& loop_;
  const ListenSettings settings_;
  TlsListener::Handlers handlers_;
  std::vector<Port> ports_;
  std::shared_ptr<const ServerCredentials> credentials_;
  std::shared_ptr<const tls::Context> web_;
  std::shared_ptr<const tls::Context> smp_;
  std::shared_ptr<const tls::Context> smp_and_web_;
  std::list<Handshake> handshakes_;  // oldest first
  async::Timer pause_;
  TlsListener::Counters counters_;
  bool stopped_ = false;
};

class Listener final : public TlsListener {
 public:
  explicit Listener(std::shared_ptr<Listening> listening)
      : listening_(std::move(listening)), ports_(listening_->ports()) {}
  ~Listener() override { listening_->stop(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const std::vector<std::uint16_t>& ports() const override { return ports_; }
  Counters counters() const override { return listening_->counters(); }
  std::vector<PortCounters> port_counters() const override { return listening_->port_counters(); }
  void stop_accepting() override { listening_->stop_accepting(); }
  void use_credentials(const ServerCredentials& credentials) override { listening_->use_credentials(credentials); }
  Result<> use_web_credentials(const std::shared_ptr<const WebCredentials>& credentials) override {
    SIMPLEX_ASSIGN(auto web, web_context(credentials, listening_->versions()));
    listening_->set_web(std::move(web));
    return {};
  }

 private:
  std::shared_ptr<Listening> listening_;
  std::vector<std::uint16_t> ports_;
};

}  // namespace

Result<std::unique_ptr<TlsListener>> listen_tls(async::Loop& loop, const ServerCredentials& credentials,
                                                ListenSettings settings, TlsListener::Handlers handlers) {
  auto* const asio_context = async::asio_context_of(loop);
  if (asio_context == nullptr) throw std::invalid_argument("TLS listeners need a loop made by make_thread_loop()");
  std::vector<Port> ports;
  for (const auto& address : settings.addresses) {
    SIMPLEX_ASSIGN(auto acceptors, tcp_ports::listen_on(*asio_context, address, settings.sharing));
    for (auto& acceptor : acceptors) {
      auto counters = std::make_shared<PortCounters>(acceptor.local_endpoint().port());
      ports.push_back({std::move(acceptor), address.serves, std::move(counters)});
    }
  }
  SIMPLEX_ASSIGN(auto web, web_context(settings.web, settings.versions));
  const auto listening = std::make_shared<Listening>(loop, credentials, std::move(web), std::move(settings),
                                                     std::move(handlers), std::move(ports));
  auto listener = std::make_unique<Listener>(listening);
  listening->begin();
  return listener;
}

}  // namespace simplex::transport
