// Stories of addresses: one link that many people use.
#include "moves.hpp"

namespace simplex::world {
namespace {

// The address of alice is ready.
void publish(World& world, Person& alice) {
  alice.make_address();
  world.until([&] { return !alice.address().empty(); });
}

void until_connected(World& world, Person& alice, Person& guest) {
  world.until([&] { return alice.connected(guest.name()) && guest.connected("alice"); });
}

TEST(Addresses, ManyPeopleConnectByOneLink) {
  play(20'000, 10, [](World& world) {
    world.relay("r1");
    world.relay("r2");
    Person& alice = world.person("alice", "r1");
    publish(world, alice);
    if (::testing::Test::HasFatalFailure()) return;
    const std::vector<std::string> names{"bob", "carol", "dave"};
    for (const auto& name : names) {
      world.person(name, world.choose(2) == 0 ? "r1" : "r2").join("alice", alice.address());
      pass_up_to(world, 300ms);
    }
    for (const auto& name : names) {
      Person& guest = world.person(name, "r1");
      until_connected(world, alice, guest);
      if (::testing::Test::HasFatalFailure()) return;
      EXPECT_EQ(alice.peer_info(name), name);
      EXPECT_EQ(guest.peer_info("alice"), "alice");
      alice.say(name, "hello " + name);
      guest.say("alice", "hello alice");
    }
    for (const auto& name : names) until_all_is_heard(world, alice, world.person(name, "r1"));
  });
}

TEST(Addresses, EitherIsKilledAtAnyMoment) {
  play(21'000, 120, [](World& world) {
    world.relay("r1");
    world.relay("r2");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r2");
    Person& victim = world.choose(2) == 0 ? alice : bob;
    alice.make_address();
    if (&victim == &alice) {
      kill(world, victim, 300ms);
      start_again(world, victim);
    }
    world.until([&] { return !alice.address().empty(); });
    if (::testing::Test::HasFatalFailure()) return;
    bob.join("alice", alice.address());
    for (int i = 0; i < 4 && !(alice.connected("bob") && bob.connected("alice")); ++i) {
      kill(world, victim, 300ms);
      start_again(world, victim);
    }
    until_connected(world, alice, bob);
    if (::testing::Test::HasFatalFailure()) return;
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Addresses, OnABadNetwork) {
  play(22'000, 30, [](World& world) {
    Relay& relay = world.relay("r1");
    world.network().set_latency({.least = 5ms, .most = 400ms});
    world.network().set_loss_of_connection(0.02);
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    publish(world, alice);
    if (::testing::Test::HasFatalFailure()) return;
    bob.join("alice", alice.address());
    pass_up_to(world, 2s);
    relay.stop();
    pass_up_to(world, 20s);
    relay.start();
    until_connected(world, alice, bob);
    if (::testing::Test::HasFatalFailure()) return;
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Addresses, EveryPairOfAgentsConnects) {
  for (std::uint16_t first = 2; first <= 7; ++first) {
    for (std::uint16_t second = 2; second <= 7; ++second) {
      SCOPED_TRACE("agent versions " + std::to_string(first) + " and " + std::to_string(second));
      play(23'000 + first * 10U + second, 1, [&](World& world) {
        world.relay("r1");
        Person& alice = world.person("alice", "r1", program_of(first));
        Person& bob = world.person("bob", "r1", program_of(second));
        publish(world, alice);
        if (::testing::Test::HasFatalFailure()) return;
        bob.join("alice", alice.address());
        until_connected(world, alice, bob);
        if (::testing::Test::HasFatalFailure()) return;
        converse(world, alice, bob, 2);
        until_all_is_heard(world, alice, bob);
      });
      if (::testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace simplex::world
