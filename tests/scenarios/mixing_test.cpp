// Delayed messages, and messages that say nothing.
#include "moves.hpp"

namespace simplex::world {
namespace {

using ::testing::Test;

std::int64_t received_by(Person& person) {
  const auto summary = person.agent().servers_summary();
  EXPECT_TRUE(summary);
  std::int64_t sum = 0;
  for (const auto& relay : summary->relays) sum += relay.count(agent::RelayCounter::received_messages);
  return sum;
}

TEST(Mixing, DelayedMessagesKeepTheirOrder) {
  int early = 0;
  play_friends(24'000, 30, 2, [&](World& world, Person& alice, Person& bob) {
    alice.mix("bob", {.max_delay = 1min});
    bob.mix("alice", {.max_delay = 10s});
    alice.say("bob", "first");
    world.pass(2s);
    early += static_cast<int>(bob.heard("alice").size());
    converse(world, alice, bob, 5);
    Person& victim = world.choose(2) == 0 ? alice : bob;
    if (world.choose(2) == 0) {
      kill(world, victim);
      victim.start();
    }
    until_all_is_heard(world, alice, bob);
    EXPECT_EQ(alice.connection("bob").mixing.max_delay, 1min);
  });
  EXPECT_LE(early, 5) << "of 30, of which one is to be expected";
}

TEST(Mixing, ADelayOfOneHoldsNobodyElse) {
  play(24'100, 10, [](World& world) {
    world.relay("r1");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    Person& carol = world.person("carol", "r1");
    world.befriend(alice, bob);
    world.befriend(alice, carol);
    if (Test::HasFatalFailure()) return;
    alice.mix("bob", {.max_delay = 1h});
    for (int i = 0; i < 5; ++i) alice.say("bob", line("alice", i));
    alice.say("carol", "at once");
    world.until([&] { return carol.heard("alice").size() == 1; }, 10s);
    world.until_all_is_heard(alice, bob);
  });
}

TEST(Mixing, CoversAreSeenByNobody) {
  play_friends(24'200, 20, 2, [](World& world, Person& alice, Person& bob) {
    const auto before = received_by(bob);
    alice.mix("bob", {.cover_interval = 1min});
    const bool both = world.choose(2) == 0;
    if (both) bob.mix("alice", {.cover_interval = 1min});
    world.pass(3h);
    const auto quiet = received_by(bob);
    if (both) {
      EXPECT_GT(quiet - before, 100);
    } else {
      EXPECT_EQ(quiet - before, 16) << "until the other side says something";
    }
    EXPECT_TRUE(bob.heard("alice").empty());
    if (world.choose(2) == 0) {
      kill(world, alice);
      alice.start();
    }
    converse(world, alice, bob, 5);
    until_all_is_heard(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    world.pass(1h);
    EXPECT_GE(received_by(bob) - quiet, 5 + 16) << "what was said, and covers again";
    alice.mix("bob", {});
    world.pass(1min);
    const auto last = received_by(bob);
    world.pass(1h);
    EXPECT_EQ(received_by(bob), last);
  });
}

TEST(Mixing, CoversDoNotFillTheQueueOfWhoIsAway) {
  play(24'300, 3, [](World& world) {
    Relay& relay = world.relay("r1");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    world.befriend(alice, bob);
    if (Test::HasFatalFailure()) return;
    alice.mix("bob", {.cover_interval = 1min});
    bob.stop();
    world.pass(24h * 7);
    EXPECT_LE(relay.messages(), 16U);
    for (int i = 0; i < 20; ++i) alice.say("bob", line("alice", i));
    world.pass(1min);
    bob.start();
    world.until_all_is_heard(alice, bob);
  });
}

TEST(Mixing, WhileQueuesMove) {
  play(24'400, 8, [](World& world) {
    for (const char* name : {"r1", "r2", "r3"}) world.relay(name);
    Person& alice = world.person("alice", std::vector<std::string>{"r1", "r3"});
    Person& bob = world.person("bob", std::vector<std::string>{"r2", "r3"});
    world.befriend(alice, bob);
    if (Test::HasFatalFailure()) return;
    alice.mix("bob", {.max_delay = 5s, .cover_interval = 5s});
    bob.mix("alice", {.max_delay = 5s, .cover_interval = 5s});
    alice.rotate("bob");
    converse(world, alice, bob, 4);
    bob.rotate("alice");
    converse(world, alice, bob, 4);
    until_all_is_heard(world, alice, bob);
    world.pass(5min);
  });
}

TEST(Mixing, OldProgramsGetNoCovers) {
  play(24'500, 3, [](World& world) {
    world.relay("r1");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1", program_of(2));
    world.befriend(alice, bob);
    if (Test::HasFatalFailure()) return;
    const auto before = received_by(bob);
    alice.mix("bob", {.max_delay = 5s, .cover_interval = 1min});
    world.pass(1h);
    EXPECT_EQ(received_by(bob), before);
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
  });
}

}  // namespace
}  // namespace simplex::world
