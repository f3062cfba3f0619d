// Two whole relays on 127.0.0.1 and clients, over TLS: a message takes the private way, and what goes wrong on it.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "simplex/smp/server/server.hpp"
#include "simplex/testing/random.hpp"
#include "simplex/testing/run_until.hpp"
#include "simplex/transport/tls.hpp"
#include "proxy_user.hpp"

namespace simplex::smp::server {
namespace {

class TwoRelays : public ::testing::Test {
 protected:
  struct Relay {
    transport::ServerCredentials credentials;
    std::unique_ptr<Server> server;
    std::uint16_t port = 0;

    [[nodiscard]] protocol::ServerAddress address(std::string_view host = "127.0.0.1") const {
      return address_of(host, credentials.identity, std::to_string(port));
    }
  };

  Relay relay(const ProxySettings& proxy, SmpVersionRange versions = supported_versions) {
    Relay made{transport::make_credentials(transport::SignatureAlgorithm::ed25519, clock_.wall(), random_), {}, 0};
    start(made, proxy, versions);
    return made;
  }
  void start(Relay& relay, const ProxySettings& proxy, SmpVersionRange versions = supported_versions) {
    ServerSettings settings;
    settings.node.credentials = relay.credentials.clone();
    settings.node.versions = versions;
    settings.addresses = {{"127.0.0.1", relay.port}};
    settings.threads = 2;
    settings.proxy = proxy;
    auto started = Server::start(std::move(settings), logger_);
    ASSERT_TRUE(started) << started.error().message;
    relay.server = std::move(*started);
    relay.port = relay.server->ports().at(0);
  }
  static ProxySettings with_private_targets() {
    ProxySettings settings;
    settings.private_targets = true;
    settings.persist_error = Duration(0);
    return settings;
  }
  std::unique_ptr<ProxyUser> user(const Relay& relay) {
    return std::make_unique<ProxyUser>(
        client::Dependencies{*loop_, random_, logger_, *connector_},
        [this](const std::function<bool()>& holds) { return run_until(holds); }, relay.address());
  }
  bool run_until(const std::function<bool()>& holds) { return testing::run_until(*loop_, holds); }
  crypto::AuthPrivateKey key() { return crypto::generate_ed25519(random_).private_key; }

  SystemClock clock_;
  SystemRandom random_;
  NullLogger logger_;
  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  std::unique_ptr<transport::Connector> connector_ = transport::make_tls_connector();
};

TEST_F(TwoRelays, AMessageTakesThePrivateWay) {
  const auto proxy = relay(with_private_targets());
  for (const std::uint16_t version : std::initializer_list<std::uint16_t>{8, 13, 14, 18, 20}) {
    const auto destination = relay({}, {SmpVersion(6), SmpVersion(version)});
    const auto alice = user(destination);
    const auto queue = alice->create(key());
    const auto sender = queue.ids.sender_id.view();
    const auto bob = user(proxy);
    Route route;
    ASSERT_EQ(bob->open(destination.address(), route), "") << version;
    const std::string longest(max_message_length(route.versions.max), 'x');
    for (const auto& text : {std::string("hello"), longest}) {
      EXPECT_EQ(bob->send(route, sender, text), "OK") << version;
      EXPECT_EQ(alice->receive(queue), text) << version;
    }
    if (route.versions.max < sender_key_version) continue;
    const auto own = key();
    EXPECT_EQ(bob->call(route, command::Skey{crypto::public_key(own)}, sender, &own), "OK");
    EXPECT_EQ(bob->send(route, sender, "secured", &own), "OK");
    EXPECT_EQ(alice->receive(queue), "secured");
    EXPECT_EQ(bob->send(route, sender, "by nobody"), "ERR AUTH");
  }
}

TEST_F(TwoRelays, ManyMessagesAtOnce) {
  const auto proxy = relay(with_private_targets());
  const auto destination = relay({});
  const auto alice = user(destination);
  const auto queue = alice->create(key());
  std::vector<std::unique_ptr<ProxyUser>> senders;
  std::vector<std::shared_ptr<ProxyUser::Sent>> sent;
  for (int i = 0; i < 5; ++i) {
    senders.push_back(user(proxy));
    Route route;
    ASSERT_EQ(senders.back()->open(destination.address(), route), "");
    for (int m = 0; m < 25; ++m) {
      sent.push_back(
          senders.back()->post(route, command::Send{{}, Content(as_bytes("x"))}, queue.ids.sender_id.view()));
    }
  }
  for (std::size_t i = 0; i < sent.size(); ++i) ASSERT_EQ(alice->receive(queue), "x") << i;
  ASSERT_TRUE(run_until([&] { return std::ranges::all_of(sent, [](const auto& each) { return each->done; }); }));
  for (const auto& each : sent) EXPECT_EQ(each->result.text(), "OK");
}

TEST_F(TwoRelays, RelaysThatAreOldOrNotWhoTheyShouldBeAreRefused) {
  const auto proxy = relay(with_private_targets());
  const auto bob = user(proxy);
  const auto six = relay({}, {SmpVersion(6), SmpVersion(6)});
  EXPECT_EQ(bob->open_error(six.address()), "PROXY BROKER TRANSPORT VERSION");
  const auto seven = relay({}, {SmpVersion(6), SmpVersion(7)});
  EXPECT_EQ(bob->open_error(seven.address()), "PROXY BROKER TRANSPORT VERSION");
  const auto destination = relay({});
  auto other = destination.address();
  other.key_hash = six.address().key_hash;
  EXPECT_EQ(bob->open_error(other), "PROXY BROKER NETWORK");
  EXPECT_EQ(bob->open_error(destination.address()), "");
}

TEST_F(TwoRelays, ADestinationThatStopsAndComesBack) {
  const auto proxy = relay(with_private_targets());
  auto destination = relay({});
  const auto bob = user(proxy);
  Route route;
  ASSERT_EQ(bob->open(destination.address(), route), "");
  EXPECT_EQ(bob->send(route, Bytes(24, 1), "x"), "ERR AUTH");
  ASSERT_TRUE(destination.server->stop());
  destination.server.reset();
  // What was on its way when it went may have been done or not.
  std::string answer;
  for (int i = 0; i < 100 && answer != "PROXY NO_SESSION"; ++i) {
    answer = bob->send(route, Bytes(24, 1), "x");
    EXPECT_TRUE(answer == "PROXY NO_SESSION" || answer == "PROXY BROKER TIMEOUT") << answer;
  }
  EXPECT_EQ(bob->open_error(destination.address()), "PROXY BROKER NETWORK");
  start(destination, {});
  ASSERT_EQ(bob->open(destination.address(), route), "");
  EXPECT_EQ(bob->send(route, Bytes(24, 1), "x"), "ERR AUTH");
}

TEST_F(TwoRelays, APortThatAcceptsAndSaysNothingIsGivenUp) {
  auto settings = with_private_targets();
  settings.connect_timeout = std::chrono::milliseconds(200);
  const auto proxy = relay(settings);
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(socket, 1), 0);
  socklen_t size = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  const auto bob = user(proxy);
  EXPECT_EQ(bob->open_error(address_of("127.0.0.1", transport::KeyHash(), std::to_string(ntohs(address.sin_port)))),
            "PROXY BROKER NETWORK");
  EXPECT_TRUE(bob->ping());
  ::close(socket);
}

TEST_F(TwoRelays, ADestinationThatSpeaksNoTlsIsGivenUp) {
  const auto proxy = relay(with_private_targets());
  std::vector<transport::ChannelPtr> visitors;
  std::string text = "HTTP/1.1 400 Bad Request\r\n\r\n";
  const auto listener = transport::listen_tcp(*loop_, {.addresses = {{"127.0.0.1", 0}}, .keep_alive = {}},
                                              [&](transport::ChannelPtr visitor) {
                                                visitor->start({.data = {}, .closed = {}, .drained = {}});
                                                visitor->send(to_bytes(text));
                                                visitors.push_back(std::move(visitor));
                                              })
                            .value();
  const auto address = address_of("127.0.0.1", transport::KeyHash(), std::to_string(listener->ports().at(0)));
  const auto bob = user(proxy);
  EXPECT_EQ(bob->open_error(address), "PROXY BROKER NETWORK");
  text = std::string(2'000'000, '\x16');
  EXPECT_EQ(bob->open_error(address), "PROXY BROKER NETWORK");
  EXPECT_EQ(visitors.size(), 2U);
  EXPECT_TRUE(bob->ping());
}

TEST_F(TwoRelays, PrivateAddressesAreNoTargetsUnlessAllowed) {
  const auto proxy = relay({});
  const auto destination = relay({});
  for (const auto* host : {"127.0.0.1", "localhost", "::1", "10.0.0.1", "0.0.0.0", "127.1"}) {
    EXPECT_EQ(user(proxy)->open_error(destination.address(host)), "PROXY BROKER HOST") << host;
  }
}

TEST_F(TwoRelays, OnionHostsGoThroughSocksOrNowhere) {
  const auto without = relay(with_private_targets());
  const auto onion = address_of("abcdefgh.onion", transport::KeyHash());
  EXPECT_EQ(user(without)->open_error(onion), "PROXY BROKER HOST");
  auto settings = with_private_targets();
  settings.network.socks = transport::SocksProxy{{"127.0.0.1", 1}, transport::SocksIsolation::by_user_name, {}};
  const auto with = relay(settings);
  EXPECT_EQ(user(with)->open_error(onion), "PROXY BROKER NETWORK") << "no SOCKS proxy listens there";
  settings.network.host_mode_required = true;
  const auto strict = relay(settings);
  EXPECT_EQ(user(strict)->open_error(onion), "PROXY BROKER HOST");
}

TEST_F(TwoRelays, ARelayThatIsNoProxyRefuses) {
  ProxySettings off;
  off.enabled = false;
  const auto proxy = relay(off);
  EXPECT_EQ(user(proxy)->open_error(proxy.address()), "PROXY BASIC_AUTH");
}

TEST_F(TwoRelays, ARelayStopsWithRoutesOpen) {
  auto proxy = relay(with_private_targets());
  const auto destination = relay({});
  const auto bob = user(proxy);
  Route route;
  ASSERT_EQ(bob->open(destination.address(), route), "");
  (void)bob->post(route, command::Send{{}, Content(as_bytes("x"))}, Bytes(24, 1));
  EXPECT_TRUE(proxy.server->stop());
  proxy.server.reset();
  EXPECT_TRUE(user(destination)->ping());
}

}  // namespace
}  // namespace simplex::smp::server
