// Our connector against our listener, on sockets of this machine.
#include "simplex/transport/tls.hpp"

#include <thread>

#include "raw_client.hpp"
#include "support.hpp"

namespace simplex::transport {
namespace {

struct Received {
  std::string text;
  std::optional<Error> closed;

  Channel::Handlers handlers() {
    return {.data = [this](BytesView octets) { text += as_text(octets); },
            .closed = [this](Error error) { closed = std::move(error); },
            .drained = {}};
  }
};

class Tls : public ::testing::Test {
 protected:
  std::uint16_t listen(ListenSettings settings = {}) {
    if (settings.addresses.empty()) settings.addresses = {{"127.0.0.1", 0}};
    auto made = listen_tls(*loop_, test_credentials(), std::move(settings),
                           {.accepted = [this](ChannelPtr channel) { accepted_.push_back(std::move(channel)); },
                            .refused = [this](const Error& error) { refused_.push_back(error); }});
    EXPECT_TRUE(made) << made.error().message;
    listener_ = std::move(*made);
    return listener_->ports().at(0);
  }

  ConnectOptions options(std::uint16_t port) {
    return {{{"127.0.0.1", port}}, test_credentials().identity, {"smp/1"}, 10s};
  }

  Result<ChannelPtr> connect(ConnectOptions options, TlsConnectorSettings settings = {}) {
    const auto connector = make_tls_connector(settings);
    std::optional<Result<ChannelPtr>> result;
    const auto attempt =
        connector->connect(*loop_, std::move(options), [&](Result<ChannelPtr> made) { result = std::move(made); });
    EXPECT_FALSE(result);
    EXPECT_TRUE(run_until(*loop_, [&] { return result.has_value(); }));
    return std::move(*result);
  }

  // A channel and its other end.
  std::pair<ChannelPtr, ChannelPtr> pair(ConnectOptions options, TlsConnectorSettings settings = {}) {
    auto client = connect(std::move(options), settings);
    EXPECT_TRUE(client) << client.error().message;
    EXPECT_TRUE(run_until(*loop_, [&] { return !accepted_.empty(); }));
    auto relay = std::move(accepted_.back());
    accepted_.pop_back();
    return {std::move(*client), std::move(relay)};
  }
  std::pair<ChannelPtr, ChannelPtr> pair() { return pair(options(listen())); }

  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  std::unique_ptr<TlsListener> listener_;
  std::vector<ChannelPtr> accepted_;
  std::vector<Error> refused_;
};

TEST_F(Tls, BothVersionsGiveBothEndsTheSameFreshSessionId) {
  const auto port = listen();
  std::vector<SessionId> seen;
  for (const auto versions : {TlsVersions{true, false}, TlsVersions{false, true}, TlsVersions{true, true}}) {
    auto [client, relay] = pair(options(port), {.keep_alive = {}, .versions = versions});
    EXPECT_EQ(client->info().session_id, relay->info().session_id);
    // The verify data of TLS 1.2 has 12 octets, of 1.3 as many as the hash.
    EXPECT_EQ(client->info().session_id.size(), versions.tls13 ? 32U : 12U);
    EXPECT_EQ(client->info().alpn, "smp/1");
    EXPECT_EQ(relay->info().alpn, "smp/1");
    EXPECT_EQ(client->info().peer_certificates, test_credentials().chain);
    EXPECT_TRUE(relay->info().peer_certificates.empty());
    seen.push_back(client->info().session_id);
  }
  EXPECT_NE(seen[0], seen[2]);
  EXPECT_EQ(listener_->counters().channels, 3U);
}

TEST_F(Tls, AnEd448RelayWorksInBothVersions) {
  testing::SeededRandom random(3);
  const auto credentials = make_credentials(SignatureAlgorithm::ed448, loop_->wall(), random);
  ListenSettings settings;
  settings.addresses = {{"127.0.0.1", 0}};
  auto listener =
      listen_tls(*loop_, credentials, settings,
                 {.accepted = [this](ChannelPtr channel) { accepted_.push_back(std::move(channel)); }, .refused = {}});
  for (const auto versions : {TlsVersions{true, false}, TlsVersions{false, true}}) {
    const auto made = connect({{{"127.0.0.1", (*listener)->ports().at(0)}}, credentials.identity, {"smp/1"}, 10s},
                              {.keep_alive = {}, .versions = versions});
    EXPECT_TRUE(made) << made.error().message;
  }
}

TEST_F(Tls, WithoutAlpnTheConnectionIsLegacy) {
  auto legacy = options(listen());
  legacy.alpn.clear();
  auto [client, relay] = pair(legacy);
  EXPECT_FALSE(client->info().alpn);
  EXPECT_FALSE(relay->info().alpn);
  legacy.alpn = {"xftp/1"};
  std::tie(client, relay) = pair(legacy);
  EXPECT_FALSE(relay->info().alpn);
}

TEST_F(Tls, AWrongFingerprintIsAnAuthenticationErrorThatSaysSo) {
  auto wrong = options(listen());
  wrong.identity = KeyHash();
  const auto result = connect(wrong);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::authentication);
  EXPECT_TRUE(contains(result.error().message, "fingerprint differs")) << result.error().message;
  ASSERT_TRUE(run_until(*loop_, [&] { return !refused_.empty() || !accepted_.empty(); }));
}

TEST_F(Tls, RefusedConnectionsAndUnknownHostsSaySo) {
  const auto port = listen();
  listener_.reset();
  const auto refused = connect(options(port));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::network);
  EXPECT_EQ(refused.error().advice, Advice::retry);
  EXPECT_TRUE(contains(refused.error().message, "connection refused")) << refused.error().message;
  EXPECT_TRUE(contains(refused.error().message, "127.0.0.1:" + std::to_string(port)));

  auto unknown = options(port);
  unknown.endpoints = {{"no-such-host.invalid", port}};
  const auto result = connect(unknown);
  ASSERT_FALSE(result);
  EXPECT_TRUE(contains(result.error().message, "no-such-host.invalid")) << result.error().message;
  EXPECT_TRUE(contains(result.error().message, "DNS")) << result.error().message;

  unknown.endpoints = {{"abcdef.onion", port}};
  EXPECT_EQ(connect(unknown).error().kind, ErrorKind::unsupported);
}

TEST_F(Tls, TheNextHostIsTriedWhenOneFails) {
  const auto port = listen();
  auto several = options(port);
  several.endpoints = {{"127.0.0.1", 1}, {"hidden.onion", 5223}, {"localhost", port}};
  const auto result = connect(several);
  EXPECT_TRUE(result) << result.error().message;
}

TEST_F(Tls, ASilentPeerIsATimeout) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(socket, 1), 0);
  socklen_t size = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
  auto quick = options(ntohs(address.sin_port));
  quick.timeout = 50ms;
  const auto result = connect(quick);
  ::close(socket);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::timeout);
  EXPECT_TRUE(contains(result.error().message, "no answer in 1 second")) << result.error().message;
}

TEST_F(Tls, ADroppedAttemptIsSilent) {
  const auto port = listen();
  const auto connector = make_tls_connector();
  bool called = false;
  auto attempt = connector->connect(*loop_, options(port), [&](Result<ChannelPtr>) { called = true; });
  loop_->post([&] { attempt.reset(); });
  bool later = false;
  const auto end = loop_->after(50ms, [&] { later = true; });
  EXPECT_TRUE(run_until(*loop_, [&] { return later; }));
  EXPECT_FALSE(called);
}

TEST_F(Tls, APortInUseSaysWhatToDo) {
  const auto port = listen();
  ListenSettings settings;
  settings.addresses = {{"127.0.0.1", port}};
  const auto again = listen_tls(*loop_, test_credentials(), settings, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::conflict);
  EXPECT_TRUE(contains(again.error().message, std::to_string(port))) << again.error().message;
  EXPECT_TRUE(contains(again.error().message, "choose another port"));

  settings.sharing = PortSharing::first;
  EXPECT_FALSE(listen_tls(*loop_, test_credentials(), settings, {}));
  settings.addresses = {{"192.0.2.1", 0}};
  EXPECT_TRUE(contains(listen_tls(*loop_, test_credentials(), settings, {}).error().message, "not an address"));
}

TEST_F(Tls, ListenersOfSeveralThreadsShareAPort) {
  ListenSettings settings;
  settings.addresses = {{"", 0}};
  settings.sharing = PortSharing::first;
  int here = 0;
  int there = 0;
  const auto first =
      listen_tls(*loop_, test_credentials(), settings, {.accepted = [&](ChannelPtr) { ++here; }, .refused = {}});
  ASSERT_TRUE(first) << first.error().message;
  const auto port = (*first)->ports().at(0);
  settings.addresses = {{"", port}};
  settings.sharing = PortSharing::join;
  const auto second =
      listen_tls(*loop_, test_credentials(), settings, {.accepted = [&](ChannelPtr) { ++there; }, .refused = {}});
  ASSERT_TRUE(second) << second.error().message;
  // IPv4 and IPv6 come to the same listeners.
  for (int i = 0; i < 12; ++i) {
    auto to = options(port);
    to.endpoints = {{i % 2 == 0 ? "127.0.0.1" : "::1", port}};
    EXPECT_TRUE(connect(to));
  }
  EXPECT_TRUE(run_until(*loop_, [&] { return here + there == 12; }));
}

TEST_F(Tls, CarriesOctetsBothWaysInOrder) {
  auto [client, relay] = pair();
  Received at_client;
  Received at_relay;
  std::string sent;
  testing::SeededRandom random(4);
  client->start(at_client.handlers());
  for (int i = 0; i < 200; ++i) {
    const auto piece = random.bytes(1 + random.below(40'000));
    sent += as_text(piece);
    client->send(piece);
  }
  relay->start(at_relay.handlers());
  relay->send(to_bytes("hello"));
  ASSERT_TRUE(run_until(*loop_, [&] { return at_relay.text.size() == sent.size() && at_client.text == "hello"; }));
  EXPECT_TRUE(at_relay.text == sent);
  EXPECT_EQ(client->pending(), 0U);
}

TEST_F(Tls, CloseSendsWhatIsQueuedAndTheOwnerHearsNothingMore) {
  auto [client, relay] = pair();
  Received at_client;
  Received at_relay;
  client->start(at_client.handlers());
  client->send(Bytes(30'000'000, 'x'));
  EXPECT_GT(client->pending(), 0U);
  client->close();
  client.reset();  // what close() began goes on
  relay->start(at_relay.handlers());
  ASSERT_TRUE(run_until(*loop_, [&] { return at_relay.closed.has_value(); }));
  EXPECT_EQ(at_relay.text.size(), 30'000'000U);
  EXPECT_EQ(at_relay.closed->kind, ErrorKind::network);
  EXPECT_TRUE(contains(at_relay.closed->message, "closed the connection"));
  EXPECT_FALSE(at_client.closed);
}

TEST_F(Tls, AnAnswerSentBeforeClosingIsNotLostToUnreadOctets) {
  auto [client, relay] = pair();
  Received at_client;
  client->start(at_client.handlers());
  client->send(Bytes(500'000, 'x'));  // the relay never reads them
  relay->send(to_bytes("no"));
  relay->close();
  ASSERT_TRUE(run_until(*loop_, [&] { return at_client.closed.has_value(); }));
  EXPECT_EQ(at_client.text, "no");
}

TEST_F(Tls, AbortEndsAtOnce) {
  auto [client, relay] = pair();
  Received at_relay;
  relay->start(at_relay.handlers());
  client->send(Bytes(20'000'000, 'x'));
  client->abort();
  EXPECT_EQ(client->pending(), 0U);
  ASSERT_TRUE(run_until(*loop_, [&] { return at_relay.closed.has_value(); }));
  EXPECT_LT(at_relay.text.size(), 20'000'000U);
}

TEST_F(Tls, ASlowReaderIsSeenAsPendingAndThenDrained) {
  auto [client, relay] = pair();
  Received at_relay;
  relay->start(at_relay.handlers());
  relay->pause_reading();
  int drained = 0;
  client->start({.data = {}, .closed = {}, .drained = [&] { ++drained; }});
  constexpr std::size_t total = 12'000'000;
  for (std::size_t i = 0; i < total; i += 16'000) client->send(Bytes(16'000, 'x'));
  bool later = false;
  const auto timer = loop_->after(30ms, [&] { later = true; });
  ASSERT_TRUE(run_until(*loop_, [&] { return later; }));
  EXPECT_TRUE(at_relay.text.empty());
  EXPECT_GT(client->pending(), 0U);
  EXPECT_EQ(drained, 0);
  relay->resume_reading();
  ASSERT_TRUE(run_until(*loop_, [&] { return at_relay.text.size() == total; }));
  ASSERT_TRUE(run_until(*loop_, [&] { return drained == 1; }));
  EXPECT_EQ(client->pending(), 0U);
}

TEST_F(Tls, WhatIsTakenAtOnceNeverDrains) {
  auto [client, relay] = pair();
  Received at_relay;
  relay->start(at_relay.handlers());
  int drained = 0;
  client->start({.data = {}, .closed = {}, .drained = [&] { ++drained; }});
  client->send(to_bytes("x"));
  EXPECT_EQ(client->pending(), 0U);
  ASSERT_TRUE(run_until(*loop_, [&] { return at_relay.text == "x"; }));
  EXPECT_EQ(drained, 0);
}

TEST_F(Tls, AChannelMayBeDestroyedInEachOfItsCallbacks) {
  const auto port = listen();
  {
    auto [client, relay] = pair(options(port));
    relay->start({.data = [&](BytesView) { relay.reset(); }, .closed = {}, .drained = {}});
    Received at_client;
    client->start(at_client.handlers());
    client->send(Bytes(100'000));
    ASSERT_TRUE(run_until(*loop_, [&] { return at_client.closed.has_value(); }));
  }
  {
    auto [client, relay] = pair(options(port));
    relay->start({.data = {}, .closed = [&](const Error&) { relay.reset(); }, .drained = {}});
    client.reset();
    ASSERT_TRUE(run_until(*loop_, [&] { return !relay; }));
  }
  {
    auto [client, relay] = pair(options(port));
    relay->start({.data = {}, .closed = {}, .drained = [&] { relay.reset(); }});
    while (relay->pending() == 0) relay->send(Bytes(100'000));
    Received at_client;
    client->start(at_client.handlers());
    ASSERT_TRUE(run_until(*loop_, [&] { return !relay; }));
  }
  {
    auto [client, relay] = pair(options(port));
    relay->start({.data = [&](BytesView) { relay->close(); }, .closed = [](const Error&) { FAIL(); }, .drained = {}});
    Received at_client;
    client->start(at_client.handlers());
    client->send(Bytes(100'000));
    ASSERT_TRUE(run_until(*loop_, [&] { return at_client.closed.has_value(); }));
  }
}

TEST_F(Tls, TheListenerMayBeDestroyedInItsCallback) {
  ListenSettings settings;
  settings.addresses = {{"127.0.0.1", 0}};
  std::unique_ptr<TlsListener> listener;
  bool accepted = false;
  listener = listen_tls(*loop_, test_credentials(), settings,
                        {.accepted =
                             [&](ChannelPtr) {
                               accepted = true;
                               listener.reset();
                             },
                         .refused = {}})
                 .value();
  EXPECT_TRUE(connect(options(listener->ports().at(0))));
  EXPECT_TRUE(run_until(*loop_, [&] { return accepted; }));
  EXPECT_FALSE(listener);
}

TEST_F(Tls, ManyConnectionsAtOnce) {
  const auto port = listen();
  const auto connector = make_tls_connector();
  constexpr std::size_t count = 150;
  std::vector<std::unique_ptr<Connector::Attempt>> attempts;
  std::vector<ChannelPtr> clients;
  for (std::size_t i = 0; i < count; ++i) {
    attempts.push_back(connector->connect(*loop_, options(port), [&](Result<ChannelPtr> made) {
      ASSERT_TRUE(made) << made.error().message;
      clients.push_back(std::move(*made));
    }));
  }
  ASSERT_TRUE(run_until(*loop_, [&] { return clients.size() == count && accepted_.size() == count; }));
  std::size_t echoed = 0;
  for (auto& relay : accepted_) {
    auto* const channel = relay.get();
    channel->start(
        {.data = [channel](BytesView octets) { channel->send(to_bytes(octets)); }, .closed = {}, .drained = {}});
  }
  for (auto& client : clients) {
    client->start({.data = [&](BytesView octets) { echoed += octets.size(); }, .closed = {}, .drained = {}});
    client->send(Bytes(16'384));
  }
  EXPECT_TRUE(run_until(*loop_, [&] { return echoed == count * 16'384; }));
}

TEST_F(Tls, TheLoopMayEndWithConnectionsThatAreClosing) {
  auto [client, relay] = pair();
  client->send(Bytes(5'000'000, 'x'));
  client->close();
  client.reset();
  relay.reset();
  listener_.reset();
  loop_.reset();
}

}  // namespace
}  // namespace simplex::transport
