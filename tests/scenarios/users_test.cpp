// Users that are deleted, and invitations that go from one to another.
#include "moves.hpp"

namespace simplex::world {
namespace {

using agent::UserQueues;
using ::testing::Test;

// Alice knows bob and carol.
void play_three(std::uint64_t first, int count,
                const std::function<void(World&, Relay&, Person& alice, Person& bob)>& story) {
  play(first, count, [&](World& world) {
    Relay& relay = world.relay("r1");
    world.relay("r2");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r2");
    Person& carol = world.person("carol", "r2");
    world.befriend(alice, bob);
    world.befriend(alice, carol);
    if (Test::HasFatalFailure()) return;
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    story(world, relay, alice, bob);
    if (Test::HasFatalFailure()) return;
    bob.say("alice", "anybody there?");
    world.pass(1h);
    EXPECT_EQ(alice.users_deleted(), std::vector{alice.user()});
    EXPECT_EQ(alice.heard("bob").size(), 2U);
    bob.forgive_troubles();
  });
}

void expect_no_user(Person& alice) {
  EXPECT_TRUE(alice.agent().users()->empty());
  const auto made = alice.agent().create_connection(alice.user(), true);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::not_found);
}

TEST(Users, ADeletedUserLeavesNoQueues) {
  play_three(23'000, 30, [](World& world, Relay& relay, Person& alice, Person& bob) {
    ASSERT_EQ(relay.queues(), 2U);
    if (world.choose(2) == 0) bob.say("alice", "on its way");
    alice.delete_user(UserQueues::at_relays);
    expect_no_user(alice);
    const auto kills = world.choose(3);
    for (std::uint64_t i = 0; i < kills; ++i) {
      kill(world, alice);
      alice.start();
    }
    world.until([&] { return !alice.users_deleted().empty(); }, 1h);
    EXPECT_EQ(relay.queues(), 0U);
    expect_no_user(alice);
  });
}

TEST(Users, ADeletedUserWaitsForItsRelay) {
  play_three(23'100, 10, [](World& world, Relay& relay, Person& alice, Person&) {
    relay.stop();
    alice.delete_user(UserQueues::at_relays);
    world.pass(24h);
    EXPECT_TRUE(alice.users_deleted().empty());
    expect_no_user(alice);
    relay.start();
    world.until([&] { return !alice.users_deleted().empty(); }, 12h);
    EXPECT_EQ(relay.queues(), 0U);
  });
}

TEST(Users, ARelayThatStaysAwayDoesNotKeepTheUser) {
  play_three(23'200, 3, [](World& world, Relay& relay, Person& alice, Person&) {
    relay.stop();
    alice.delete_user(UserQueues::at_relays);
    world.until([&] { return !alice.users_deleted().empty(); }, 24h * 60);
  });
}

TEST(Users, QueuesCanBeLeft) {
  play_three(23'300, 20, [](World& world, Relay& relay, Person& alice, Person&) {
    const bool late = world.choose(2) == 0;
    if (late) {
      relay.stop();
      alice.delete_user(UserQueues::at_relays);
      world.pass(1h);
    }
    alice.delete_user(UserQueues::leave);
    if (world.choose(2) == 0) {
      kill(world, alice);
      alice.start();
    }
    world.until([&] { return !alice.users_deleted().empty(); }, 10s);
    if (late) {
      relay.start();
      world.pass(1h);
    }
    EXPECT_EQ(relay.queues(), 2U);
    expect_no_user(alice);
  });
}

TEST(Users, AnInvitationGoesToAnotherUser) {
  play(23'400, 20, [](World& world) {
    world.relay("r1");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    alice.invite("bob");
    world.until([&] { return !alice.link("bob").empty(); });
    if (Test::HasFatalFailure()) return;
    const auto other = alice.give_to_new_user("bob");
    if (world.choose(2) == 0) {
      kill(world, alice);
      alice.start();
    }
    EXPECT_TRUE(alice.agent().connections(alice.user())->empty());
    ASSERT_EQ(alice.agent().connections(other)->size(), 1U);
    const auto connection = alice.agent().connections(other)->front();
    bob.join("alice", alice.link("bob"));
    world.until([&] { return alice.connected("bob") && bob.connected("alice"); });
    if (Test::HasFatalFailure()) return;
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
    const auto late = alice.agent().change_user(connection, alice.user());
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, ErrorKind::conflict);
  });
}

}  // namespace
}  // namespace simplex::world
