// Private routing with real relays in a simulated network: clients, a proxy, destinations of all versions and moods.
#include "simplex/smp/server/relay_sessions.hpp"

#include "simplex/smp/server/node.hpp"
#include "simplex/testing/random.hpp"
#include "simplex/transport/block_session.hpp"
#include "simplex/world/network.hpp"
#include "proxy_user.hpp"

namespace simplex::smp::server {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::SizeIs;

class World {
 public:
  [[nodiscard]] RunUntil run() {
    return [this](const std::function<bool()>& holds) { return time.run_until(holds, minutes(10)); };
  }
  world::Scheduler time;
  world::SimNetwork network{time, 5};
  testing::SeededRandom random{11};
};

// A relay with one node; a proxy when it has settings for that.
class SimRelay {
 public:
  SimRelay(World& world, std::string host, SmpVersionRange versions = supported_versions,
           std::optional<ProxySettings> proxy = std::nullopt, std::optional<BasicAuth> password = std::nullopt)
      : world_(world), host_(std::move(host)), loop_(world.time) {
    settings.credentials =
        transport::make_credentials(transport::SignatureAlgorithm::ed25519, world.time.wall(), world.random);
    settings.versions = versions;
    settings.engine.password = std::move(password);
    start(proxy);
  }
  void start(const std::optional<ProxySettings>& proxy = std::nullopt) {
    connector_ = world_.network.connector(host_);
    store_ = std::make_unique<MemoryStore>();
    node_ = std::make_unique<Node>(0, 1, loop_, settings, world_.random, *store_, logger_, load_);
    node_->join({node_.get()});
    if (proxy) {
      auto made = make_relay_sessions({loop_, world_.random, *connector_, node_->shard().statistics()}, *proxy);
      sessions_ = made.get();
      node_->route_privately(std::move(made));
    }
    node_->start();
    world::ServerIdentity identity{settings.credentials.chain, settings.credentials.identity, {"smp/1"}};
    if (settings.versions.max < SmpVersion(7)) identity.alpn.clear();
    listener_ = world_.network.listen(loop_, host_, identity,
                                      [this](transport::ChannelPtr channel) { node_->accept(std::move(channel)); });
  }
  // The process ends.
  void kill() {
    listener_.reset();
    node_.reset();
    sessions_ = nullptr;
  }

  [[nodiscard]] protocol::ServerAddress address() const { return address_of(host_, settings.credentials.identity); }
  [[nodiscard]] Node& node() { return *node_; }
  [[nodiscard]] RelaySessions& sessions() { return *sessions_; }
  [[nodiscard]] RelaySessions::Counters counters() const { return sessions_->counters(); }
  [[nodiscard]] const Statistics& statistics() const { return std::as_const(node_->shard()).statistics(); }

  NodeSettings settings;

 private:
  World& world_;
  std::string host_;
  world::SimLoop loop_;
  NullLogger logger_;
  RelayLoad load_;
  std::unique_ptr<transport::Connector> connector_;
  std::unique_ptr<MemoryStore> store_;
  std::unique_ptr<Node> node_;
  RelaySessions* sessions_ = nullptr;
  std::unique_ptr<world::SimNetwork::Listener> listener_;
};

// A destination that does what the test says with each RFWD.
class ScriptedDestination {
 public:
  struct Rfwd {
    CorrId corr_id;
    ForwardedTransmission forwarded;  // its octets are not kept
  };
  ScriptedDestination(World& world, std::string host)
      : world_(world),
        host_(std::move(host)),
        loop_(world.time),
        credentials_(transport::make_credentials(transport::SignatureAlgorithm::ed25519, world.time.wall(), random_)) {
    listener_ = world.network.listen(loop_, host_, {credentials_.chain, credentials_.identity, {"smp/1"}},
                                     [this](transport::ChannelPtr channel) { accept(std::move(channel)); });
  }
  [[nodiscard]] protocol::ServerAddress address() const { return address_of(host_, credentials_.identity); }

  std::function<void(const Rfwd&)> on_rfwd = [](const Rfwd&) {};
  std::size_t seen = 0;
  int connections = 0;
  bool handshakes = true;  // else it accepts, and says nothing

  void answer(const CorrId& corr_id, const BrokerMessage& message) {
    protocol::Batch batch;
    ASSERT_TRUE(batch.add(encode_broker_transmission(params(), corr_id, {}, message)));
    send_content(batch.take());
  }
  void answer_rres(const CorrId& corr_id, const ForwardedResponse& response) {
    const auto sealed = seal_rres(key(), crypto::cb_nonce(corr_id.view()), response);
    answer(corr_id, broker::Rres{Content(sealed)});
  }
  void send_content(BytesView content) { ASSERT_TRUE(session_->send(content)); }
  void disconnect() { session_.reset(); }
  [[nodiscard]] crypto::BoxKey key() const { return crypto::box_key(*session_->session().secret); }
  [[nodiscard]] SessionParams params() const {
    return {session_->session().version, session_->session().session_id.view()};
  }
  [[nodiscard]] bool knows_proxy() const { return session_->session().proxy; }

 private:
  void accept(transport::ChannelPtr channel) {
    ++connections;
    if (!handshakes) return silent_.push_back(std::move(channel));
    session_ = transport::BlockSession::as_server(loop_, std::move(channel), credentials_, {}, random_, minutes(2),
                                                  {.ready = [] {},
                                                   .block = [this](BytesView content) { receive(content); },
                                                   .closed = [](const Error&) {},
                                                   .drained = [] {}});
  }
  void receive(BytesView content) {
    const auto transmissions = protocol::split_batch(content);
    ASSERT_TRUE(transmissions);
    for (const auto each : *transmissions) {
      const auto received = decode_client_transmission(params(), each);
      ASSERT_TRUE(received);
      const auto* rfwd = std::get_if<command::Rfwd>(&received->command);
      ASSERT_NE(rfwd, nullptr);
      auto octets = to_bytes(rfwd->encrypted.bytes);
      const auto opened = open_rfwd(key(), crypto::cb_nonce(received->corr_id.view()), octets);
      ASSERT_TRUE(opened);
      ++seen;
      on_rfwd({received->corr_id, *opened});
      if (!session_) return;
    }
  }

  World& world_;
  std::string host_;
  world::SimLoop loop_;
  testing::SeededRandom random_{21};
  transport::ServerCredentials credentials_;
  std::unique_ptr<world::SimNetwork::Listener> listener_;
  std::unique_ptr<transport::BlockSession> session_;
  std::vector<transport::ChannelPtr> silent_;
};

class PrivateRouting : public ::testing::Test {
 protected:
  static constexpr SmpVersionRange up_to(std::uint16_t version) { return {SmpVersion(6), SmpVersion(version)}; }

  SimRelay& proxy() {
    if (!proxy_) proxy_ = std::make_unique<SimRelay>(world_, "proxy", supported_versions, settings_, password_);
    return *proxy_;
  }
  std::unique_ptr<ProxyUser> user(const protocol::ServerAddress& relay, SmpVersionRange versions = supported_versions) {
    loops_.push_back(std::make_unique<world::SimLoop>(world_.time));
    connectors_.push_back(world_.network.connector("user" + std::to_string(loops_.size())));
    client::Options options;
    options.versions = versions;
    return std::make_unique<ProxyUser>(
        client::Dependencies{*loops_.back(), world_.random, logger_, *connectors_.back()}, world_.run(), relay,
        options);
  }
  std::unique_ptr<ProxyUser> user() { return user(proxy().address()); }
  crypto::AuthPrivateKey ed25519() { return crypto::generate_ed25519(world_.random).private_key; }
  protocol::ServerAddress nowhere(int number) {
    return address_of("nowhere" + std::to_string(number), transport::KeyHash());
  }

  World world_;
  NullLogger logger_;
  ProxySettings settings_;
  std::optional<BasicAuth> password_;
  std::vector<std::unique_ptr<world::SimLoop>> loops_;
  std::vector<std::unique_ptr<transport::Connector>> connectors_;
  std::unique_ptr<SimRelay> proxy_;
};

TEST_F(PrivateRouting, MessagesGoToRelaysOfEveryVersionThatForwards) {
  for (const std::uint16_t version :
       std::initializer_list<std::uint16_t>{8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}) {
    SimRelay relay(world_, "relay" + std::to_string(version), up_to(version));
    const auto alice = user(relay.address());
    const auto queue = alice->create(ed25519());
    const auto bob = user();
    Route route;
    ASSERT_EQ(bob->open(relay.address(), route), "") << version;
    // Blocks of relays that do not know proxies must not be encrypted, so nothing over 10 is agreed with them.
    const std::uint16_t agreed = version >= 14 ? version : std::min<std::uint16_t>(version, 10);
    EXPECT_EQ(route.versions, (SmpVersionRange{SmpVersion(8), SmpVersion(agreed)})) << version;
    const std::string longest(max_message_length(route.versions.max), 'x');
    for (const auto& text : {std::string("hello"), longest}) {
      EXPECT_EQ(bob->send(route, queue.ids.sender_id.view(), text), "OK") << version;
      EXPECT_EQ(alice->receive(queue), text) << version;
    }
    EXPECT_EQ(bob->send(route, queue.ids.sender_id.view(), longest + "y"), "ERR LARGE_MSG") << version;
  }
}

TEST_F(PrivateRouting, SendersOfEveryKeySecureAndSend) {
  SimRelay relay(world_, "relay");
  const auto alice = user(relay.address());
  const auto bob = user();
  Route route;
  ASSERT_EQ(bob->open(relay.address(), route), "");
  std::vector<crypto::AuthPrivateKey> keys;
  keys.emplace_back(crypto::generate_ed25519(world_.random).private_key);
  keys.emplace_back(crypto::generate_ed448(world_.random).private_key);
  keys.emplace_back(crypto::generate_x25519(world_.random).private_key);
  for (const auto& key : keys) {
    const auto queue = alice->create(ed25519());
    const auto sender = queue.ids.sender_id.view();
    EXPECT_EQ(bob->call(route, command::Skey{crypto::public_key(key)}, sender, &key), "OK");
    const std::string longest(16'048, 'x');
    EXPECT_EQ(bob->send(route, sender, longest, &key), "OK");
    EXPECT_EQ(alice->receive(queue), longest);
    EXPECT_EQ(bob->send(route, sender, "not signed"), "ERR AUTH");
    EXPECT_EQ(bob->call(route, command::Sub{}, queue.ids.recipient_id.view(), &queue.key), "ERR CMD PROHIBITED");
  }
  EXPECT_EQ(relay.statistics().forwarded_received, 12U);
}

TEST_F(PrivateRouting, ManySendersShareOneSession) {
  SimRelay one(world_, "one");
  SimRelay two(world_, "two");
  std::vector<std::unique_ptr<ProxyUser>> users;
  for (int i = 0; i < 6; ++i) users.push_back(user());
  const auto before = world_.network.connections_made();
  std::vector<std::shared_ptr<ProxyUser::Asked>> asked;
  for (const auto& each : users) {
    asked.push_back(each->ask(one.address()));
    asked.push_back(each->ask(one.address()));
    asked.push_back(each->ask(two.address()));
  }
  ASSERT_TRUE(world_.run()([&] { return std::ranges::all_of(asked, [](const auto& each) { return each->done; }); }));
  EXPECT_EQ(world_.network.connections_made() - before, 2U);
  for (const auto& each : asked) ASSERT_TRUE(each->route) << each->error;
  EXPECT_EQ(asked[0]->route->session_id, asked[15]->route->session_id);
  EXPECT_NE(asked[0]->route->session_id, asked[17]->route->session_id);
  EXPECT_EQ(proxy().counters().connected, 2U);
  EXPECT_EQ(proxy().statistics().relays.requests, 18U);
  EXPECT_EQ(proxy().statistics().relays.successes, 18U);

  const auto alice = user(one.address());
  const auto queue = alice->create(ed25519());
  std::vector<std::shared_ptr<ProxyUser::Sent>> sent;
  for (int i = 0; i < 20; ++i) {
    for (const auto& each : users) {
      sent.push_back(
          each->post(*asked[0]->route, command::Send{{}, Content(as_bytes("x"))}, queue.ids.sender_id.view()));
    }
  }
  ASSERT_TRUE(world_.run()([&] { return std::ranges::all_of(sent, [](const auto& each) { return each->done; }); }));
  for (const auto& each : sent) EXPECT_EQ(each->result.text(), "OK");
  for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(alice->receive(queue), "x");
  EXPECT_EQ(proxy().statistics().forwarded.successes, sent.size());
  EXPECT_EQ(proxy().counters().unanswered, 0U);
}

TEST_F(PrivateRouting, ARelayMayBeItsOwnProxy) {
  const auto alice = user();
  const auto queue = alice->create(ed25519());
  Route route;
  ASSERT_EQ(alice->open(proxy().address(), route), "");
  EXPECT_EQ(alice->send(route, queue.ids.sender_id.view(), "to myself"), "OK");
  EXPECT_EQ(alice->receive(queue), "to myself");
}

TEST_F(PrivateRouting, ThePasswordIsThatOfQueues) {
  password_ = BasicAuth::from(as_bytes("correct")).value();
  SimRelay relay(world_, "relay");
  const auto bob = user();
  EXPECT_EQ(bob->open_error(relay.address()), "PROXY BASIC_AUTH");
  EXPECT_EQ(bob->open_error(relay.address(), BasicAuth::from(as_bytes("wrong")).value()), "PROXY BASIC_AUTH");
  EXPECT_EQ(bob->open_error(relay.address(), password_), "");
  // A relay that is no proxy says the same.
  const auto carol = user(relay.address());
  EXPECT_EQ(carol->open_error(proxy().address()), "PROXY BASIC_AUTH");
}

TEST_F(PrivateRouting, OtherSessionsAreNone) {
  const auto bob = user();
  const Route made_up{Bytes(32, 1), supported_versions, crypto::generate_x25519(world_.random).public_key};
  EXPECT_EQ(bob->send(made_up, Bytes(24, 1), "x"), "PROXY NO_SESSION");
  EXPECT_EQ(proxy().statistics().forwarded.requests, 1U);
  EXPECT_EQ(proxy().statistics().forwarded.connect_errors, 1U);
}

TEST_F(PrivateRouting, AfterTheRelaysRestartASessionIsOpenedAgain) {
  SimRelay relay(world_, "relay");
  const auto bob = user();
  Route route;
  ASSERT_EQ(bob->open(relay.address(), route), "");
  relay.kill();
  ASSERT_TRUE(world_.run()([&] { return proxy().counters().connected == 0; }));
  EXPECT_EQ(bob->send(route, Bytes(24, 1), "x"), "PROXY NO_SESSION");
  EXPECT_EQ(proxy().statistics().forwarded.connect_errors, 1U);
  relay.start();
  ASSERT_EQ(bob->open(relay.address(), route), "");
  EXPECT_EQ(bob->send(route, Bytes(24, 1), "x"), "ERR AUTH");
}

TEST_F(PrivateRouting, RelaysThatDoNotForwardAreSaidSo) {
  SimRelay six(world_, "six", up_to(6));
  SimRelay seven(world_, "seven", up_to(7));
  const auto bob = user();
  EXPECT_EQ(bob->open_error(six.address()), "PROXY BROKER TRANSPORT VERSION");
  EXPECT_EQ(bob->open_error(seven.address()), "PROXY BROKER TRANSPORT VERSION");
  EXPECT_EQ(proxy().statistics().relays.compat_errors, 2U);
  SimRelay future(world_, "future", {SmpVersion(30), SmpVersion(40)});
  EXPECT_EQ(bob->open_error(future.address()), "PROXY BROKER TRANSPORT VERSION");
  EXPECT_EQ(proxy().statistics().relays.other_errors, 1U);
  EXPECT_EQ(proxy().counters().connected, 0U);
}

TEST_F(PrivateRouting, ARelayThatIsDownIsNotAskedAgainForAWhile) {
  SimRelay relay(world_, "relay");
  relay.kill();
  settings_.own_server_domains = {"relay"};
  const auto bob = user();
  const auto carol = user();
  EXPECT_EQ(bob->open_error(relay.address()), "PROXY BROKER NETWORK");
  relay.start();
  EXPECT_EQ(carol->open_error(relay.address()), "PROXY BROKER NETWORK") << "remembered";
  EXPECT_EQ(proxy().counters().remembered_errors, 1U);
  EXPECT_EQ(proxy().statistics().relays_own.requests, 2U);
  EXPECT_EQ(proxy().statistics().relays_own.connect_errors, 2U);
  world_.time.advance(seconds(30));
  EXPECT_EQ(carol->open_error(relay.address()), "");
  EXPECT_EQ(proxy().counters().remembered_errors, 0U);
  EXPECT_EQ(proxy().statistics().relays_own.successes, 1U);
}

TEST_F(PrivateRouting, OwnRelaysAreThoseOfTheDomains) {
  settings_.own_server_domains = {"example.com", "other.org"};
  const auto bob = user();
  for (const auto* host : {"example.com", "smp1.example.com", "notexample.com", "example.com.evil", "a.other.org"}) {
    EXPECT_EQ(bob->open_error(address_of(host, transport::KeyHash())), "PROXY BROKER NETWORK");
  }
  EXPECT_EQ(proxy().statistics().relays.requests, 5U);
  EXPECT_EQ(proxy().statistics().relays_own.requests, 3U);
}

TEST_F(PrivateRouting, ARelayWithAnotherIdentityIsNotReached) {
  SimRelay relay(world_, "relay");
  auto address = relay.address();
  address.key_hash = protocol::KeyHash(Bytes(32, 9));
  EXPECT_EQ(user()->open_error(address), "PROXY BROKER NETWORK");
}

TEST_F(PrivateRouting, ASilentRelayIsGivenUpAndComesBackAlsoWhenTheAskerHasLeft) {
  for (const bool leaves : {false, true}) {
    ScriptedDestination relay(world_, "relay" + std::to_string(static_cast<int>(leaves)));
    relay.handshakes = false;
    auto bob = user();
    const auto asked = bob->ask(relay.address());
    ASSERT_TRUE(world_.run()([&] { return relay.connections == 1; }));
    if (leaves) bob->leave();
    world_.time.advance(seconds(46));
    if (!leaves) EXPECT_EQ(asked->error, "PROXY BROKER NETWORK");
    EXPECT_EQ(asked->done, !leaves);
    EXPECT_EQ(proxy().counters().connecting, 0U);
    relay.handshakes = true;
    world_.time.advance(seconds(31));
    EXPECT_EQ(user()->open_error(relay.address()), "");
    EXPECT_TRUE(relay.knows_proxy());
  }
}

TEST_F(PrivateRouting, WhatARelayAnswersIsMeasured) {
  ScriptedDestination relay(world_, "relay");
  const auto bob = user();
  Route route;
  ASSERT_EQ(bob->open(relay.address(), route), "");
  const auto expect = [&](const std::string& error, std::function<void(const ScriptedDestination::Rfwd&)> answer) {
    relay.on_rfwd = std::move(answer);
    EXPECT_EQ(bob->send(route, Bytes(24, 1), "x"), error);
  };
  using Rfwd = ScriptedDestination::Rfwd;
  const Bytes whole(padded_forwarded_size + crypto::box_tag_size, 7);
  const auto sealed = [&](const CorrId& nonce, const ForwardedResponse& response) {
    return seal_rres(relay.key(), crypto::cb_nonce(nonce.view()), response);
  };
  const auto response = [&](const CorrId& corr_id, BytesView octets) {
    return ForwardedResponse{corr_id, Content(octets)};
  };
  expect("CRYPTO", [&](const Rfwd& rfwd) { relay.answer(rfwd.corr_id, broker::Rres{Content(whole)}); });
  expect("CRYPTO", [&](const Rfwd& rfwd) {
    const auto other = sealed(CorrId::generate(world_.random), response(rfwd.forwarded.corr_id, whole));
    relay.answer(rfwd.corr_id, broker::Rres{Content(other)});
  });
  expect("CRYPTO", [&](const Rfwd& rfwd) {
    auto cut = sealed(rfwd.corr_id, response(rfwd.forwarded.corr_id, whole));
    cut.resize(cut.size() / 2);
    relay.answer(rfwd.corr_id, broker::Rres{Content(cut)});
  });
  expect("PROXY BROKER RESPONSE BLOCK",
         [&](const Rfwd& rfwd) { relay.answer_rres(rfwd.corr_id, response(CorrId::generate(world_.random), whole)); });
  for (const std::size_t size : {std::size_t{0}, whole.size() - 1, whole.size() + 1, std::size_t{16'280}}) {
    expect("PROXY BROKER RESPONSE BLOCK", [&](const Rfwd& rfwd) {
      relay.answer_rres(rfwd.corr_id, response(rfwd.forwarded.corr_id, Bytes(size, 7)));
    });
  }
  expect("PROXY BROKER RESPONSE BLOCK", [&](const Rfwd& rfwd) {
    const auto junk = crypto::seal(relay.key(), crypto::reversed(crypto::cb_nonce(rfwd.corr_id.view())), Bytes{200, 1});
    relay.answer(rfwd.corr_id, broker::Rres{Content(junk)});
  });
  expect("PROXY BROKER UNEXPECTED PONG", [&](const Rfwd& rfwd) { relay.answer(rfwd.corr_id, broker::Pong{}); });
  expect("PROXY PROTOCOL AUTH", [&](const Rfwd& rfwd) { relay.answer(rfwd.corr_id, broker::Err{errors::Auth{}}); });
  expect("PROXY PROTOCOL CRYPTO", [&](const Rfwd& rfwd) { relay.answer(rfwd.corr_id, broker::Err{errors::Crypto{}}); });
  expect("PROXY BROKER RESPONSE too long",
         [&](const Rfwd& rfwd) { relay.answer(rfwd.corr_id, broker::Err{errors::Store{std::string(16'200, 'x')}}); });
  expect("PROXY BROKER RESPONSE CMD UNKNOWN", [&](const Rfwd& rfwd) {
    protocol::Batch batch;
    auto octets = encode_broker_transmission(relay.params(), rfwd.corr_id, {}, broker::Pong{});
    octets[octets.size() - 3] = 'Z';
    ASSERT_TRUE(batch.add(octets));
    relay.send_content(batch.take());
  });
  // Answers to nothing, and twice, disturb nobody.
  expect("PROXY PROTOCOL QUOTA", [&](const Rfwd& rfwd) {
    relay.answer(CorrId::generate(world_.random), broker::Pong{});
    relay.answer(rfwd.corr_id, broker::Err{errors::Quota{}});
    relay.answer(rfwd.corr_id, broker::Err{errors::Auth{}});
    relay.answer(CorrId(), broker::End{});
  });
  EXPECT_EQ(proxy().statistics().forwarded.successes, 3U) << "errors of the relay are its answers";
  EXPECT_EQ(proxy().statistics().forwarded.other_errors, proxy().statistics().forwarded.requests - 3);
  EXPECT_FALSE(bob->disconnected);
  EXPECT_TRUE(bob->ping());
}

TEST_F(PrivateRouting, ARelayThatNeverAnswersIsATimeoutAndFreesWhatItHeld) {
  ScriptedDestination relay(world_, "relay");
  SimRelay other(world_, "other");
  const auto bob = user();
  Route route;
  ASSERT_EQ(bob->open(relay.address(), route), "");
  std::vector<std::shared_ptr<ProxyUser::Sent>> sent;
  for (int i = 0; i < 500; ++i)
    sent.push_back(bob->post(route, command::Send{{}, Content(as_bytes("x"))}, Bytes(24, 1)));
  world_.time.advance(seconds(20));
  // Past the bound nothing more is read from bob; what others do goes on.
  const auto bound = proxy().settings.limits.proxied;
  EXPECT_GE(proxy().counters().unanswered, bound);
  EXPECT_LE(proxy().counters().unanswered, bound + 8);
  const auto carol = user();
  EXPECT_EQ(carol->open_error(other.address()), "");
  EXPECT_EQ(carol->send(route, Bytes(24, 1), "x"), "PROXY BROKER TIMEOUT");
  EXPECT_EQ(sent[0]->result.text(), "PROXY BROKER TIMEOUT");
  // A session that has answered nothing for so long is closed; then there is none.
  ASSERT_TRUE(world_.run()([&] { return std::ranges::all_of(sent, [](const auto& each) { return each->done; }); }));
  EXPECT_EQ(sent.back()->result.text(), "PROXY NO_SESSION");
  EXPECT_EQ(proxy().counters().unanswered, 0U);
  EXPECT_EQ(proxy().counters().connected, 1U) << "the other";
  EXPECT_LE(relay.seen, 6 * (bound + 8));
  EXPECT_TRUE(bob->ping());
}

TEST_F(PrivateRouting, WhenARelayGoesInTheMiddleEveryCommandIsAnswered) {
  ScriptedDestination relay(world_, "relay");
  const auto bob = user();
  Route route;
  ASSERT_EQ(bob->open(relay.address(), route), "");
  std::vector<std::shared_ptr<ProxyUser::Sent>> sent;
  for (int i = 0; i < 10; ++i)
    sent.push_back(bob->post(route, command::Send{{}, Content(as_bytes("x"))}, Bytes(24, 1)));
  ASSERT_TRUE(world_.run()([&] { return relay.seen > 5; }));
  relay.disconnect();
  ASSERT_TRUE(world_.run()([&] { return std::ranges::all_of(sent, [](const auto& each) { return each->done; }); }));
  for (const auto& each : sent) {
    EXPECT_TRUE(each->result.text() == "PROXY BROKER TIMEOUT" || each->result.text() == "PROXY NO_SESSION")
        << each->result.text();
  }
  EXPECT_EQ(proxy().counters().unanswered, 0U);
  EXPECT_EQ(proxy().counters().connected, 0U);
}

TEST_F(PrivateRouting, AClientThatLeavesLeavesNothing) {
  ScriptedDestination relay(world_, "relay");
  std::vector<ScriptedDestination::Rfwd> seen;
  relay.on_rfwd = [&](const auto& rfwd) { seen.push_back(rfwd); };
  auto bob = user();
  Route route;
  ASSERT_EQ(bob->open(relay.address(), route), "");
  for (int i = 0; i < 10; ++i) (void)bob->post(route, command::Send{{}, Content(as_bytes("x"))}, Bytes(24, 1));
  (void)bob->ask(nowhere(1));
  ASSERT_TRUE(world_.run()([&] { return seen.size() == 10; }));
  bob->leave();
  ASSERT_TRUE(world_.run()([&] { return proxy().counters().clients == 0; }));
  // Answers come to nobody, late ones too.
  for (std::size_t i = 0; i < 5; ++i) relay.answer(seen[i].corr_id, broker::Err{errors::Auth{}});
  world_.time.advance(seconds(40));
  for (std::size_t i = 5; i < 10; ++i) relay.answer(seen[i].corr_id, broker::Err{errors::Auth{}});
  world_.time.advance(seconds(1));
  EXPECT_EQ(proxy().counters().unanswered, 0U);
  EXPECT_EQ(proxy().counters().connected, 1U) << "the session stays for others";
}

TEST_F(PrivateRouting, SessionsThatNobodyUsesAreClosed) {
  SimRelay relay(world_, "relay");
  const auto bob = user();
  Route route;
  ASSERT_EQ(bob->open(relay.address(), route), "");
  for (int i = 0; i < 4; ++i) {
    world_.time.advance(minutes(20));
    EXPECT_EQ(bob->send(route, Bytes(24, 1), "x"), "ERR AUTH");
  }
  world_.time.advance(minutes(32));
  EXPECT_EQ(proxy().counters().connected, 0U);
  EXPECT_EQ(proxy().counters().closed_idle, 1U);
  EXPECT_EQ(relay.node().connection_count(), 0U);
  EXPECT_EQ(bob->send(route, Bytes(24, 1), "x"), "PROXY NO_SESSION");
  EXPECT_EQ(bob->open(relay.address(), route), "");
}

// ---- attacks

TEST_F(PrivateRouting, OneConnectionCannotMakeTheRelayConnectToEverything) {
  settings_.remembered_errors = 50;
  settings_.connects_per_minute = 60;
  const auto mallory = user();
  std::vector<std::shared_ptr<ProxyUser::Asked>> asked;
  for (int i = 0; i < 1'000; ++i) asked.push_back(mallory->ask(nowhere(i)));
  ASSERT_TRUE(world_.run()([&] { return std::ranges::all_of(asked, [](const auto& each) { return each->done; }); }));
  EXPECT_EQ(proxy().statistics().refused_relay_sessions, 940U);
  EXPECT_LE(proxy().counters().remembered_errors, 51U + settings_.connecting);
  world_.time.advance(minutes(2));
  EXPECT_EQ(proxy().counters().remembered_errors, 0U);
  EXPECT_EQ(mallory->open_error(nowhere(5'000)), "PROXY BROKER NETWORK");
  EXPECT_EQ(proxy().statistics().refused_relay_sessions, 940U) << "a minute later it may again";
}

TEST_F(PrivateRouting, SessionsAreBoundedForOneConnectionAndInAll) {
  settings_.sessions_of_client = 3;
  settings_.sessions = 5;
  std::vector<std::unique_ptr<SimRelay>> relays;
  for (int i = 0; i < 7; ++i) relays.push_back(std::make_unique<SimRelay>(world_, "r" + std::to_string(i)));
  const auto mallory = user();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(mallory->open_error(relays[i]->address()), "");
  EXPECT_EQ(mallory->open_error(relays[3]->address()), "PROXY BROKER NETWORK");
  EXPECT_EQ(mallory->open_error(relays[2]->address()), "") << "what is open costs nothing";
  const auto bob = user();
  EXPECT_EQ(bob->open_error(relays[3]->address()), "");
  EXPECT_EQ(bob->open_error(relays[4]->address()), "");
  EXPECT_EQ(bob->open_error(relays[5]->address()), "PROXY BROKER NETWORK") << "all are in use";
  world_.time.advance(seconds(61));
  EXPECT_EQ(bob->open_error(relays[5]->address()), "") << "the oldest gave way";
  EXPECT_EQ(proxy().counters().connected, 5U);
  EXPECT_EQ(mallory->open_error(relays[6]->address()), "") << "it was one of mallory's";
}

TEST_F(PrivateRouting, ConnectionsInProgressAreBounded) {
  settings_.connecting = 4;
  std::vector<std::unique_ptr<ScriptedDestination>> silent;
  std::vector<std::shared_ptr<ProxyUser::Asked>> asked;
  const auto mallory = user();
  for (int i = 0; i < 10; ++i) {
    silent.push_back(std::make_unique<ScriptedDestination>(world_, "s" + std::to_string(i)));
    silent.back()->handshakes = false;
    asked.push_back(mallory->ask(silent.back()->address()));
  }
  world_.time.advance(seconds(5));
  EXPECT_EQ(proxy().counters().connecting, 4U);
  EXPECT_EQ(std::ranges::count_if(asked, [](const auto& each) { return each->done; }), 6);
  world_.time.advance(seconds(45));
  EXPECT_EQ(proxy().counters().connecting, 0U);
}

TEST_F(PrivateRouting, TargetsThatAreNoRelaysPlaceAreNotConnectedTo) {
  const auto mallory = user();
  const auto before = world_.network.connections_made();
  for (const auto* port : {"22", "25", "80", "1023", "0", "99999"}) {
    EXPECT_EQ(mallory->open_error(address_of("proxy", transport::KeyHash(), port)), "PROXY BROKER HOST") << port;
  }
  auto many = nowhere(1);
  for (int i = 0; i < 9; ++i) many.hosts.push_back(many.hosts.front());
  EXPECT_EQ(mallory->open_error(many), "PROXY BROKER HOST");
  EXPECT_EQ(world_.network.connections_made(), before);
  EXPECT_EQ(proxy().statistics().refused_relay_targets, 7U);
  EXPECT_EQ(proxy().statistics().relays.other_errors, 7U);
}

TEST_F(PrivateRouting, UnansweredCommandsAreBoundedInAllAndForEachSession) {
  settings_.unanswered = 20;
  settings_.unanswered_of_session = 12;
  ScriptedDestination one(world_, "one");
  ScriptedDestination two(world_, "two");
  const auto bob = user();
  const auto carol = user();
  Route to_one;
  Route to_two;
  ASSERT_EQ(bob->open(one.address(), to_one), "");
  ASSERT_EQ(carol->open(two.address(), to_two), "");
  std::vector<std::shared_ptr<ProxyUser::Sent>> sent;
  for (int i = 0; i < 15; ++i) {
    sent.push_back(bob->post(to_one, command::Send{{}, Content(as_bytes("x"))}, Bytes(24, 1)));
    sent.push_back(carol->post(to_two, command::Send{{}, Content(as_bytes("x"))}, Bytes(24, 1)));
  }
  world_.time.advance(seconds(5));
  EXPECT_EQ(proxy().counters().unanswered, 20U);
  EXPECT_LE(one.seen, 12U);
  EXPECT_LE(two.seen, 12U);
  EXPECT_EQ(proxy().statistics().refused_forwarded, 10U);
  EXPECT_EQ(std::ranges::count_if(sent, [](const auto& each) { return each->result.text() == "PROXY BROKER TIMEOUT"; }),
            10);
  world_.time.advance(seconds(30));
  EXPECT_EQ(proxy().counters().unanswered, 0U);
}

}  // namespace
}  // namespace simplex::smp::server
