// Stories of two people who can no longer read each other, and agree on new keys.
#include "moves.hpp"

namespace simplex::world {
namespace {

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
