// How people use the network: sessions of their own for each connection, and changes while messages go.
#include "moves.hpp"

namespace simplex::world {
namespace {

// Alice knows bob and carol, and all have a session for each connection.
void with_sessions_of_each(World& world, const std::function<void(Person& alice, Person& bob, Person& carol)>& story) {
  world.relay("r1");
  world.relay("r2");
  std::vector<Person*> people;
  for (const auto* name : {"alice", "bob", "carol"}) {
    auto& person = world.person(name, std::vector<std::string>{"r1", "r2"});
    person.stop();
    person.use_network({.session_mode = agent::SessionMode::entity});
    person.start();
    people.push_back(&person);
  }
  world.befriend(*people[0], *people[1]);
  if (!::testing::Test::HasFatalFailure()) world.befriend(*people[0], *people[2]);
  if (!::testing::Test::HasFatalFailure()) story(*people[0], *people[1], *people[2]);
}

TEST(SessionsOfEachConnection, MessagesGoAndPeopleAreKilled) {
  play(15'000, 40, [](World& world) {
    with_sessions_of_each(world, [&](Person& alice, Person& bob, Person& carol) {
      for (int i = 0; i < 3; ++i) {
        const auto number = std::to_string(i);
        alice.say_to_all("all " + number);
        bob.say("alice", "bob " + number);
        carol.say("alice", "carol " + number);
        kill(world, alice);
        start_again(world, alice);
      }
      for (auto* other : {&bob, &carol}) until_all_is_heard(world, alice, *other);
    });
  });
}

TEST(SessionsOfEachConnection, AConnectionThatIsDeletedLeavesNoSession) {
  play(15'100, 20, [](World& world) {
    with_sessions_of_each(world, [&](Person& alice, Person& bob, Person& carol) {
      converse(world, alice, bob, 2);
      until_all_is_heard(world, alice, bob);
      bob.stop();
      carol.stop();
      world.pass(10min);
      const auto before = world.network().open_connections();
      alice.forget("bob");
      world.until([&] { return world.network().open_connections() < before; });
      carol.start();
      alice.say("carol", "still here");
      carol.say("alice", "me too");
      until_all_is_heard(world, alice, carol);
    });
  });
}

// Offline for a while: what is said meanwhile arrives soon after.
TEST(NetworkState, OfflineAndOnlineAgain) {
  play_friends(15'200, 30, 2, [](World& world, Person& alice, Person& bob) {
    for (int i = 0; i < 3; ++i) {
      converse(world, alice, bob, 1, 500ms);
      for (const auto* relay : {"r1", "r2"}) world.network().cut("bob", relay);
      if (world.choose(2) == 0) bob.agent().set_network_state({.online = false});
      converse(world, alice, bob, 2, 30s);
      pass_up_to(world, world.choose(2) == 0 ? 3min : 2h);
      if (world.choose(4) == 0) {
        kill(world, bob);
        start_again(world, bob);
      }
      for (const auto* relay : {"r1", "r2"}) world.network().restore("bob", relay);
      bob.agent().set_network_state({.online = true, .type = agent::NetworkType::wifi});
      bob.agent().set_network_state({.online = true, .type = agent::NetworkType::cellular});
    }
    until_all_is_heard(world, alice, bob);
  });
}

TEST(NetworkState, ItIsUsedAtOnceWhenItIsBack) {
  play_friends(15'300, 10, 1, [](World& world, Person& alice, Person& bob) {
    bob.agent().set_network_state({.online = false});
    world.network().cut("bob", "r1");
    world.pass(10min);
    const auto before = world.network().connections_made();
    alice.say("bob", "are you there?");
    world.network().restore("bob", "r1");
    world.pass(10min);
    EXPECT_EQ(world.network().connections_made(), before) << "nothing is tried";
    EXPECT_TRUE(bob.heard("alice").empty());
    bob.agent().set_network_state({.online = true});
    world.until([&] { return bob.heard("alice").size() == 1; }, 2s);
  });
}

// The network of the device has changed, and the old session is dead without anybody's saying so.
TEST(NetworkState, ADeadSessionIsFoundOut) {
  play_friends(15'400, 10, 1, [](World& world, Person& alice, Person& bob) {
    world.pass(1min);
    world.network().cut("bob", "r1");
    alice.say("bob", "are you there?");
    world.pass(1s);
    bob.agent().set_network_state({.online = true, .type = agent::NetworkType::wifi});
    world.pass(11s);
    world.network().restore("bob", "r1");
    // An attempt may have begun before, and takes 45 s; TCP alone would need 90.
    world.until([&] { return bob.heard("alice").size() == 1; }, 55s);
  });
}

TEST(Suspension, WhatIsOnItsWayIsFinishedAndNothingElseHappens) {
  play_friends(15'500, 40, 2, [](World& world, Person& alice, Person& bob) {
    for (int i = 0; i < 4; ++i) {
      const auto number = std::to_string(i);
      alice.say("bob", "before " + number);
      pass_up_to(world, 200ms);
      bob.say("alice", "before " + number);
      const int times = alice.times_suspended();
      alice.agent().suspend(std::chrono::milliseconds(world.choose(2) * world.choose(2'000)));
      if (world.choose(4) == 0) pass_up_to(world, 20ms);
      if (world.choose(4) == 0) {
        alice.agent().foreground();
      } else {
        world.until([&] { return alice.times_suspended() > times; }, 3s);
        alice.say("bob", "in the background " + number);
        bob.say("alice", "meanwhile " + number);
        const auto heard = alice.heard("bob").size();
        pass_up_to(world, 10min);
        EXPECT_EQ(alice.heard("bob").size(), heard);
        if (world.choose(3) == 0) {
          kill(world, alice);
          start_again(world, alice);
        } else {
          alice.agent().foreground();
        }
      }
    }
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Suspension, WithTimeEnoughEverythingIsSentAndNoSessionStays) {
  play_friends(15'600, 20, 1, [](World& world, Person& alice, Person& bob) {
    bob.stop();
    for (int i = 0; i < 20; ++i) alice.say("bob", line("alice", i));
    alice.agent().suspend(1min);
    world.until([&] { return alice.times_suspended() == 1; }, 1min);
    EXPECT_TRUE(alice.all_sent("bob"));
    world.pass(1s);
    EXPECT_EQ(world.network().open_connections(), 0u);
    bob.start();
    alice.agent().foreground();
    until_all_is_heard(world, alice, bob);
  });
}

TEST(NetworkSettings, TheyChangeWhileMessagesGo) {
  play(15'700, 40, [](World& world) {
    for (const auto* relay : {"r1", "r2", "r3"}) world.relay(relay);
    auto& alice = world.person("alice", "r1");
    auto& bob = world.person("bob", std::vector<std::string>{"r2", "r3"});
    world.befriend(alice, bob);
    for (int i = 0; i < 6; ++i) {
      auto& one = world.choose(2) == 0 ? alice : bob;
      one.say(&one == &alice ? "bob" : "alice", "before " + std::to_string(i));
      alice.say("bob", "alice " + std::to_string(i));
      bob.say("alice", "bob " + std::to_string(i));
      pass_up_to(world, 300ms);
      agent::NetworkConfig network;
      if (world.choose(2) == 0) network.session_mode = agent::SessionMode::entity;
      if (world.choose(2) == 0) network.proxy_mode = agent::ProxyMode::always;
      one.agent().set_network(network);
      pass_up_to(world, 3s);
      if (world.choose(4) == 0) {
        kill(world, one);
        start_again(world, one);
      }
    }
    until_all_is_heard(world, alice, bob);
  });
}

}  // namespace
}  // namespace simplex::world
