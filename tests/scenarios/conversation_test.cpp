// Stories of two people who talk, while everything around them fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "moves.hpp"

namespace simplex::world {
namespace {

using ::testing::ElementsAre;
using ::testing::Test;

TEST(Conversation, AliceAndBobConnectByAOneTimeLinkAndTalk) {
  play_friends(1, 5, 1, [](World& world, Person& alice, Person& bob) {
    EXPECT_EQ(alice.peer_info("bob"), "bob");
    EXPECT_EQ(bob.peer_info("alice"), "alice");
    alice.say("bob", "hello");
    bob.say("alice", "hello yourself");
    converse(world, alice, bob, 5);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Conversation, OnTwoRelays) {
  play_friends(1, 5, 2, [](World& world, Person& alice, Person& bob) {
    converse(world, alice, bob, 5);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Conversation, OnABadNetwork) {
  std::uint64_t lost = 0;
  play(100, 60, [&](World& world) {
    world.relay("r1");
    world.relay("r2");
    world.network().set_latency({.least = 5ms, .most = 400ms});
    world.network().set_loss_of_connection(0.02);
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", world.choose(2) == 0 ? "r1" : "r2");
    world.befriend(alice, bob);
    if (Test::HasFatalFailure()) return;
    converse(world, alice, bob, 12);
    until_all_is_heard(world, alice, bob);
    EXPECT_LT(world.network().open_connections(), 10U);
    lost += world.network().connections_lost();
  });
  EXPECT_TRUE(replaying() || lost > 100) << "the network is too good for this story";
}

TEST(Conversation, WithTheRelayRestartedInTheMiddle) {
  play_friends(200, 20, 1, [](World& world, Person& alice, Person& bob) {
    Relay& relay = world.relay("r1");
    for (int round = 0; round < 3; ++round) {
      converse(world, alice, bob, 2, 500ms);
      relay.stop();
      alice.say("bob", "is the relay away, in round " + std::to_string(round));
      pass_up_to(world, 20s);
      relay.start();
    }
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Conversation, WhileBobIsAway) {
  play_friends(300, 5, 1, [](World& world, Person& alice, Person& bob) {
    bob.stop();
    for (int i = 0; i < 20; ++i) alice.say("bob", line("alice", i));
    world.until([&] { return alice.all_sent("bob"); });
    alice.stop();
    world.pass(24h);
    bob.start();
    world.until_all_is_heard(alice, bob);
    bob.say("alice", "thank you");
    alice.start();
    world.until_all_is_heard(bob, alice);
  });
}

TEST(Conversation, WhileTheQueueIsFull) {
  play_friends(400, 2, 1, [](World& world, Person& alice, Person& bob) {
    bob.stop();
    for (int i = 0; i < 150; ++i) alice.say("bob", line("alice", i));
    world.pass(1h);
    EXPECT_FALSE(alice.all_sent("bob")) << "the quota is 128 messages";
    bob.start();
    world.until_all_is_heard(alice, bob);
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Conversation, OneRelayOutOfReachDelaysNobodyElse) {
  play(500, 3, [](World& world) {
    world.relay("r1");
    world.relay("r2");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    Person& carol = world.person("carol", "r2");
    world.befriend(alice, bob);
    world.befriend(carol, alice);
    if (Test::HasFatalFailure()) return;
    world.network().cut("", "r2");
    for (int i = 0; i < 5; ++i) alice.say("carol", line("alice", i));
    alice.say("bob", "carol does not answer");
    world.until([&] { return bob.heard("alice").size() == 1; }, 5s);
    world.network().restore("", "r2");
    world.until_all_is_heard(alice, carol);
  });
}

TEST(Conversation, NobodyIsToldThatTheNetworkStandsStill) {
  play_friends(600, 5, 1, [](World& world, Person& alice, Person& bob) {
    world.network().cut("bob", "");
    converse(world, alice, bob, 5);
    pass_up_to(world, 2h);
    world.network().restore("bob", "");
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Conversation, LinkServesOnePersonOnly) {
  play(700, 3, [](World& world) {
    world.relay("r1");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    Person& carol = world.person("carol", "r1");
    alice.invite("bob");
    world.until([&] { return !alice.link("bob").empty(); });
    if (Test::HasFatalFailure()) return;
    const std::string link = alice.link("bob");
    bob.join("alice", link);
    world.until([&] { return bob.connected("alice") && alice.connected("bob"); });
    if (Test::HasFatalFailure()) return;
    carol.join("alice", link);
    world.until([&] { return !carol.troubles().empty(); });
    EXPECT_FALSE(carol.connected("alice"));
    carol.forgive_troubles();
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Conversation, DeletedConnectionStopsAndTheOthersGoOn) {
  play(800, 3, [](World& world) {
    world.relay("r1");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    Person& carol = world.person("carol", "r1");
    world.befriend(alice, bob);
    world.befriend(alice, carol);
    if (Test::HasFatalFailure()) return;
    bob.forget("alice");
    world.pass(1min);
    alice.say("bob", "still there?");
    alice.say("carol", "hello");
    world.until_all_is_heard(alice, carol);
    world.until([&] { return !alice.troubles().empty(); });
    EXPECT_TRUE(bob.heard("alice").empty());
    alice.forgive_troubles();
  });
}

// ---- people whose programs are killed

// One of them, again and again, while both write.
class KilledOne : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Killed, KilledOne, ::testing::Values("alice", "bob"),
                         [](const auto& victim) { return victim.param; });

TEST_P(KilledOne, AtAnyMoment) {
  int repeated = 0;
  play_friends(GetParam() == "bob" ? 1000 : 2000, 100, 1, [&](World& world, Person& alice, Person& bob) {
    Person& victim = GetParam() == "bob" ? bob : alice;
    for (int round = 0; round < 4; ++round) {
      for (int i = 0; i < 3; ++i) alice.say("bob", line("alice", round * 10 + i));
      bob.say("alice", line("bob", round));
      kill(world, victim);
      start_again(world, victim);
    }
    until_all_is_heard(world, alice, bob);
    repeated += victim.times_repeated();
  });
  EXPECT_TRUE(replaying() || repeated > 0) << "no kill came between storing and acknowledging: the story is too tame";
}

TEST(Killed, EitherWhileTheyConnect) {
  play(3000, 120, [](World& world) {
    world.relay("r1");
    world.relay("r2");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r2");
    Person& victim = world.choose(2) == 0 ? alice : bob;
    alice.invite("bob");
    kill(world, victim, 300ms);
    start_again(world, victim);
    world.until([&] { return !alice.link("bob").empty(); });
    if (Test::HasFatalFailure()) return;
    bob.join("alice", alice.link("bob"));
    for (int i = 0; i < 4 && !(alice.connected("bob") && bob.connected("alice")); ++i) {
      kill(world, victim, 300ms);
      start_again(world, victim);
    }
    world.until([&] { return alice.connected("bob") && bob.connected("alice"); });
    if (Test::HasFatalFailure()) return;
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Killed, EverybodyOnABadNetworkWithRestartsOfTheRelay) {
  play(4000, 40, [](World& world) {
    Relay& relay = world.relay("r1");
    world.network().set_latency({.least = 1ms, .most = 100ms});
    world.network().set_loss_of_connection(0.01);
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    world.befriend(alice, bob);
    if (Test::HasFatalFailure()) return;
    for (int round = 0; round < 8; ++round) {
      Person& victim = world.choose(2) == 0 ? alice : bob;
      alice.say("bob", line("alice", round));
      bob.say("alice", line("bob", round));
      kill(world, victim, 3s);
      if (world.choose(3) == 0) {
        relay.stop();
        pass_up_to(world, 2s);
        relay.start();
      }
      start_again(world, victim);
    }
    until_all_is_heard(world, alice, bob);
  });
}

}  // namespace
}  // namespace simplex::world
