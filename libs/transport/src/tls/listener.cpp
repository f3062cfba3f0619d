#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <list>

#include "simplex/async/asio_access.hpp"
#include "tls/stream.hpp"

namespace simplex::transport {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int backlog = 1'024;
// Waiting for descriptors or memory to become free, when there are none for another connection.
constexpr auto exhausted_pause = std::chrono::milliseconds(200);

using PortReuse = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

std::string place_of(const Endpoint& address) {
  if (address.host.empty()) return "port " + std::to_string(address.port);
  return "port " + std::to_string(address.port) + " of " + address.host;
}

std::unexpected<Error> listen_error(const Endpoint& address, const error_code& error) {
  if (error == asio::error::address_in_use) {
    return fail(ErrorKind::conflict,
                place_of(address) + " is in use by another program: stop that program, or choose another port",
                Advice::ask_user);
  }
  if (error == asio::error::access_denied) {
    return fail(ErrorKind::conflict,
                place_of(address) +
                    " needs a permission: ports below 1024 are for programs with the capability "
                    "CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities). Give it, or choose a higher port",
                Advice::ask_user);
  }
  if (error == boost::system::errc::address_not_available) {
    return fail(ErrorKind::not_found, address.host + " is not an address of this machine", Advice::ask_user);
  }
  return fail(ErrorKind::network, "can't listen on " + place_of(address) + ": " + error.message(), Advice::ask_user);
}

Result<tcp::acceptor> open_acceptor(asio::io_context& context, const tcp::endpoint& at, const Endpoint& address,
                                    bool both_families, PortSharing sharing) {
  tcp::acceptor acceptor(context);
  error_code error;
  (void)acceptor.open(at.protocol(), error);
  if (!error) (void)acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && at.address().is_v6()) (void)acceptor.set_option(asio::ip::v6_only(!both_families), error);
  if (!error && sharing != PortSharing::alone) (void)acceptor.set_option(PortReuse(true), error);
  if (!error) (void)acceptor.bind(at, error);
  if (!error) (void)acceptor.listen(backlog, error);
  if (error) return listen_error(address, error);
  return acceptor;
}

// With shared ports the kernel would let another program join: whether one has the port shows without sharing only.
Result<> check_free(asio::io_context& context, const tcp::endpoint& at, const Endpoint& address, bool both_families) {
  if (address.port == 0) return {};
  SIMPLEX_TRY(open_acceptor(context, at, address, both_families, PortSharing::alone));
  return {};
}

Result<tcp::acceptor> listen_at(asio::io_context& context, const tcp::endpoint& at, const Endpoint& address,
                                bool both_families, PortSharing sharing) {
  if (sharing == PortSharing::first) SIMPLEX_TRY(check_free(context, at, address, both_families));
  return open_acceptor(context, at, address, both_families, sharing);
}

Result<std::vector<tcp::acceptor>> listen_on(asio::io_context& context, const Endpoint& address, PortSharing sharing) {
  std::vector<tcp::acceptor> made;
  if (address.host.empty()) {
    auto both = listen_at(context, {asio::ip::address_v6::any(), address.port}, address, true, sharing);
    if (!both && both.error().kind != ErrorKind::conflict) {  // a machine without IPv6
      both = listen_at(context, {asio::ip::address_v4::any(), address.port}, address, false, sharing);
    }
    if (!both) return std::unexpected(std::move(both).error());
    made.push_back(std::move(*both));
    return made;
  }
  error_code error;
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(address.host, std::to_string(address.port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error) {
    return fail(ErrorKind::not_found, address.host + " is not an address of this machine: " + error.message(),
                Advice::ask_user);
  }
  for (const auto& one : found) {
    SIMPLEX_ASSIGN(auto acceptor, listen_at(context, one.endpoint(), address, false, sharing));
    made.push_back(std::move(acceptor));
  }
  return made;
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

// What goes on in a listener; kept by its waits until it is stopped.
class Listening : public std::enable_shared_from_this<Listening> {
 public:
  Listening(async::Loop& loop, std::shared_ptr<const tls::Context> context, ListenSettings settings,
            TlsListener::Handlers handlers, std::vector<tcp::acceptor> acceptors)
      : loop_(loop),
        context_(std::move(context)),
        settings_(std::move(settings)),
        handlers_(std::move(handlers)),
        acceptors_(std::move(acceptors)) {}

  void begin() {
    for (auto& acceptor : acceptors_) accept(acceptor);
  }

  std::vector<std::uint16_t> ports() const {
    std::vector<std::uint16_t> made;
    made.reserve(acceptors_.size());
    for (const auto& acceptor : acceptors_) made.push_back(acceptor.local_endpoint().port());
    return made;
  }

  TlsListener::Counters counters() const {
    auto counted = counters_;
    counted.handshakes = handshakes_.size();
    return counted;
  }

  void use_credentials(const ServerCredentials& credentials) {
    context_ =
        tls::Context::for_servers(credentials, settings_.versions, settings_.alpn, settings_.ask_client_certificate);
  }

  void stop_accepting() {
    pause_.cancel();
    error_code ignored;
    for (auto& acceptor : acceptors_) (void)acceptor.close(ignored);
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

  void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([self = shared_from_this(), &acceptor](const error_code& error, tcp::socket socket) {
      if (self->stopped_ || !acceptor.is_open()) return;
      if (!error) {
        self->begin_handshake(std::move(socket));
      } else if (error == asio::error::no_descriptors || error == asio::error::no_memory ||
                 error == asio::error::no_buffer_space || error == boost::system::errc::too_many_files_open_in_system) {
        return self->pause_accepting(error);
      } else if (error == asio::error::operation_aborted) {
        return;
      }
      // Other errors are of the one connection that was lost before it was accepted.
      if (!self->stopped_ && acceptor.is_open()) self->accept(acceptor);
    });
  }

  void pause_accepting(const error_code& error) {
    refuse({ErrorKind::limit, "no connection can be accepted: " + error.message() +
                                  ". Raise the limit of open files (ulimit -n, or LimitNOFILE= of systemd)"});
    if (stopped_) return;
    pause_ = loop_.after(exhausted_pause, [self = shared_from_this()] {
      for (auto& acceptor : self->acceptors_) {
        acceptor.cancel();
        self->accept(acceptor);
      }
    });
  }

  void begin_handshake(tcp::socket socket) {
    ++counters_.connections;
    std::unique_ptr<Admission::Place> admitted;
    if (settings_.admission) {
      admitted = settings_.admission->admit(address_of(socket));
      if (!admitted) {
        ++counters_.not_admitted;
        return refuse({ErrorKind::limit, "an address has too many connections, or opens them too often"});
      }
    }
    if (handshakes_.size() >= settings_.max_handshakes && !handshakes_.empty()) {
      ++counters_.dropped_handshakes;
      end_handshake(handshakes_.begin(), {ErrorKind::limit, "too many TLS handshakes at once: the oldest is dropped"});
      if (stopped_) return;
    }
    tls::set_socket_options(socket, settings_.keep_alive);
    if (settings_.send_buffer > 0) tls::limit_send_buffer(socket, settings_.send_buffer);
    const auto place = handshakes_.emplace(handshakes_.end());
    place->stream =
        std::make_shared<tls::Stream>(loop_, context_, std::move(socket), std::nullopt, std::vector<std::string>{});
    place->stream->hold(std::move(admitted));
    place->limit = loop_.after(settings_.handshake_timeout, [self = shared_from_this(), place] {
      self->end_handshake(place, {ErrorKind::timeout, "a client did not finish the TLS handshake in time"});
    });
    place->stream->handshake([self = shared_from_this(), place](Result<> result) {
      if (!result) return self->end_handshake(place, std::move(result).error());
      const auto stream = std::move(place->stream);
      self->handshakes_.erase(place);
      ++self->counters_.channels;
      auto channel = stream->into_channel();
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
  std::shared_ptr<const tls::Context> context_;  // of the connections to come
  const ListenSettings settings_;
  TlsListener::Handlers handlers_;
  std::vector<tcp::acceptor> acceptors_;
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
  void stop_accepting() override { listening_->stop_accepting(); }
  void use_credentials(const ServerCredentials& credentials) override { listening_->use_credentials(credentials); }

 private:
  std::shared_ptr<Listening> listening_;
  std::vector<std::uint16_t> ports_;
};

}  // namespace

Result<std::unique_ptr<TlsListener>> listen_tls(async::Loop& loop, const ServerCredentials& credentials,
                                                ListenSettings settings, TlsListener::Handlers handlers) {
  auto* const asio_context = async::asio_context_of(loop);
  if (asio_context == nullptr) throw std::invalid_argument("TLS listeners need a loop made by make_thread_loop()");
  std::vector<tcp::acceptor> acceptors;
  for (const auto& address : settings.addresses) {
    SIMPLEX_ASSIGN(auto some, listen_on(*asio_context, address, settings.sharing));
    std::ranges::move(some, std::back_inserter(acceptors));
  }
  auto context =
      tls::Context::for_servers(credentials, settings.versions, settings.alpn, settings.ask_client_certificate);
  const auto listening = std::make_shared<Listening>(loop, std::move(context), std::move(settings), std::move(handlers),
                                                     std::move(acceptors));
  auto listener = std::make_unique<Listener>(listening);
  listening->begin();
  return listener;
}

}  // namespace simplex::transport
