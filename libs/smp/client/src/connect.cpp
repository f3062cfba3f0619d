#include <algorithm>

#include "connected_client.hpp"

namespace simplex::smp::client {

namespace {

constexpr std::uint16_t default_port = 5223;
constexpr std::uint16_t web_port = 443;

// From the call to the client: connection, then handshake, within one time limit.
class Connecting final : public Client::Attempt {
 public:
  Connecting(Dependencies dependencies, const protocol::ServerAddress& address, Options options, Handlers handlers,
             Done<std::unique_ptr<Client>> done)
      : dependencies_(dependencies),
        timeout_(options.connect_timeout),
        deadline_(dependencies.loop.now() + options.connect_timeout),
        done_(std::move(done)),
        client_(std::make_unique<ConnectedClient>(dependencies, address, options, std::move(handlers))) {}

  void start(const Options& wanted) {
    const protocol::ServerAddress& address = client_->address();
    const auto identity = transport::KeyHash::from(address.key_hash.view());
    if (!identity) return fail_later({ErrorKind::malformed, "the relay's address has no valid fingerprint"});
    const bool as_web = wanted.web_port && address.port.empty();
    const auto port = address.port.empty() ? (as_web ? web_port : default_port) : address.port_number();
    if (!port) return fail_later({ErrorKind::malformed, "the port in the relay's address is not a port"});
    transport::ConnectOptions options;
    for (const protocol::Host& host : address.hosts) options.endpoints.push_back({host.text(), *port});
    options.identity = *identity;
    options.timeout = timeout_;
    if (as_web) options.alpn = {"http/1.1"};
    options.public_addresses_only = wanted.public_addresses_only;
    options.isolation = wanted.isolation;
    options.rules = wanted.network;
    options.keep_alive = wanted.keep_alive;
    identity_ = *identity;
    connecting_ = dependencies_.connector.connect(dependencies_.loop, std::move(options),
                                                  [this](Result<transport::ChannelPtr> channel) {
                                                    if (!channel)
                                                      return failed(from_transport(std::move(channel).error()));
                                                    handshake(std::move(*channel));
                                                  });
  }

 private:
  void fail_later(Error error) {
    dependencies_.loop.post([this, life = std::weak_ptr(life_), error = std::move(error)]() mutable {
      if (!life.expired()) failed(from_transport(std::move(error)));
    });
  }

  void handshake(transport::ChannelPtr channel) {
    const Duration left = std::max<Duration>(deadline_ - dependencies_.loop.now(), std::chrono::milliseconds(1));
    client_->open(std::move(channel), identity_, left, [this](Outcome<> opened) {
      if (!opened) return failed(std::move(opened).error());
      // The owner may drop the attempt in its callback.
      auto done = std::move(done_);
      done(std::move(client_));
    });
  }

  void failed(Failure failure) {
    auto done = std::move(done_);
    done(std::unexpected(std::move(failure)));
  }

  Dependencies dependencies_;
  Duration timeout_;
  Instant deadline_;
  transport::KeyHash identity_;
  Done<std::unique_ptr<Client>> done_;
  std::unique_ptr<ConnectedClient> client_;
  std::unique_ptr<transport::Connector::Attempt> connecting_;
  std::shared_ptr<char> life_ = std::make_shared<char>();
};

}  // namespace

std::unique_ptr<Client::Attempt> Client::connect(Dependencies dependencies, const protocol::ServerAddress& address,
                                                 Options options, Handlers handlers,
                                                 Done<std::unique_ptr<Client>> done) {
  auto attempt = std::make_unique<Connecting>(dependencies, address, options, std::move(handlers), std::move(done));
  attempt->start(options);
  return attempt;
}

}  // namespace simplex::smp::client
