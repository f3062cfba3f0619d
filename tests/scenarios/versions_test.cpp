// Old and new programs together: every pair of agent versions, every version of SMP.
#include <gtest/gtest.h>

#include "moves.hpp"

namespace simplex::world {
namespace {

void connect_and_talk(World& world, Person& alice, Person& bob) {
  world.befriend(alice, bob);
  if (::testing::Test::HasFatalFailure()) return;
  alice.say("bob", "hello");
  bob.say("alice", "hello yourself");
  alice.say("bob", "how are you");
  world.until_all_is_heard(alice, bob);
  world.until_all_is_heard(bob, alice);
}

TEST(Versions, EveryPairOfAgentsConnectsAndTalks) {
  for (std::uint16_t first = 2; first <= 7; ++first) {
    for (std::uint16_t second = 2; second <= 7; ++second) {
      SCOPED_TRACE("agent versions " + std::to_string(first) + " and " + std::to_string(second));
      play(10'000 + first * 10U + second, 1, [&](World& world) {
        world.relay("r1");
        world.relay("r2");
        connect_and_talk(world, world.person("alice", "r1", program_of(first)),
                         world.person("bob", "r2", program_of(second)));
      });
      if (::testing::Test::HasFailure()) return;
    }
  }
}

// Programs before agent version 6 do not sign the first message. Alice secures the queue with the key that is in it, and bob,
// who was killed before he had the relay's answer, sends it once more.
TEST(Versions, AConfirmationWhoseAnswerWasLost) {
  play(13'000, 60, [](World& world) {
    world.relay("r1");
    Person& alice = world.person("alice", "r1", program_of(5));
    Person& bob = world.person("bob", "r1", program_of(5));
    world.network().set_latency({.least = 50ms, .most = 150ms});
    alice.invite("bob");
    world.until([&] { return !alice.link("bob").empty(); });
    if (::testing::Test::HasFatalFailure()) return;
    bob.join("alice", alice.link("bob"));
    pass_up_to(world, 1500ms);
    bob.kill();
    world.pass(1min);
    bob.start();
    world.until([&] { return alice.connected("bob") && bob.connected("alice"); });
    if (::testing::Test::HasFatalFailure()) return;
    alice.say("bob", "hello");
    bob.say("alice", "hello yourself");
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Versions, EveryVersionOfSmpCarriesAConversation) {
  for (std::uint16_t version = 6; version <= 20; ++version) {
    SCOPED_TRACE("relay up to SMP " + std::to_string(version));
    play(11'000U + version, 1, [&](World& world) {
      world.relay("old", {SmpVersion(6), SmpVersion(version)});
      world.relay("new");
      connect_and_talk(world, world.person("alice", "old"), world.person("bob", "new"));
    });
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Versions, OldClientAtANewRelay) {
  for (std::uint16_t version = 6; version <= 20; ++version) {
    SCOPED_TRACE("client up to SMP " + std::to_string(version));
    play(12'000U + version, 1, [&](World& world) {
      world.relay("r1");
      agent::Versions old = program_of(version < 9 ? 5 : 7);
      old.smp.max = SmpVersion(version);
      connect_and_talk(world, world.person("alice", "r1", old), world.person("bob", "r1"));
    });
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace simplex::world
