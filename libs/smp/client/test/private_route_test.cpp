// The client's side of private routing against a proxy that does what the test tells it. The real one plays in
// tests/scenarios.
#include "simplex/smp/client/private_route.hpp"

#include <gtest/gtest.h>

#include "simplex/crypto/key_encoding.hpp"
#include "scripted_relay.hpp"

namespace simplex::smp::client {
namespace {

using namespace std::chrono_literals;

class PrivateRouteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    attempt_ = Client::connect({loop_, random_, log_, *connector_}, proxy_.address(), {}, {},
                               [this](Outcome<std::unique_ptr<Client>> made) { client_ = std::move(made).value(); });
    time_.run_until([&] { return client_ != nullptr; }, 5min);
    proxy_.on_command = [this](const SeenCommand& command) {
      if (answer_) proxy_.answer(command, *answer_);
    };
  }
  // What an honest proxy tells of the destination.
  broker::Pkey honest() {
    const auto key = crypto::generate_x25519(random_).public_key;
    return {Bytes(32, 7), supported_versions, destination_.chain,
            transport::sign_key(destination_.key, crypto::to_spki(key))};
  }
  protocol::ServerAddress destination() {
    protocol::ServerAddress made;
    made.hosts = {*protocol::Host::parse("destination")};
    made.key_hash = protocol::KeyHash(destination_.identity.view());
    return made;
  }
  Outcome<PrivateRoute> open(const BrokerMessage& answer) {
    answer_ = answer;
    std::optional<Outcome<PrivateRoute>> opened;
    client_->open_route(destination(), std::nullopt, [&](Outcome<PrivateRoute> route) { opened = std::move(route); });
    time_.run_until([&] { return opened.has_value(); }, 5min);
    return opened.value();
  }
  Outcome<> send(const PrivateRoute& route, const BrokerMessage& answer, std::size_t size = 100) {
    answer_ = answer;
    std::optional<Outcome<>> sent;
    client_->send_message(
        SenderId(Bytes(24, 1)), nullptr, {}, Bytes(size, 'x'), [&](Outcome<> done) { sent = std::move(done); }, &route);
    time_.run_until([&] { return sent.has_value(); }, 5min);
    return sent.value();
  }

  world::Scheduler time_;
  world::SimLoop loop_{time_};
  world::SimNetwork network_{time_, 1};
  testing::SeededRandom random_{3};
  NullLogger log_;
  std::unique_ptr<transport::Connector> connector_ = network_.connector("alice");
  ScriptedRelay proxy_{time_, network_};
  transport::ServerCredentials destination_ =
      transport::make_credentials(transport::SignatureAlgorithm::ed25519, time_.wall(), random_);
  std::unique_ptr<Client::Attempt> attempt_;
  std::unique_ptr<Client> client_;
  std::optional<BrokerMessage> answer_;
};

void expect_untrusted(const Outcome<PrivateRoute>& route) {
  ASSERT_FALSE(route);
  EXPECT_EQ(route.error().kind, Failure::Kind::untrusted) << route.error().error.message;
  EXPECT_TRUE(route.error().at_proxy);
  EXPECT_FALSE(cannot_route(route.error()));
}

TEST_F(PrivateRouteTest, ARouteIsTheRelaysOfTheAddress) {
  const auto route = open(honest());
  ASSERT_TRUE(route) << route.error().error.message;
  EXPECT_EQ(route->version, current_version);
  auto older = honest();
  older.versions = {SmpVersion(8), SmpVersion(11)};
  EXPECT_EQ(open(older).value().version, SmpVersion(11));
}

TEST_F(PrivateRouteTest, AProxyThatLeadsElsewhereIsNotBelieved) {
  const auto other = transport::make_credentials(transport::SignatureAlgorithm::ed25519, time_.wall(), random_);
  auto lie = honest();
  lie.certificates = other.chain;
  expect_untrusted(open(lie));
  lie = honest();
  lie.certificates.front() = other.chain.front();
  expect_untrusted(open(lie));
  lie = honest();
  lie.signed_key = transport::sign_key(other.key, crypto::to_spki(crypto::generate_x25519(random_).public_key));
  expect_untrusted(open(lie));
  lie = honest();
  lie.signed_key.back() ^= 1;
  expect_untrusted(open(lie));
  lie = honest();
  lie.signed_key = transport::sign_key(destination_.key, crypto::to_spki(crypto::generate_ed25519(random_).public_key));
  expect_untrusted(open(lie));
}

TEST_F(PrivateRouteTest, WhatIsTooOldIsKnownToBe) {
  auto old = honest();
  old.versions = {SmpVersion(6), SmpVersion(7)};
  auto route = open(old);
  ASSERT_FALSE(route);
  EXPECT_TRUE(cannot_route(route.error()));
  const auto refused = [&](BrokerError error) {
    return open(broker::Err{errors::Proxy{proxy_errors::Broker{std::move(error)}}}).error();
  };
  EXPECT_TRUE(cannot_route(refused(broker_errors::Transport{TransportErrorKind::version})));
  EXPECT_TRUE(cannot_route(refused(broker_errors::Host{})));
  EXPECT_FALSE(cannot_route(refused(broker_errors::Timeout{})));
  EXPECT_FALSE(cannot_route(refused(broker_errors::Transport{TransportErrorKind::handshake_identity})));
  EXPECT_FALSE(cannot_route(open(broker::Ok{}).error()));
}

TEST_F(PrivateRouteTest, WhatTheProxySaysIsNotTheRelays) {
  const auto route = open(honest()).value();
  auto outcome = send(route, broker::Err{errors::Auth{}});
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(outcome.error().at_proxy);
  EXPECT_FALSE(outcome.error().is<errors::Auth>());
  outcome = send(route, broker::Err{errors::Proxy{proxy_errors::NoSession{}}});
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(route_is_lost(outcome.error()));
  const Bytes octets(16'242, 1);
  for (const BrokerMessage& nonsense : {BrokerMessage(broker::Pres{Content(octets)}), BrokerMessage(broker::Ok{})}) {
    outcome = send(route, nonsense);
    ASSERT_FALSE(outcome) << "only the relay can say that it has the message";
    EXPECT_TRUE(outcome.error().at_proxy);
  }
}

TEST_F(PrivateRouteTest, WhatDoesNotFitIsNotSent) {
  const auto route = open(honest()).value();
  const auto seen = proxy_.seen.size();
  const auto outcome = send(route, broker::Ok{}, 17'000);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Failure::Kind::too_large);
  EXPECT_FALSE(outcome.error().at_proxy);
  EXPECT_EQ(proxy_.seen.size(), seen);
}

TEST_F(PrivateRouteTest, AProxyThatSaysNothingIsNotWaitedForForever) {
  const auto route = open(honest()).value();
  answer_.reset();
  std::optional<Failure> opening;
  std::optional<Failure> sending;
  client_->open_route(destination(), std::nullopt, [&](const auto& outcome) { opening = outcome.error(); });
  client_->send_message(
      SenderId(Bytes(24, 1)), nullptr, {}, Bytes(3, 'x'), [&](const auto& outcome) { sending = outcome.error(); },
      &route);
  time_.advance(59s);
  EXPECT_FALSE(sending);
  time_.advance(2s);
  ASSERT_TRUE(sending);
  EXPECT_TRUE(sending->at_proxy && sending->temporary());
  EXPECT_FALSE(opening);
  time_.advance(15s);
  ASSERT_TRUE(opening);
  EXPECT_TRUE(opening->at_proxy && opening->temporary());
}

}  // namespace
}  // namespace simplex::smp::client
