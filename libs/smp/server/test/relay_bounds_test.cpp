// What a client of a proxy can cost it: each bound is attacked.
#include "private_routing.hpp"

namespace simplex::smp::server {
namespace {

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

TEST_F(PrivateRouting, OneConnectionCannotMakeTheRelayConnectToEverything) {
  settings_.remembered_errors = 50;
  settings_.connects_per_minute = 60;
  const auto mallory = user();
  std::vector<std::shared_ptr<ProxyUser::Asked>> asked;
  for (int i = 0; i < 1'000; ++i) asked.push_back(mallory->ask(nowhere(i)));
  ASSERT_TRUE(world_.run()([&] { return std::ranges::all_of(asked, [](const auto& each) { return each->done; }); }));
  EXPECT_EQ(proxy().counters().refused.connects_per_minute, 940U);
  EXPECT_LE(proxy().counters().remembered_errors, 51U + settings_.connecting);
  world_.time.advance(minutes(2));
  EXPECT_EQ(proxy().counters().remembered_errors, 0U);
  EXPECT_EQ(mallory->open_error(nowhere(5'000)), "PROXY BROKER NETWORK");
  EXPECT_EQ(proxy().counters().refused.connects_per_minute, 940U) << "a minute later it may again";
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
  EXPECT_EQ(proxy().counters().refused.sessions_of_client, 1U);
  EXPECT_EQ(proxy().counters().refused.sessions, 1U);
}

// Relays that accept, and say nothing more.
class SilentRelays : public PrivateRouting {
 protected:
  std::shared_ptr<ProxyUser::Asked> ask_silent(ProxyUser& who) {
    silent_.push_back(std::make_unique<ScriptedDestination>(world_, "s" + std::to_string(silent_.size())));
    silent_.back()->handshakes = false;
    asked_.push_back(who.ask(silent_.back()->address()));
    return asked_.back();
  }
  [[nodiscard]] auto answered() const {
    return std::ranges::count_if(asked_, [](const auto& each) { return each->done; });
  }

  std::vector<std::unique_ptr<ScriptedDestination>> silent_;
  std::vector<std::shared_ptr<ProxyUser::Asked>> asked_;
};

TEST_F(SilentRelays, ConnectionsInProgressAreBounded) {
  settings_.connecting = 4;
  settings_.connecting_of_client = 100;
  const auto mallory = user();
  for (int i = 0; i < 10; ++i) (void)ask_silent(*mallory);
  world_.time.advance(seconds(4));
  EXPECT_EQ(proxy().counters().connecting, 4U);
  EXPECT_EQ(answered(), 6);
  EXPECT_EQ(proxy().counters().refused.connecting, 6U);
  world_.time.advance(seconds(46));
  EXPECT_EQ(proxy().counters().connecting, 0U);
}

TEST_F(SilentRelays, TheOldestAttemptGivesWayWhenThereAreTooMany) {
  settings_.connecting = 4;
  SimRelay relay(world_, "relay");
  const auto mallory = user();
  for (int i = 0; i < 4; ++i) (void)ask_silent(*mallory);
  world_.time.advance(seconds(6));
  EXPECT_EQ(user()->open_error(relay.address()), "");
  EXPECT_EQ(answered(), 1);
  EXPECT_EQ(proxy().counters().refused.connecting, 1U);
  EXPECT_EQ(proxy().counters().connecting, 3U);
  EXPECT_EQ(proxy().counters().remembered_errors, 0U) << "the next may ask for that relay again";
  world_.time.advance(seconds(45));
  EXPECT_EQ(answered(), 4);
}

TEST_F(SilentRelays, WhoHasTheMostAttemptsGivesWay) {
  settings_.connecting = 4;
  SimRelay relay(world_, "relay");
  const auto carol = user();
  const auto slow = ask_silent(*carol);
  world_.time.advance(seconds(1));
  const auto mallory = user();
  for (int i = 0; i < 3; ++i) (void)ask_silent(*mallory);
  for (std::size_t given_way = 1; given_way <= 2; ++given_way) {
    world_.time.advance(seconds(6));
    EXPECT_EQ(user()->open_error(relay.address()), "");
    EXPECT_FALSE(slow->done) << "hers is the oldest, but the only one";
    (void)ask_silent(*mallory);
    world_.time.advance(seconds(1));
    EXPECT_EQ(proxy().counters().connecting, 4U);
  }
}

TEST_F(SilentRelays, OneClientConnectsToAFewAtATimeAndOthersDoNotWaitForIt) {
  SimRelay relay(world_, "relay");
  const auto mallory = user();
  for (int i = 0; i < 4; ++i) (void)ask_silent(*mallory);
  world_.time.advance(seconds(10));
  for (int i = 0; i < 8; ++i) (void)ask_silent(*mallory);
  const auto behind = mallory->ask(relay.address());
  world_.time.advance(seconds(4));
  EXPECT_EQ(proxy().counters().connecting, 4U);
  EXPECT_EQ(proxy().counters().waiting, 9U);
  EXPECT_FALSE(behind->done);
  // The same relay that mallory waits for, and another.
  const auto bob = user();
  EXPECT_EQ(bob->open_error(relay.address()), "");
  EXPECT_TRUE(world_.run()([&] { return behind->done; })) << "and who asked before is told, too";
  EXPECT_EQ(bob->open_error(proxy().address()), "");
  EXPECT_EQ(proxy().counters().waiting, 8U);
  // The turn comes when an attempt ends, but is not waited for longer than one may take.
  world_.time.advance(seconds(33));
  EXPECT_EQ(proxy().counters().connecting, 4U);
  EXPECT_EQ(proxy().counters().waiting, 4U);
  EXPECT_EQ(answered(), 4);
  world_.time.advance(seconds(10));
  EXPECT_EQ(proxy().counters().waiting, 0U);
  EXPECT_EQ(proxy().counters().refused.connecting_of_client, 4U);
  EXPECT_EQ(answered(), 8);
  world_.time.advance(seconds(35));
  EXPECT_EQ(proxy().counters().connecting, 0U);
  EXPECT_EQ(answered(), 12);
}

TEST_F(SilentRelays, WhatWaitsForAClientThatLeavesIsForgottenOrGoesToOthers) {
  settings_.connecting_of_client = 1;
  SimRelay relay(world_, "relay");
  auto mallory = user();
  const auto bob = user();
  (void)ask_silent(*mallory);
  const auto own = ask_silent(*bob);
  world_.time.advance(seconds(1));
  for (int i = 0; i < 5; ++i) (void)ask_silent(*mallory);
  (void)mallory->ask(relay.address());
  world_.time.advance(seconds(1));
  const auto shared = bob->ask(relay.address());
  world_.time.advance(seconds(1));
  EXPECT_EQ(proxy().counters().waiting, 6U);
  mallory->leave();
  world_.time.advance(seconds(1));
  EXPECT_EQ(proxy().counters().waiting, 1U) << "bob's";
  EXPECT_FALSE(shared->done) << "bob's turn has not come";
  ASSERT_TRUE(world_.run()([&] { return shared->done; }));
  EXPECT_EQ(shared->error, "");
  EXPECT_EQ(own->error, "PROXY BROKER NETWORK");
  EXPECT_EQ(proxy().counters().waiting, 0U);
}

TEST_F(SilentRelays, ThousandsOfTargetsOfOneClientLeaveOthersAlone) {
  SimRelay relay(world_, "relay");
  const auto mallory = user();
  for (int i = 0; i < 2'000; ++i) (void)ask_silent(*mallory);
  for (int minute = 0; minute < 5; ++minute) {
    world_.time.advance(minutes(1));
    const auto counters = proxy().counters();
    EXPECT_LE(counters.connecting, 4U);
    EXPECT_LE(counters.waiting, settings_.connects_per_minute);
    const auto bob = user();
    EXPECT_EQ(bob->open_error(relay.address()), "");
    EXPECT_TRUE(bob->ping());
  }
  EXPECT_LE(world_.network.connections_made(), 4U * 7 + 20) << "attempts in 5 minutes, and those of the test";
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
  EXPECT_EQ(proxy().counters().refused.targets, 7U);
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
  const auto refused = proxy().counters().refused;
  EXPECT_EQ(refused.unanswered + refused.unanswered_of_session, 10U);
  EXPECT_GE(refused.unanswered_of_session, 3U);
  EXPECT_EQ(std::ranges::count_if(sent, [](const auto& each) { return each->result.text() == "PROXY BROKER TIMEOUT"; }),
            10);
  world_.time.advance(seconds(30));
  EXPECT_EQ(proxy().counters().unanswered, 0U);
}

}  // namespace
}  // namespace simplex::smp::server
