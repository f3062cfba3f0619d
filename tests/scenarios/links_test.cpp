// Stories of short links: made beside the full one, looked at, joined by, changed and deleted.
#include "moves.hpp"

namespace simplex::world {
namespace {

// A link of alice, of either kind; she may be killed while it is made.
std::string link_of(World& world, Person& alice, bool address, bool killed) {
  alice.use_short_links();
  if (address) {
    alice.make_address();
  } else {
    alice.invite("bob");
  }
  if (killed) {
    kill(world, alice, 300ms);
    start_again(world, alice);
  }
  const auto link = [&] { return address ? alice.address() : alice.link("bob"); };
  world.until([&] { return !link().empty(); });
  return link();
}

void until_connected(World& world, Person& alice, Person& bob) {
  world.until([&] { return alice.connected("bob") && bob.connected("alice"); });
}

void either_is_killed(World& world, bool address) {
  world.relay("r1");
  world.relay("r2");
  Person& alice = world.person("alice", "r1");
  Person& bob = world.person("bob", "r2");
  Person& victim = world.choose(2) == 0 ? alice : bob;
  const auto link = link_of(world, alice, address, &victim == &alice);
  if (::testing::Test::HasFatalFailure()) return;
  ASSERT_TRUE(link.starts_with("https://")) << link;
  bob.join("alice", link);
  for (int i = 0; i < 4 && !(alice.connected("bob") && bob.connected("alice")); ++i) {
    kill(world, victim, 300ms);
    start_again(world, victim);
  }
  until_connected(world, alice, bob);
  if (::testing::Test::HasFatalFailure()) return;
  EXPECT_EQ(bob.peer_info("alice"), "alice");
  converse(world, alice, bob, 2);
  until_all_is_heard(world, alice, bob);
}

TEST(ShortLinks, OfInvitationsSurviveKills) {
  play(60'000, 120, [](World& world) { either_is_killed(world, false); });
}
TEST(ShortLinks, OfAddressesSurviveKills) {
  play(61'000, 120, [](World& world) { either_is_killed(world, true); });
}

TEST(ShortLinks, OnABadNetwork) {
  play(62'000, 30, [](World& world) {
    Relay& relay = world.relay("r1");
    world.network().set_latency({.least = 5ms, .most = 400ms});
    world.network().set_loss_of_connection(0.02);
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    const auto link = link_of(world, alice, world.choose(2) == 0, false);
    if (::testing::Test::HasFatalFailure()) return;
    bob.join("alice", link);
    pass_up_to(world, 2s);
    relay.stop();
    pass_up_to(world, 20s);
    relay.start();
    until_connected(world, alice, bob);
    if (::testing::Test::HasFatalFailure()) return;
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(ShortLinks, WhoHasLookedCanJoinAndNobodyElse) {
  play(63'000, 60, [](World& world) {
    world.relay("r1");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    Person& carol = world.person("carol", "r1");
    const auto link = link_of(world, alice, false, false);
    if (::testing::Test::HasFatalFailure()) return;
    bob.look_at(link);
    kill(world, bob, 300ms);
    start_again(world, bob);
    bob.look_at(link);
    world.until([&] { return !bob.seen_in_links().empty(); });
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_EQ(bob.seen_in_links().back(), "alice");
    carol.look_at(link);
    carol.join("alice", link);
    world.until([&] { return !carol.seen_in_links().empty() && !carol.troubles().empty(); });
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_NE(carol.seen_in_links().back().find("somebody else has used it"), std::string::npos);
    EXPECT_NE(carol.troubles().back().find("somebody else has used it"), std::string::npos);
    carol.forgive_troubles();
    bob.join("alice", link);
    until_connected(world, alice, bob);
  });
}

TEST(ShortLinks, TheirMakerChangesAndDeletesThem) {
  play(64'000, 100, [](World& world) {
    world.relay("r1");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    const auto link = link_of(world, alice, true, false);
    if (::testing::Test::HasFatalFailure()) return;
    alice.change_address_link("alice, older");
    alice.change_address_link("alice, renamed");
    ASSERT_TRUE(alice.agent().flush());
    kill(world, alice, 300ms);
    start_again(world, alice);
    world.until([&] { return alice.link_changed(); });
    bob.look_at(link);
    world.until([&] { return !bob.seen_in_links().empty(); });
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_EQ(bob.seen_in_links().back(), "alice, renamed");
    alice.delete_address_link();
    ASSERT_TRUE(alice.agent().flush());
    kill(world, alice, 300ms);
    start_again(world, alice);
    world.until([&] { return alice.link_deleted(); });
    bob.join("alice", link);
    world.until([&] { return !bob.troubles().empty(); });
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_NE(bob.troubles().back().find("its maker has deleted it"), std::string::npos);
    bob.forgive_troubles();
    EXPECT_TRUE(alice.troubles().empty());
  });
}

TEST(ShortLinks, OldRelaysHaveNone) {
  play(65'000, 10, [](World& world) {
    world.relay("r1", {SmpVersion(6), SmpVersion(14)});
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    const auto link = link_of(world, alice, world.choose(2) == 0, false);
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_TRUE(link.starts_with("simplex:/")) << link;
    bob.join("alice", link);
    until_connected(world, alice, bob);
  });
}

TEST(ShortLinks, WhatIsWrongWithThemIsSaid) {
  play(66'000, 10, [](World& world) {
    world.relay("r1");
    agent::Versions old;
    old.smp.max = SmpVersion(14);
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1", old);
    Person& carol = world.person("carol", "r1");
    auto link = link_of(world, alice, false, false);
    if (::testing::Test::HasFatalFailure()) return;
    bob.join("alice", link);
    world.until([&] { return !bob.troubles().empty(); });
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_NE(bob.troubles().back().find("too old for short links"), std::string::npos);
    bob.forgive_troubles();
    // Another key: what the relay has does not open.
    const auto key = link.find('/', link.find('#')) + 3;
    link[key] = link[key] == 'A' ? 'B' : 'A';
    carol.join("alice", link);
    world.until([&] { return !carol.troubles().empty(); });
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_NE(carol.troubles().back().find("it was not encrypted for this link"), std::string::npos)
        << carol.troubles().back();
    carol.forgive_troubles();
  });
}

}  // namespace
}  // namespace simplex::world
