// Ways through a proxy, and the life of its sessions with other relays.
#include "private_routing.hpp"

namespace simplex::smp::server {
namespace {

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

}  // namespace
}  // namespace simplex::smp::server
