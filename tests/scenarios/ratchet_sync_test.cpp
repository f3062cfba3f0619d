// Stories of two people who can no longer read each other, and agree on new keys.
#include "moves.hpp"

namespace simplex::world {
namespace {

void until_synchronized(World& world, Person& alice, Person& bob) {
  const auto ok = [](Person& one, Person& other) {
    return one.ratchet_sync(other.name()) == agent::RatchetSyncState::ok;
  };
  world.until([&] { return ok(alice, bob) && ok(bob, alice); });
}

// What was said before is not counted: some of it is lost with the old keys.
void talk_anew(World& world, Person& alice, Person& bob) {
  const auto before_alice = alice.heard("bob").size();
  const auto before_bob = bob.heard("alice").size();
  alice.say("bob", "new from alice");
  bob.say("alice", "new from bob");
  world.until([&] {
    return alice.heard("bob").size() > before_alice && bob.heard("alice").size() > before_bob &&
           alice.heard("bob").back() == "new from bob" && bob.heard("alice").back() == "new from alice";
  });
}

TEST(RatchetSync, AnOldCopyOfTheDatabaseIsNoticedAndMended) {
  play_friends(30'000, 30, 1, [](World& world, Person& alice, Person& bob) {
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
    bob.stop();
    bob.keep_copy();
    bob.start();
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
    if (::testing::Test::HasFatalFailure()) return;
    bob.stop();
    bob.restore_copy();
    bob.start();
    // Whoever speaks first: the other cannot read it, or not the answer.
    Person& first = world.choose(2) == 0 ? alice : bob;
    Person& second = &first == &alice ? bob : alice;
    first.say(second.name(), "can you read this");
    world.pass(1min);
    second.say(first.name(), "can you read this");
    world.pass(10min);
    EXPECT_GT(alice.troubles().size() + bob.troubles().size(), 0U);
    until_synchronized(world, alice, bob);
    if (::testing::Test::HasFatalFailure()) return;
    talk_anew(world, alice, bob);
    alice.forgive_troubles();
    bob.forgive_troubles();
  });
}

TEST(RatchetSync, BothAskAtAnyMomentAndAnybodyIsKilled) {
  play_friends(31'000, 100, 2, [](World& world, Person& alice, Person& bob) {
    for (int round = 0; round < 4; ++round) {
      Person& one = world.choose(2) == 0 ? alice : bob;
      Person& other = &one == &alice ? bob : alice;
      one.synchronize(other.name());
      if (world.choose(2) == 0) {
        pass_up_to(world, 300ms);
        other.synchronize(one.name());
      }
      Person& victim = world.choose(2) == 0 ? alice : bob;
      kill(world, victim, 300ms);
      start_again(world, victim);
    }
    // A call in the turn of a kill may be lost: somebody asks once more.
    world.pass(1min);
    alice.synchronize("bob");
    until_synchronized(world, alice, bob);
    // Messages of the agents themselves, with keys that were given up before they came.
    alice.forgive_troubles();
    bob.forgive_troubles();
    if (::testing::Test::HasFatalFailure()) return;
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
  });
}

}  // namespace
}  // namespace simplex::world
