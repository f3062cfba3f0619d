#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "simplex/async/asio_access.hpp"
#include "tls/stream.hpp"

namespace simplex::transport {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// An address that swallows packets must not take the time of those after it, nor should a slow one be given up early.
constexpr Duration min_time_for_address = std::chrono::seconds(3);

std::string name_of(const Endpoint& endpoint) {
  const bool ipv6 = endpoint.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

std::string seconds_text(Duration duration) {
  const auto whole = std::chrono::ceil<std::chrono::seconds>(duration).count();
  return std::to_string(whole) + (whole == 1 ? " second" : " seconds");
}

Error connect_error(const error_code& error) {
  namespace codes = asio::error;
  if (error == codes::connection_refused) {
    return {ErrorKind::network, "connection refused: nothing listens there", Advice::retry};
  }
  if (error == codes::network_unreachable || error == codes::host_unreachable) {
    return {ErrorKind::network, "the network or the host can't be reached", Advice::retry};
  }
  if (error == codes::timed_out) return {ErrorKind::timeout, "no answer", Advice::retry};
  return {ErrorKind::network, error.message(), Advice::retry};
}

bool is_public(const asio::ip::address& address) {
  if (address.is_v4()) return is_public_address(address.to_v4().to_bytes());
  return is_public_address(address.to_v6().to_bytes());
}

asio::ip::address address_of(const HostAddress& found) {
  if (found.octets.size() == 4) {
    asio::ip::address_v4::bytes_type ipv4;
    std::ranges::copy(found.octets, ipv4.begin());
    return asio::ip::address_v4(ipv4);
  }
  asio::ip::address_v6::bytes_type ipv6{};
  std::ranges::copy(BytesView(found.octets).first(std::min(found.octets.size(), ipv6.size())), ipv6.begin());
  return asio::ip::address_v6(ipv6, found.scope);
}

bool names_this_machine(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host == "localhost" || host.ends_with(".localhost");
}

Error private_target() {
  return {ErrorKind::unsupported, "this is not an address of the public network, and others are not connected to"};
}

// Endpoints in order; of each, its addresses in order; of each, TCP, SOCKS where the rules say so, and then TLS. Kept by
// what it waits for.
class Connecting : public std::enable_shared_from_this<Connecting> {
 public:
  using Done = std::move_only_function<void(Result<ChannelPtr>)>;

  Connecting(async::Loop& loop, asio::io_context& context, std::shared_ptr<const tls::Context> tls,
             const TlsConnectorSettings& settings, ConnectOptions options, Done done)
      : loop_(loop),
        tls_(std::move(tls)),
        keep_alive_(options.keep_alive.value_or(settings.keep_alive)),
        rules_(options.rules ? *options.rules : settings.network),
        options_(std::move(options)),
        done_(std::move(done)),
        resolver_(settings.resolver),
        socket_(context) {}

  void begin() {
    deadline_at_ = loop_.now() + options_.timeout;
    deadline_ = loop_.after(options_.timeout, [self = shared_from_this()] { self->out_of_time(); });
    loop_.post([self = shared_from_this()] {
      if (!self->done_) return;
      auto chosen = choose_endpoints(self->rules_, self->options_.endpoints);
      if (!chosen) return self->finish(std::unexpected(std::move(chosen).error()));
      self->endpoints_ = *std::move(chosen);
      self->next_endpoint();
    });
  }

  void cancel() {
    done_ = nullptr;
    release();
  }

 private:
  const Endpoint& endpoint() const { return endpoints_[endpoint_]; }

  void next_endpoint() {
    if (!done_) return;
    if (endpoint_next_ == endpoints_.size()) {
      return finish(std::unexpected(
          std::move(error_).value_or(Error{ErrorKind::internal, "there is no host to connect to", Advice::give_up})));
    }
    endpoint_ = endpoint_next_++;
    via_socks_ = through_socks(rules_, endpoint().host);
    if (is_onion(endpoint().host) && !via_socks_) {
      remember({ErrorKind::unsupported, "an onion host is reached through Tor: set a SOCKS proxy", Advice::ask_user});
      return next_endpoint();
    }
    if (via_socks_ && options_.public_addresses_only && !may_be_asked_of_socks()) {
      remember(private_target());
      return next_endpoint();
    }
    const auto& first = via_socks_ ? rules_.socks->server : endpoint();
    error_code not_literal;
    const auto literal = asio::ip::make_address(first.host, not_literal);
    if (!not_literal) return resolved({tcp::endpoint(literal, first.port)});
    lookup_ = resolver_->resolve(
        loop_, first.host, [self = shared_from_this(), port = first.port](Result<std::vector<HostAddress>> found) {
          if (self->done_) self->looked_up(std::move(found), port);
        });
  }

  void looked_up(Result<std::vector<HostAddress>> found, std::uint16_t port) {
    lookup_.reset();
    if (!found) {
      remember(std::move(found).error());
      return next_endpoint();
    }
    std::deque<tcp::endpoint> addresses;
    for (const auto& each : *found) addresses.emplace_back(address_of(each), port);
    resolved(std::move(addresses));
  }

  // A name is resolved by the SOCKS proxy, so that only its sight of the network counts.
  bool may_be_asked_of_socks() const {
    error_code not_literal;
    const auto literal = asio::ip::make_address(endpoint().host, not_literal);
    return not_literal ? !names_this_machine(endpoint().host) : is_public(literal);
  }

  // What is looked at is what is connected to: a name may resolve to anything, and differently each time.
  void resolved(std::deque<tcp::endpoint> addresses) {
    addresses_ = std::move(addresses);
    if (options_.public_addresses_only && !via_socks_) {
      std::erase_if(addresses_, [](const tcp::endpoint& each) { return !is_public(each.address()); });
      if (addresses_.empty()) remember(private_target());
    }
    next_address();
  }

  void next_address() {
    if (!done_) return;
    if (addresses_.empty()) return next_endpoint();
    const auto address = addresses_.front();
    addresses_.pop_front();
    const auto turn = ++turn_;
    limit_address(turn);
    error_code ignored;
    (void)socket_.close(ignored);
    socket_.async_connect(address, [self = shared_from_this(), turn](const error_code& error) {
      if (!self->done_ || turn != self->turn_) return;
      if (error) {
        self->remember(connect_error(error));
        return self->next_address();
      }
      if (self->via_socks_) return self->begin_socks(turn);
      self->secure(turn);
    });
  }

  std::optional<SocksCredentials> socks_credentials() const {
    switch (rules_.socks->isolation) {
      case SocksIsolation::by_user_name: return isolating_credentials(options_.isolation);
      case SocksIsolation::credentials: return rules_.socks->credentials;
      case SocksIsolation::none: break;
    }
    return std::nullopt;
  }

  void begin_socks(std::uint64_t turn) {
    auto begun = Socks5Dialogue::begin(endpoint(), socks_credentials());
    if (!begun) {
      remember(std::move(begun).error());
      return next_endpoint();
    }
    socks_ = std::move(*begun);
    socks_send(socks_->greeting(), turn);
  }

  void socks_send(Bytes octets, std::uint64_t turn) {
    socks_octets_ = std::move(octets);
    asio::async_write(socket_, asio::buffer(socks_octets_),
                      [self = shared_from_this(), turn](const error_code& error, std::size_t) {
                        if (!self->done_ || turn != self->turn_) return;
                        if (error) return self->socks_failed(socks_ended());
                        self->socks_read(turn);
                      });
  }

  void socks_read(std::uint64_t turn) {
    socks_octets_.resize(socks_->wanted());
    asio::async_read(socket_, asio::buffer(socks_octets_),
                     [self = shared_from_this(), turn](const error_code& error, std::size_t) {
                       if (!self->done_ || turn != self->turn_) return;
                       if (error) return self->socks_failed(socks_ended());
                       auto answer = self->socks_->receive(self->socks_octets_);
                       if (!answer) return self->socks_failed(std::move(answer).error());
                       if (!answer->empty()) return self->socks_send(*std::move(answer), turn);
                       if (self->socks_->wanted() > 0) return self->socks_read(turn);
                       self->secure(turn);
                     });
  }

  static Error socks_ended() { return {ErrorKind::network, "the SOCKS proxy closed the connection", Advice::retry}; }

  void socks_failed(Error error) {
    remember(std::move(error));
    next_address();
  }

  // While others wait for their turn, each has its share of the time that is left.
  void limit_address(std::uint64_t turn) {
    const auto others = static_cast<std::int64_t>(addresses_.size() + endpoints_.size() - endpoint_next_);
    if (others == 0) return address_limit_.cancel();
    const auto share = std::max((deadline_at_ - loop_.now()) / (others + 1), min_time_for_address);
    address_limit_ = loop_.after(share, [self = shared_from_this(), turn] {
      if (!self->done_ || turn != self->turn_) return;
      self->remember({ErrorKind::timeout, "no answer", Advice::retry});
      self->stream_drop();
      self->next_address();
    });
  }

  void secure(std::uint64_t turn) {
    tls::set_socket_options(socket_, keep_alive_);
    stream_ = std::make_shared<tls::Stream>(loop_, tls_, std::move(socket_), options_.identity, options_.alpn);
    stream_->handshake([self = shared_from_this(), turn](Result<> result) {
      if (!self->done_ || turn != self->turn_) return;
      if (!result) {
        self->remember(std::move(result).error());
        return self->next_address();
      }
      self->finish(std::exchange(self->stream_, nullptr)->into_channel());
    });
  }

  // A wrong fingerprint says more than a refused connection after it.
  void remember(Error error) {
    if (error_ && error_->kind == ErrorKind::authentication) return;
    error.message = "can't connect to " + name_of(endpoint()) + ": " + error.message;
    error_ = std::move(error);
  }

  void out_of_time() {
    if (!done_) return;
    if (error_ && error_->kind == ErrorKind::authentication) return finish(std::unexpected(std::move(*error_)));
    finish(fail(ErrorKind::timeout,
                "can't connect to " + name_of(endpoint()) + ": no answer in " + seconds_text(options_.timeout),
                Advice::retry));
  }

  void finish(Result<ChannelPtr> result) {
    auto done = std::exchange(done_, nullptr);
    release();
    if (done) done(std::move(result));
  }

  void stream_drop() {
    if (auto stream = std::exchange(stream_, nullptr)) stream->drop();
  }

  void release() {
    ++turn_;
    // The timers hold this object.
    deadline_.cancel();
    address_limit_.cancel();
    lookup_.reset();
    stream_drop();
    error_code ignored;
    (void)socket_.close(ignored);
  }

  async::Loop& loop_;
  std::shared_ptr<const tls::Context> tls_;
  const KeepAlive keep_alive_;
  const NetworkRules rules_;
  const ConnectOptions options_;
  Done done_;
  const std::shared_ptr<HostResolver> resolver_;
  std::unique_ptr<HostResolver::Lookup> lookup_;
  tcp::socket socket_;
  std::shared_ptr<tls::Stream> stream_;
  Instant deadline_at_;
  async::Timer deadline_;
  async::Timer address_limit_;
  std::vector<Endpoint> endpoints_;
  std::size_t endpoint_ = 0;
  std::size_t endpoint_next_ = 0;
  std::deque<tcp::endpoint> addresses_;
  bool via_socks_ = false;
  std::optional<Socks5Dialogue> socks_;
  Bytes socks_octets_;      // being written, or read
  std::uint64_t turn_ = 0;  // what belongs to an earlier one comes too late
  std::optional<Error> error_;
};

class TlsAttempt final : public Connector::Attempt {
 public:
  explicit TlsAttempt(std::shared_ptr<Connecting> connecting) : connecting_(std::move(connecting)) {}
  ~TlsAttempt() override { connecting_->cancel(); }
  TlsAttempt(const TlsAttempt&) = delete;
  TlsAttempt& operator=(const TlsAttempt&) = delete;

 private:
  std::shared_ptr<Connecting> connecting_;
};

class TlsConnector final : public Connector {
 public:
  explicit TlsConnector(TlsConnectorSettings settings)
      : settings_(std::move(settings)),
        context_(tls::Context::for_clients(settings_.versions, settings_.credentials.get())) {
    if (!settings_.resolver) settings_.resolver = make_host_resolver();
  }

  std::unique_ptr<Attempt> connect(async::Loop& loop, ConnectOptions options,
                                   std::move_only_function<void(Result<ChannelPtr>)> done) override {
    auto* const context = async::asio_context_of(loop);
    if (context == nullptr) throw std::invalid_argument("TLS connections need a loop made by make_thread_loop()");
    const auto connecting =
        std::make_shared<Connecting>(loop, *context, context_, settings_, std::move(options), std::move(done));
    connecting->begin();
    return std::make_unique<TlsAttempt>(connecting);
  }

 private:
  TlsConnectorSettings settings_;
  std::shared_ptr<const tls::Context> context_;
};

}  // namespace

std::unique_ptr<Connector> make_tls_connector(TlsConnectorSettings settings) {
  return std::make_unique<TlsConnector>(std::move(settings));
}

}  // namespace simplex::transport
