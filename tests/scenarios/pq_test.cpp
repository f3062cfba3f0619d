// Stories of two people who switch post-quantum encryption on and off.
#include "moves.hpp"

namespace simplex::world {
namespace {

TEST(PostQuantum, IsSwitchedWhileTheyTalkAndAnybodyIsKilled) {
  play_friends(50'000, 100, 2, [](World& world, Person& alice, Person& bob) {
    for (int round = 0; round < 4; ++round) {
      Person& one = world.choose(2) == 0 ? alice : bob;
      Person& other = &one == &alice ? bob : alice;
      one.want_pq(other.name(), world.choose(2) == 0);
      converse(world, alice, bob, 2, 200ms);
      Person& victim = world.choose(2) == 0 ? alice : bob;
      kill(world, victim);
      start_again(world, victim);
    }
    alice.want_pq("bob", true);
    bob.want_pq("alice", true);
    for (int i = 0; i < 3; ++i) {
      converse(world, alice, bob, 1);
      until_all_is_heard(world, alice, bob);
      if (::testing::Test::HasFatalFailure()) return;
    }
    for (const auto& state : {alice.connection("bob"), bob.connection("alice")}) {
      EXPECT_TRUE(state.pq_wanted && state.pq_sending && state.pq_receiving);
    }
  });
}

TEST(PostQuantum, IsRefusedWithAFriendWhoseProgramIsTooOld) {
  play(51'000, 1, [](World& world) {
    world.relay("r1");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1", program_of(4));
    world.befriend(alice, bob);
    if (::testing::Test::HasFatalFailure()) return;
    const auto connection = alice.agent().connections(alice.agent().users()->front())->front();
    const auto wanted = alice.agent().set_pq_encryption(connection, true);
    ASSERT_FALSE(wanted);
    EXPECT_EQ(wanted.error().kind, ErrorKind::version);
    EXPECT_TRUE(alice.agent().set_pq_encryption(connection, false));
    EXPECT_FALSE(alice.connection("bob").pq_sending);
  });
}

}  // namespace
}  // namespace simplex::world
