// The SOCKS5 dialogue in memory, and the connector through a SOCKS server that does what the test says.
#include "simplex/transport/socks5.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "simplex/async/asio_access.hpp"
#include "simplex/transport/tls.hpp"
#include "support.hpp"

namespace simplex::transport {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// ---- the dialogue

TEST(Socks5, ANameWithoutUserName) {
  auto dialogue = *Socks5Dialogue::begin({"smp.example", 5223});
  EXPECT_EQ(dialogue.greeting(), (Bytes{5, 1, 0}));
  EXPECT_EQ(dialogue.wanted(), 2U);
  Bytes request{5, 1, 0, 3, 11};
  append(request, "smp.example");
  append(request, Bytes{0x14, 0x67});
  EXPECT_EQ(dialogue.receive(Bytes{5, 0}), request);
  EXPECT_EQ(dialogue.wanted(), 5U);
  EXPECT_EQ(dialogue.receive(Bytes{5, 0, 0, 1, 127}), Bytes());
  EXPECT_EQ(dialogue.wanted(), 5U);
  EXPECT_EQ(dialogue.receive(Bytes{0, 0, 1, 0, 80}), Bytes());
  EXPECT_EQ(dialogue.wanted(), 0U);
  EXPECT_FALSE(dialogue.receive({}));
}

TEST(Socks5, AUserNameIsShownToAServerThatWantsOne) {
  auto dialogue = *Socks5Dialogue::begin({"abc.onion", 443}, SocksCredentials{"me", "pass"});
  EXPECT_EQ(dialogue.greeting(), (Bytes{5, 2, 2, 0}));
  EXPECT_EQ(dialogue.receive(Bytes{5, 2}), (Bytes{1, 2, 'm', 'e', 4, 'p', 'a', 's', 's'}));
  EXPECT_EQ(dialogue.wanted(), 2U);
  EXPECT_EQ(dialogue.receive(Bytes{1, 0})->at(3), 3);
  auto refused = *Socks5Dialogue::begin({"abc.onion", 443}, SocksCredentials{"me", "pass"});
  ASSERT_TRUE(refused.receive(Bytes{5, 2}));
  EXPECT_EQ(refused.receive(Bytes{1, 1}).error().kind, ErrorKind::authentication);
}

TEST(Socks5, AddressesGoAsAddresses) {
  auto ipv4 = *Socks5Dialogue::begin({"192.0.2.1", 1});
  EXPECT_EQ(ipv4.receive(Bytes{5, 0}), (Bytes{5, 1, 0, 1, 192, 0, 2, 1, 0, 1}));
  auto ipv6 = *Socks5Dialogue::begin({"2001:db8::1", 1});
  EXPECT_EQ(ipv6.receive(Bytes{5, 0}),
            (Bytes{5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1}));
}

TEST(Socks5, TheAddressInTheReplyIsReadToItsEnd) {
  for (const auto& [kind, first, rest] : {std::tuple{1, 9, 5}, std::tuple{4, 9, 17}, std::tuple{3, 200, 202},
                                          std::tuple{3, 0, 2}, std::tuple{3, 255, 257}}) {
    auto dialogue = *Socks5Dialogue::begin({"smp.example", 5223});
    ASSERT_TRUE(dialogue.receive(Bytes{5, 0}));
    ASSERT_TRUE(dialogue.receive(Bytes{5, 0, 0, static_cast<std::uint8_t>(kind), static_cast<std::uint8_t>(first)}));
    ASSERT_EQ(dialogue.wanted(), static_cast<std::size_t>(rest));
    ASSERT_TRUE(dialogue.receive(Bytes(dialogue.wanted(), 0xEE)));
    EXPECT_EQ(dialogue.wanted(), 0U);
  }
}

TEST(Socks5, WhatIsNotSocks5IsSaid) {
  for (const auto& answer : {Bytes{4, 0}, Bytes{5, 1}, Bytes{5, 2}, Bytes{'H', 'T'}}) {
    EXPECT_EQ(Socks5Dialogue::begin({"x", 1})->receive(answer).error().kind, ErrorKind::malformed);
  }
  EXPECT_EQ(Socks5Dialogue::begin({"x", 1})->receive(Bytes{5, 0xFF}).error().kind, ErrorKind::authentication);
  for (const auto& [reply, kind] :
       {std::pair{Bytes{4, 0, 0, 1, 0}, ErrorKind::malformed}, std::pair{Bytes{5, 0, 0, 2, 0}, ErrorKind::malformed},
        std::pair{Bytes{5, 1, 0, 1, 0}, ErrorKind::network}, std::pair{Bytes{5, 2, 0, 1, 0}, ErrorKind::unsupported},
        std::pair{Bytes{5, 5, 0, 1, 0}, ErrorKind::network}, std::pair{Bytes{5, 6, 0, 1, 0}, ErrorKind::timeout},
        std::pair{Bytes{5, 0xF0, 0, 1, 0}, ErrorKind::network}, std::pair{Bytes{5, 77, 0, 1, 0}, ErrorKind::network}}) {
    auto dialogue = *Socks5Dialogue::begin({"x", 1});
    ASSERT_TRUE(dialogue.receive(Bytes{5, 0}));
    EXPECT_EQ(dialogue.receive(reply).error().kind, kind);
  }
}

TEST(Socks5, WhatDoesNotFitIsRefused) {
  EXPECT_EQ(Socks5Dialogue::begin({std::string(256, 'x'), 1}).error().kind, ErrorKind::limit);
  EXPECT_FALSE(Socks5Dialogue::begin({"", 1}));
  EXPECT_FALSE(Socks5Dialogue::begin({"x", 1}, SocksCredentials{"", "x"}));
  EXPECT_FALSE(Socks5Dialogue::begin({"x", 1}, SocksCredentials{"x", std::string(256, 'x')}));
  EXPECT_TRUE(Socks5Dialogue::begin({std::string(255, 'x'), 1}, SocksCredentials{std::string(255, 'x'), "x"}));
}

TEST(Socks5, TheOperatorsTextIsRead) {
  const auto read = [](std::string_view text) { return parse_socks_proxy(text).value(); };
  EXPECT_EQ(read(""), SocksProxy());
  EXPECT_EQ(read(":9150").server, (Endpoint{"127.0.0.1", 9150}));
  EXPECT_EQ(read("10.0.0.1").server, (Endpoint{"10.0.0.1", 9050}));
  EXPECT_EQ(read("localhost:1").server, (Endpoint{"localhost", 1}));
  EXPECT_EQ(read("[::1]:65535").server, (Endpoint{"::1", 65535}));
  EXPECT_EQ(read("::1").server, (Endpoint{"::1", 9050}));
  EXPECT_EQ(read("@").isolation, SocksIsolation::none);
  EXPECT_EQ(read("@:9051").server.port, 9051);
  const auto with = read("me:p@ss@tor:99");
  EXPECT_EQ(with.isolation, SocksIsolation::credentials);
  EXPECT_EQ(with.credentials, (SocksCredentials{"me", "p@ss"}));
  EXPECT_EQ(with.server, (Endpoint{"tor", 99}));
  for (const auto* wrong : {"host:", "host:0", "host:65536", "host:9050x", "host:-1", "me@host", "me:@host", ":x@host",
                            "[::1:90", "[]:90", "a b", "http://host:1", "[[x]:90", "[a]]", "a\nb", "::1]"}) {
    EXPECT_FALSE(parse_socks_proxy(wrong)) << wrong;
  }
}

// ---- the connector

// Answers each connection as told; what it read stays.
class SocksServer {
 public:
  using Script = std::vector<Bytes>;
  explicit SocksServer(async::ThreadLoop& loop)
      : context_(*async::asio_context_of(loop)),
        acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    accept();
  }
  ~SocksServer() { *alive_ = false; }
  SocksServer(const SocksServer&) = delete;
  SocksServer& operator=(const SocksServer&) = delete;

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  NetworkRules rules(SocksIsolation isolation = SocksIsolation::none) const {
    NetworkRules made;
    made.socks = SocksProxy{{"127.0.0.1", port()}, isolation, std::nullopt};
    return made;
  }

  std::vector<Bytes> answers;  // one for each piece that is read; then the relay, or silence
  std::uint16_t relay = 0;     // joined with when the answers are over
  bool closes = false;         // instead
  std::vector<Bytes> seen;
  int connections = 0;

 private:
  struct Way : std::enable_shared_from_this<Way> {
    explicit Way(asio::io_context& context) : client(context), relay(context) {}
    tcp::socket client;
    tcp::socket relay;
    std::array<std::uint8_t, 4'096> up{};
    std::array<std::uint8_t, 4'096> down{};
    std::size_t answered = 0;
    void carry(tcp::socket& from, tcp::socket& to, std::array<std::uint8_t, 4'096>& octets) {
      from.async_read_some(asio::buffer(octets), [&, self = shared_from_this()](auto error, std::size_t size) {
        boost::system::error_code ignored;
        if (error) return (void)to.shutdown(tcp::socket::shutdown_send, ignored);
        asio::write(to, asio::buffer(octets, size), ignored);
        carry(from, to, octets);
      });
    }
  };

  void accept() {
    auto way = std::make_shared<Way>(context_);
    acceptor_.async_accept(way->client, [this, way, alive = alive_](auto error) {
      if (error || !*alive) return;
      ++connections;
      read(way);
      accept();
    });
  }
  void read(std::shared_ptr<Way> way) {
    if (way->answered == answers.size()) {
      if (closes) return;
      if (relay == 0) return hold(std::move(way));
      boost::system::error_code error;
      (void)way->relay.connect(tcp::endpoint(asio::ip::address_v4::loopback(), relay), error);
      way->carry(way->client, way->relay, way->up);
      return way->carry(way->relay, way->client, way->down);
    }
    way->client.async_read_some(asio::buffer(way->up), [this, way, alive = alive_](auto error, std::size_t size) {
      if (error || !*alive) return;
      seen.push_back(to_bytes(BytesView(way->up).first(size)));
      boost::system::error_code ignored;
      asio::write(way->client, asio::buffer(answers[way->answered++]), ignored);
      read(way);
    });
  }
  void hold(std::shared_ptr<Way> way) { held_.push_back(std::move(way)); }

  asio::io_context& context_;
  tcp::acceptor acceptor_;
  std::vector<std::shared_ptr<Way>> held_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class ThroughSocks : public ::testing::Test {
 protected:
  std::uint16_t listen() {
    ListenSettings settings;
    settings.addresses = {{"127.0.0.1", 0}};
    listener_ =
        listen_tls(*loop_, test_credentials(), settings,
                   {.accepted = [this](ChannelPtr channel) { accepted_.push_back(std::move(channel)); }, .refused = {}})
            .value();
    return listener_->ports().at(0);
  }
  Result<ChannelPtr> connect(NetworkRules rules, std::vector<Endpoint> endpoints, Duration timeout = 10s,
                             bool public_only = false, std::string isolation = {}) {
    const auto connector =
        make_tls_connector({.keep_alive = {}, .versions = {}, .network = std::move(rules), .credentials = nullptr});
    ConnectOptions options{std::move(endpoints), test_credentials().identity, {"smp/1"}, timeout};
    options.public_addresses_only = public_only;
    options.isolation = std::move(isolation);
    std::optional<Result<ChannelPtr>> result;
    const auto attempt =
        connector->connect(*loop_, std::move(options), [&](Result<ChannelPtr> made) { result = std::move(made); });
    EXPECT_TRUE(run_until(*loop_, [&] { return result.has_value(); }));
    return std::move(*result);
  }

  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  SocksServer socks_{*loop_};
  std::unique_ptr<TlsListener> listener_;
  std::vector<ChannelPtr> accepted_;
  const Bytes opened_{5, 0, 0, 1, 127, 0, 0, 1, 0, 0};
};

TEST_F(ThroughSocks, AnOnionHostIsReached) {
  socks_.relay = listen();
  socks_.answers = {Bytes{5, 0}, opened_};
  const auto made = connect(socks_.rules(), {{"abcdefgh.onion", 5223}});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(run_until(*loop_, [&] { return !accepted_.empty(); }));
  EXPECT_EQ((*made)->info().session_id, accepted_[0]->info().session_id);
  Bytes wanted{5, 1, 0, 3, 14};
  append(wanted, "abcdefgh.onion");
  append(wanted, Bytes{0x14, 0x67});
  EXPECT_EQ(socks_.seen.at(1), wanted);
}

TEST_F(ThroughSocks, OnlyOnionHostsWhenTheRulesSaySo) {
  const auto port = listen();
  auto rules = socks_.rules();
  rules.socks_mode = SocksMode::onion;
  EXPECT_TRUE(connect(rules, {{"127.0.0.1", port}}));
  EXPECT_EQ(socks_.connections, 0);
  // A name is not resolved here when SOCKS is for all.
  socks_.relay = port;
  socks_.answers = {Bytes{5, 0}, opened_};
  EXPECT_TRUE(connect(socks_.rules(), {{"no-such-host.invalid", 5223}}));
}

TEST_F(ThroughSocks, ConnectionsAreIsolatedByUserName) {
  socks_.relay = listen();
  socks_.answers = {Bytes{5, 2}, Bytes{1, 0}, opened_};
  const auto rules = socks_.rules(SocksIsolation::by_user_name);
  for (const auto* isolation : {"one", "two", "one"}) {
    ASSERT_TRUE(connect(rules, {{"abc.onion", 5223}}, 10s, false, isolation));
  }
  EXPECT_EQ(socks_.seen.at(0), (Bytes{5, 2, 2, 0}));
  EXPECT_NE(socks_.seen.at(1), socks_.seen.at(4));
  EXPECT_EQ(socks_.seen.at(1), socks_.seen.at(7));
}

TEST_F(ThroughSocks, AServerThatRefusesIsTheReason) {
  socks_.answers = {Bytes{5, 0}, Bytes{5, 5, 0, 1, 0, 0, 0, 0, 0, 0}};
  const auto refused = connect(socks_.rules(), {{"abc.onion", 5223}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::network);
  EXPECT_TRUE(contains(refused.error().message, "connection refused")) << refused.error().message;
  // The next host is tried.
  EXPECT_FALSE(connect(socks_.rules(), {{"abc.onion", 5223}, {"def.onion", 5223}}));
  EXPECT_EQ(socks_.connections, 3);
}

TEST_F(ThroughSocks, AHostileServerGivesAnErrorInTime) {
  for (const auto& answers :
       {SocksServer::Script{}, SocksServer::Script{Bytes{5}}, SocksServer::Script{Bytes{5, 0}, Bytes{5, 0, 0, 3}},
        SocksServer::Script{Bytes{5, 0}, Bytes{5, 0, 0, 3, 255, 1, 2}}}) {
    socks_.answers = answers;
    const auto result = connect(socks_.rules(), {{"abc.onion", 5223}}, 100ms);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::timeout);
  }
  socks_.closes = true;
  for (const auto& answers : {SocksServer::Script{}, SocksServer::Script{Bytes{5}},
                              SocksServer::Script{Bytes{5, 0}, Bytes{5, 0, 0, 3, 255, 1, 2}}}) {
    socks_.answers = answers;
    const auto result = connect(socks_.rules(), {{"abc.onion", 5223}});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::network);
  }
  // Octets of its own where the relay's TLS should be.
  auto much = opened_;
  append(much, std::string(3'000, 'x'));
  socks_.answers = {Bytes{5, 0}, much};
  EXPECT_FALSE(connect(socks_.rules(), {{"abc.onion", 5223}}, 1s));
  socks_.answers = {Bytes(3'000, 5)};
  EXPECT_EQ(connect(socks_.rules(), {{"abc.onion", 5223}}).error().kind, ErrorKind::malformed);
}

TEST_F(ThroughSocks, TheRelayIsWhoItIsBehindAnyServer) {
  socks_.relay = listen();
  socks_.answers = {Bytes{5, 0}, opened_};
  const auto connector =
      make_tls_connector({.keep_alive = {}, .versions = {}, .network = socks_.rules(), .credentials = nullptr});
  std::optional<Result<ChannelPtr>> result;
  const auto attempt = connector->connect(*loop_, {{{"abc.onion", 1}}, KeyHash(), {"smp/1"}, 10s},
                                          [&](Result<ChannelPtr> made) { result = std::move(made); });
  ASSERT_TRUE(run_until(*loop_, [&] { return result.has_value(); }));
  ASSERT_FALSE(*result);
  EXPECT_EQ(result->error().kind, ErrorKind::authentication);
}

TEST_F(ThroughSocks, PrivateTargetsAreNotAskedFor) {
  for (const auto* host :
       {"127.0.0.1", "10.0.0.1", "::1", "::ffff:127.0.0.1", "localhost", "a.localhost", "localhost."}) {
    const auto refused = connect(socks_.rules(), {{host, 5223}}, 10s, true);
    ASSERT_FALSE(refused) << host;
    EXPECT_EQ(refused.error().kind, ErrorKind::unsupported) << host;
  }
  EXPECT_EQ(socks_.connections, 0);
  socks_.relay = listen();
  socks_.answers = {Bytes{5, 0}, opened_};
  EXPECT_TRUE(connect(socks_.rules(), {{"abc.onion", 5223}}, 10s, true)) << "the SOCKS server itself may be here";
}

TEST_F(ThroughSocks, PrivateAddressesAreNotConnectedToWhateverTheNameSays) {
  const auto port = listen();
  for (const auto* host : {"127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1", "0.0.0.0", "127.1", "0x7f000001"}) {
    const auto refused = connect({}, {{host, port}}, 10s, true);
    ASSERT_FALSE(refused) << host;
    EXPECT_EQ(refused.error().kind, ErrorKind::unsupported) << host << ": " << refused.error().message;
  }
  EXPECT_EQ(listener_->counters().connections, 0U);
  EXPECT_TRUE(connect({}, {{"localhost", port}}));
}

}  // namespace
}  // namespace simplex::transport
