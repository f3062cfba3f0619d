// Stories of many messages on their way to a relay at once.
#include "moves.hpp"

namespace simplex::world {
namespace {

int say_many(World& world, Person& speaker, Person& listener, int from) {
  const int count = 5 + static_cast<int>(world.choose(30));
  for (int i = 0; i < count; ++i) speaker.say(listener.name(), line(speaker.name(), from + i));
  return from + count;
}

TEST(Delivery, OneMessageDoesNotWaitForTheAnswerToAnother) {
  play_friends(50'000, 5, 1, [](World& world, Person& alice, Person& bob) {
    world.network().set_latency({.least = 100ms, .most = 100ms});
    constexpr int count = 40;
    const auto began = world.time().now();
    for (int i = 0; i < count; ++i) alice.say("bob", line("alice", i));
    world.until([&] { return alice.all_sent("bob"); });
    EXPECT_LT(world.time().now() - began, count * 200ms / 4);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Delivery, WhoeverIsKilledWhileManyAreOnTheirWay) {
  play_friends(51'000, 200, 1, [](World& world, Person& alice, Person& bob) {
    world.network().set_latency({.least = 1ms, .most = 80ms});
    int said = 0;
    for (int round = 0; round < 3; ++round) {
      said = say_many(world, alice, bob, said);
      bob.say("alice", line("bob", round));
      Person& victim = world.choose(2) == 0 ? alice : bob;
      kill(world, victim);
      start_again(world, victim);
    }
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Delivery, WhileSessionsBreakAndTheRelayRestarts) {
  play_friends(52'000, 60, 1, [](World& world, Person& alice, Person& bob) {
    world.network().set_latency({.least = 1ms, .most = 100ms});
    world.network().set_loss_of_connection(0.01);
    int said = 0;
    for (int round = 0; round < 4; ++round) {
      said = say_many(world, alice, bob, said);
      pass_up_to(world, 2s);
      if (world.choose(2) == 0) {
        Relay& relay = world.relay("r1");
        relay.stop();
        pass_up_to(world, 3s);
        relay.start();
      }
      if (world.choose(3) == 0) {
        kill(world, alice);
        start_again(world, alice);
      }
    }
    until_all_is_heard(world, alice, bob);
  });
}

// Bob's program fails at one of alice's messages, whenever it is started. What she says after it comes when the agent has
// given that one up; carol's messages come all the while.
TEST(Delivery, AMessageAtWhichTheProgramFailsHoldsUpOthersForADay) {
  play_friends(54'000, 20, 2, [](World& world, Person& alice, Person& bob) {
    Person& carol = world.person("carol", "r2");
    world.befriend(carol, bob);
    bob.fail_at("poison");
    alice.say("bob", "poison");
    alice.say("bob", "after it");
    int days = 0;
    const auto gave_up = [&] { return !bob.troubles().empty(); };
    for (int i = 0; !gave_up(); ++i) {
      ASSERT_LT(i, 40);
      carol.say("bob", line("carol", i));
      world.until_all_is_heard(carol, bob);
      if (::testing::Test::HasFatalFailure()) return;
      EXPECT_TRUE(gave_up() || bob.heard("alice").empty());
      if (i >= 8) ++days;
      world.pass(i < 8 ? 1min : 6h);
      if (world.choose(3) == 0) {
        Relay& relay = world.relay("r2");
        relay.stop();
        pass_up_to(world, 3s);
        relay.start();
        pass_up_to(world, 10min);
      } else {
        kill(world, bob);
        start_again(world, bob);
      }
    }
    EXPECT_GT(days, 2);
    world.until([&] { return bob.heard("alice") == std::vector<std::string>{"after it"}; });
    EXPECT_EQ(bob.troubles().size(), 1u);
    bob.forgive_troubles();
    carol.say("bob", "at last");
    world.until_all_is_heard(carol, bob);
  });
}

// Each message says for itself whether it wakes a device, whichever way it goes and however often.
TEST(Delivery, WhatIsSaidQuietlyWakesNoDevice) {
  play(55'000, 40, [](World& world) {
    for (const char* name : {"r1", "r2", "r3", "r4"}) world.relay(name);
    Person& alice = world.person("alice", std::vector<std::string>{"r1", "r2"});
    Person& bob = world.person("bob", std::vector<std::string>{"r3", "r4"});
    const bool two_relays = world.choose(2) == 0;
    const bool proxied = world.choose(2) == 0;
    for (Person* person : {&alice, &bob}) {
      person->stop();
      if (two_relays) person->want_two_relays();
      if (proxied) person->use_network({.proxy_mode = agent::ProxyMode::always, .rules = {}});
      person->start();
    }
    world.befriend(alice, bob);
    if (::testing::Test::HasFatalFailure()) return;
    std::vector<std::string> quiet;
    for (int i = 0; i < 12; ++i) {
      if (world.choose(2) == 0) {
        quiet.push_back(line("alice", i));
        alice.say_quietly("bob", quiet.back());
      } else {
        alice.say("bob", line("alice", i));
      }
      if (world.choose(3) == 0) {
        Person& victim = world.choose(2) == 0 ? alice : bob;
        kill(world, victim);
        start_again(world, victim);
      }
    }
    until_all_is_heard(world, alice, bob);
    EXPECT_EQ(bob.heard_quietly("alice"), quiet);
    EXPECT_EQ(alice.times_proxied() > 0, proxied);
  });
}

// The queue holds 128. What it refuses comes after all that it has taken, and before what is said later.
TEST(Delivery, WhenBobComesBackWhileHisQueueBecomesFull) {
  play_friends(53'000, 30, 1, [](World& world, Person& alice, Person& bob) {
    world.network().set_latency({.least = 1ms, .most = 60ms});
    bob.stop();
    for (int i = 0; i < 120; ++i) alice.say("bob", line("alice", i));
    world.until([&] { return alice.all_sent("bob"); });
    if (::testing::Test::HasFatalFailure()) return;
    for (int i = 120; i < 180; ++i) alice.say("bob", line("alice", i));
    pass_up_to(world, 3s);
    bob.start();
    if (world.choose(2) == 0) {
      kill(world, alice, 3s);
      start_again(world, alice);
    }
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Delivery, AMessageToAllIsThereOnceForEach) {
  play(54'000, 40, [](World& world) {
    world.relay("r1");
    world.relay("r2");
    world.network().set_latency({.least = 1ms, .most = 50ms});
    Person& alice = world.person("alice", "r1");
    std::vector<Person*> friends;
    for (const auto* name : {"bob", "carol", "dave"}) {
      friends.push_back(&world.person(name, friends.size() == 1 ? "r2" : "r1"));
      world.befriend(alice, *friends.back());
      if (::testing::Test::HasFatalFailure()) return;
    }
    for (int round = 0; round < 4; ++round) {
      for (int i = 0; i < 3; ++i) alice.say_to_all(line("alice", round * 10 + i));
      alice.say("carol", line("alice", round * 10 + 9));
      Person& victim = world.choose(3) == 0 ? *friends[world.choose(3)] : alice;
      kill(world, victim);
      start_again(world, victim);
    }
    for (auto* each : friends) world.until_all_is_heard(alice, *each);
  });
}

}  // namespace
}  // namespace simplex::world
