// How sessions with relays are opened: through which proxy, to which host and port, and which are told apart.
#include <algorithm>
#include <set>

#include "simplex/agent/agent.hpp"
#include "desk.hpp"
#include "session_rules.hpp"

namespace simplex::agent {
namespace {

protocol::ServerAddress relay_at(const std::string& hosts) {
  return *protocol::parse_server_address("smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@" + hosts);
}

const std::string onion = "simplexonionaddressaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.onion";

TEST(SessionRules, WhatIsIsolatedFromWhat) {
  const auto first = relay_at("one.example");
  const auto second = relay_at("two.example");
  const Party alice(UserId(1), SessionEntity(Bytes{1}));
  const Party alice_elsewhere(UserId(1), SessionEntity(Bytes{2}));
  const Party bob(UserId(2), SessionEntity(Bytes{1}));
  struct Expected {
    SessionMode mode;
    bool by_run;
    bool by_relay;
    bool by_entity;
  };
  for (const auto& [mode, by_run, by_relay, by_entity] :
       {Expected{SessionMode::user, false, false, false}, Expected{SessionMode::session, true, false, false},
        Expected{SessionMode::server, true, true, false}, Expected{SessionMode::entity, true, true, true}}) {
    const auto text = isolation_of(mode, "run", alice, first);
    EXPECT_EQ(text, isolation_of(mode, "run", alice, first));
    EXPECT_NE(text, isolation_of(mode, "run", bob, first)) << "users are never seen together";
    EXPECT_EQ(text != isolation_of(mode, "next run", alice, first), by_run);
    EXPECT_EQ(text != isolation_of(mode, "run", alice, second), by_relay);
    EXPECT_EQ(text != isolation_of(mode, "run", alice_elsewhere, first), by_entity);
  }
}

TEST(SessionRules, WherePort443IsMeant) {
  Config config;
  const auto uses = [&](WebPort mode, const std::string& hosts) {
    config.network.web_port = mode;
    return uses_web_port(config, relay_at(hosts));
  };
  EXPECT_TRUE(uses(WebPort::preset, "smp8.simplex.im"));
  EXPECT_TRUE(uses(WebPort::preset, "smp1.simplexonflux.com," + onion));
  for (const auto* other : {"simplex.im.example", "notsimplex.im", "simplex.im", "192.0.2.1"}) {
    EXPECT_FALSE(uses(WebPort::preset, other)) << other;
  }
  EXPECT_FALSE(uses(WebPort::preset, onion + ",smp8.simplex.im")) << "the first host names the relay";
  EXPECT_TRUE(uses(WebPort::all, "192.0.2.1"));
  EXPECT_FALSE(uses(WebPort::off, "smp8.simplex.im"));
}

TEST(SessionRules, WhenOurAddressIsProtected) {
  NetworkConfig network;
  const auto both = relay_at("one.example," + onion);
  const auto one = relay_at("one.example");
  EXPECT_FALSE(is_address_protected(network, both));
  network.rules.socks.emplace();
  EXPECT_TRUE(is_address_protected(network, one));
  network.rules.socks_mode = transport::SocksMode::onion;
  EXPECT_FALSE(is_address_protected(network, one)) << "the SOCKS proxy is not used there";
  EXPECT_TRUE(is_address_protected(network, both));
  network.rules.host_mode = transport::HostMode::public_hosts;
  EXPECT_FALSE(is_address_protected(network, both));
  network.rules = {.host_mode = transport::HostMode::onion};
  EXPECT_TRUE(is_address_protected(network, both)) << "it is reached so, or not at all";
  EXPECT_FALSE(is_address_protected(network, one));
  network.rules.host_mode_required = true;
  EXPECT_TRUE(is_address_protected(network, one)) << "it is not connected to";
}

// Keeps what was asked of it, and answers when the test says so.
class AskedNetwork final : public transport::Connector {
 public:
  struct Asked {
    transport::ConnectOptions options;
    std::move_only_function<void(Result<transport::ChannelPtr>)> done;
    std::weak_ptr<char> wanted;
  };
  class Held final : public Attempt {
   public:
    std::shared_ptr<char> life = std::make_shared<char>();
  };
  std::unique_ptr<Attempt> connect(async::Loop&, transport::ConnectOptions options,
                                   std::move_only_function<void(Result<transport::ChannelPtr>)> done) override {
    auto attempt = std::make_unique<Held>();
    asked.push_back({std::move(options), std::move(done), attempt->life});
    return attempt;
  }
  // All that wait get the error.
  void fail_all(const Error& error) {
    auto all = std::exchange(asked, {});
    for (auto& each : all) {
      if (!each.wanted.expired()) each.done(std::unexpected(error));
    }
  }
  [[nodiscard]] std::set<std::string> isolations() const {
    std::set<std::string> all;
    for (const auto& each : asked) all.insert(each.options.isolation);
    return all;
  }
  std::vector<Asked> asked;
};

class AgentNetwork : public ::testing::Test {
 protected:
  void open(NetworkConfig network, std::vector<std::string> servers = {relay_address}) {
    Config config;
    config.database = ":memory:";
    config.servers = std::move(servers);
    config.network = std::move(network);
    agent_ = *Agent::open({loop_, random_, log_, network_}, std::move(config));
    start();
  }
  void start() {
    agent_->start([this](const Event& event) { events_.push_back(event); });
    loop_.run();
  }
  UserId user() { return *agent_->create_user(); }
  void invite(UserId user) {
    ASSERT_TRUE(agent_->create_connection(user, true));
    loop_.run();
  }
  static NetworkConfig with_socks(SessionMode mode) {
    NetworkConfig network;
    network.rules.socks.emplace();
    network.session_mode = mode;
    return network;
  }
  template <class Body>
  std::vector<Body> told() const {
    std::vector<Body> found;
    for (const auto& event : events_) {
      if (const auto* body = std::get_if<Body>(&event.body)) found.push_back(*body);
    }
    return found;
  }

  ByHandLoop loop_;
  testing::SeededRandom random_{1};
  NullLogger log_;
  AskedNetwork network_;
  std::unique_ptr<Agent> agent_;
  std::vector<Event> events_;
};

TEST_F(AgentNetwork, TheRulesGoWithEveryConnection) {
  auto network = with_socks(SessionMode::session);
  network.rules.socks->server = {"127.0.0.1", 9'151};
  network.keep_alive.probes = 7;
  network.connect_timeout = std::chrono::seconds(11);
  open(network);
  invite(user());
  ASSERT_EQ(network_.asked.size(), 1u);
  const auto& options = network_.asked[0].options;
  EXPECT_EQ(*options.rules, network.rules);
  EXPECT_EQ(options.keep_alive->probes, 7);
  EXPECT_EQ(options.timeout, std::chrono::seconds(11));
  EXPECT_EQ(options.endpoints.at(0), (transport::Endpoint{"relay.example", 5'223}));
}

TEST_F(AgentNetwork, OneSessionForAUserAndRelayOrForEachConnection) {
  for (const auto mode : {SessionMode::user, SessionMode::session, SessionMode::server, SessionMode::entity}) {
    network_.asked.clear();
    open(with_socks(mode));
    const auto alice = user();
    const auto bob = user();
    for (const auto who : {alice, alice, bob}) invite(who);
    const std::size_t expected = mode == SessionMode::entity ? 3 : 2;
    EXPECT_EQ(network_.asked.size(), expected);
    EXPECT_EQ(network_.isolations().size(), expected);
    agent_.reset();
  }
}

TEST_F(AgentNetwork, CircuitsChangeWithEachStartUnlessTheyAreTheUsers) {
  for (const auto mode : {SessionMode::user, SessionMode::session}) {
    network_.asked.clear();
    open(with_socks(mode));
    invite(user());
    const auto before = network_.isolations();
    agent_->stop();
    network_.asked.clear();
    start();
    ASSERT_EQ(network_.asked.size(), 1u);
    EXPECT_EQ(network_.isolations() == before, mode == SessionMode::user);
    agent_.reset();
  }
}

TEST_F(AgentNetwork, Port443WhereTheAddressHasNone) {
  const std::string fingerprint = "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@";
  for (const auto& [host, port] :
       {std::pair{"smp1.simplex.im", 443}, std::pair{"smp1.simplex.im:5223", 5'223}, std::pair{"own.example", 5'223}}) {
    network_.asked.clear();
    open({}, {fingerprint + host});
    invite(user());
    ASSERT_EQ(network_.asked.size(), 1u);
    EXPECT_EQ(network_.asked[0].options.endpoints.at(0).port, port) << host;
    EXPECT_EQ(network_.asked[0].options.alpn, std::vector<std::string>{port == 443 ? "http/1.1" : "smp/1"});
    agent_.reset();
  }
}

TEST_F(AgentNetwork, ARelayThatMayNotBeConnectedToIsSaidOnce) {
  open({});
  const auto alice = user();
  invite(alice);
  for (int i = 0; i < 5; ++i) {
    network_.fail_all({ErrorKind::unsupported, "it has no onion host", Advice::ask_user});
    loop_.pass(std::chrono::minutes(5));
  }
  const auto problems = told<AgentProblem>();
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].failure, Failure::network);
  EXPECT_NE(problems[0].error.message.find("relay.example: it has no onion host"), std::string::npos);
  EXPECT_EQ(network_.asked.size(), 1u) << "it is tried again";
  EXPECT_TRUE(told<ConnectionFailed>().empty()) << "the settings may change";
}

TEST_F(AgentNetwork, NewSettingsOpenEverySessionAnew) {
  open({});
  invite(user());
  ASSERT_EQ(network_.asked.size(), 1u);
  agent_->set_network({});
  EXPECT_EQ(network_.asked.size(), 1u) << "the same";
  const auto network = with_socks(SessionMode::server);
  agent_->set_network(network);
  loop_.run();
  ASSERT_EQ(network_.asked.size(), 2u);
  EXPECT_TRUE(network_.asked[0].wanted.expired());
  EXPECT_EQ(*network_.asked[1].options.rules, network.rules);
  agent_->stop();
  agent_->set_network({});
  EXPECT_EQ(network_.asked.size(), 2u) << "with the next start";
}

TEST_F(AgentNetwork, OfflineNothingIsTriedButNowAndThen) {
  open({});
  agent_->set_network_state({.online = false});
  const auto alice = user();
  invite(alice);
  loop_.pass(std::chrono::minutes(29));
  EXPECT_TRUE(network_.asked.empty());
  loop_.pass(std::chrono::minutes(1));
  EXPECT_EQ(network_.asked.size(), 1u) << "the device may be wrong";
  agent_->set_network_state({.online = true, .type = NetworkType::none});
  EXPECT_TRUE(network_.asked[0].wanted.expired());
  loop_.pass(std::chrono::minutes(29));
  EXPECT_EQ(network_.asked.size(), 1u);
  agent_->set_network_state({.online = true, .type = NetworkType::cellular});
  ASSERT_EQ(network_.asked.size(), 2u) << "at once";
  EXPECT_EQ(network_.asked[1].options.timeout, std::chrono::milliseconds(67'500)) << "a slow network";
}

TEST_F(AgentNetwork, BackOnlineThePausesBeginAnew) {
  open({});
  invite(user());
  for (int i = 0; i < 20; ++i) {
    network_.fail_all({ErrorKind::network, "away", Advice::retry});
    loop_.pass(std::chrono::minutes(5));
  }
  network_.fail_all({ErrorKind::network, "away", Advice::retry});
  ASSERT_TRUE(network_.asked.empty());
  agent_->set_network_state({.online = false});
  agent_->set_network_state({});
  ASSERT_EQ(network_.asked.size(), 1u);
  network_.fail_all({ErrorKind::network, "away", Advice::retry});
  loop_.pass(std::chrono::seconds(3));
  EXPECT_EQ(network_.asked.size(), 1u);
}

TEST_F(AgentNetwork, InTheBackgroundCallsAreTakenAndWait) {
  open({});
  const auto alice = user();
  invite(alice);
  ASSERT_EQ(network_.asked.size(), 1u);
  agent_->suspend(std::chrono::seconds(10));
  loop_.run();
  EXPECT_EQ(told<AgentSuspended>().size(), 1u) << "nothing is on its way";
  EXPECT_TRUE(network_.asked[0].wanted.expired());
  agent_->suspend(std::chrono::seconds(10));
  agent_->set_network(with_socks(SessionMode::entity));
  invite(alice);
  loop_.pass(std::chrono::hours(1));
  EXPECT_EQ(network_.asked.size(), 1u);
  EXPECT_EQ(told<AgentSuspended>().size(), 1u);
  agent_->foreground();
  agent_->foreground();
  loop_.run();
  EXPECT_EQ(network_.asked.size(), 3u) << "each has its session now";
}

}  // namespace
}  // namespace simplex::agent
