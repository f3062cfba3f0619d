// Stories of two people who both receive at two relays: whichever of these fails, what they say is heard.
#include <array>

#include "moves.hpp"

namespace simplex::world {
namespace {

using ::testing::Test;

struct Place {
  Relay& r1;
  Relay& r2;
  Relay& r3;
  Relay& r4;
  Person& alice;
  Person& bob;

  explicit Place(World& world, bool bob_wants_it = true)
      : r1(world.relay("r1")),
        r2(world.relay("r2")),
        r3(world.relay("r3")),
        r4(world.relay("r4")),
        alice(world.person("alice", std::vector<std::string>{"r1", "r2"})),
        bob(world.person("bob", std::vector<std::string>{"r3", "r4"})) {
    alice.want_two_relays();
    if (bob_wants_it) bob.want_two_relays();
    for (Person* person : {&alice, &bob}) {
      person->stop();
      person->start();
    }
  }
  [[nodiscard]] Relay& any(World& world) const {
    return *std::array<Relay*, 4>{&r1, &r2, &r3, &r4}[static_cast<std::size_t>(world.choose(4))];
  }
  [[nodiscard]] std::size_t queues() const { return r1.queues() + r2.queues() + r3.queues() + r4.queues(); }
  // All four ways are known to be used.
  void until_redundant(World& world) const {
    world.until([&] {
      if (!alice.running() || !bob.running()) return false;
      const auto ours = alice.connection("bob");
      const auto theirs = bob.connection("alice");
      return !ours.second_receiving_relay.empty() && !ours.second_sending_relay.empty() &&
             !theirs.second_receiving_relay.empty() && !theirs.second_sending_relay.empty();
    });
  }
};

// Friends whose four queues are all in use.
void play_redundant(std::uint64_t first, int count, const std::function<void(World&, Place&)>& story) {
  play(first, count, [&](World& world) {
    Place place(world);
    world.befriend(place.alice, place.bob);
    if (!Test::HasFatalFailure()) place.until_redundant(world);
    world.pass(1min);  // the first message of each direction is in both of its queues
    if (!Test::HasFatalFailure()) story(world, place);
  });
}

TEST(Redundancy, EachReceivesAtTwoRelaysAndHearsEverythingOnce) {
  play_redundant(70'000, 5, [](World& world, Place& place) {
    EXPECT_EQ(place.queues(), 4U);
    const auto state = place.alice.connection("bob");
    EXPECT_NE(state.receiving_relay, state.second_receiving_relay);
    EXPECT_NE(state.sending_relay, state.second_sending_relay);
    converse(world, place.alice, place.bob, 5);
    until_all_is_heard(world, place.alice, place.bob);
    EXPECT_EQ(place.r1.messages() + place.r2.messages() + place.r3.messages() + place.r4.messages(), 0U);
    place.alice.forget("bob");
    place.bob.forget("alice");
    world.until([&] { return place.queues() == 0; });
  });
}

TEST(Redundancy, ARelayDiesForEverInTheMiddleOfAConversation) {
  play_redundant(71'000, 20, [](World& world, Place& place) {
    converse(world, place.alice, place.bob, 2);
    pass_up_to(world, 300ms);
    place.any(world).stop();
    converse(world, place.alice, place.bob, 3);
    until_all_is_heard(world, place.alice, place.bob);
    world.pass(72h);  // nothing is tried there any more
    converse(world, place.alice, place.bob, 2);
    until_all_is_heard(world, place.alice, place.bob);
  });
}

TEST(Redundancy, OneOfEachDiesAndBothAreKilledAgainAndAgain) {
  play_redundant(72'000, 15, [](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    converse(world, alice, bob, 1);
    (world.choose(2) == 0 ? r1 : r2).stop();
    (world.choose(2) == 0 ? r3 : r4).stop();
    for (int round = 1; round < 4; ++round) {
      alice.say("bob", line("alice", round));
      bob.say("alice", line("bob", round));
      Person& victim = world.choose(2) == 0 ? alice : bob;
      kill(world, victim);
      start_again(world, victim);
    }
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Redundancy, ARelayLosesItsDataAndTheQueueIsMadeAnew) {
  play_redundant(73'000, 15, [](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    Relay& relay = place.any(world);
    converse(world, alice, bob, 2);
    pass_up_to(world, 200ms);
    relay.stop();
    converse(world, alice, bob, 1);
    relay.lose_its_data();
    relay.start();
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
    world.until([&] { return place.queues() == 4; });
    if (Test::HasFatalFailure()) return;
    EXPECT_GE(alice.times_queue_lost("bob") + bob.times_queue_lost("alice"), 1);
    EXPECT_LE(alice.times_queue_lost("bob"), 1);
    EXPECT_LE(bob.times_queue_lost("alice"), 1);
    // The one that was beside it may be lost now.
    for (Relay* other : {&r1, &r2, &r3, &r4}) {
      const bool same_side = (other == &r1 || other == &r2) == (&relay == &r1 || &relay == &r2);
      if (other != &relay && same_side) other->stop();
    }
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Redundancy, WhatWasOnItsWayWhenARelayLostItsDataIsHeardInOrder) {
  play_redundant(74'000, 15, [](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    bob.stop();
    for (int i = 0; i < 4; ++i) alice.say("bob", line("alice", i));
    world.pass(1min);
    Relay& relay = world.choose(2) == 0 ? r3 : r4;
    relay.stop();
    relay.lose_its_data();
    relay.start();
    for (int i = 4; i < 6; ++i) alice.say("bob", line("alice", i));
    pass_up_to(world, 1min);
    bob.start();
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Redundancy, ARelayIsAwayForWeeksAndBothReturn) {
  play_redundant(75'000, 10, [](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    Relay& relay = place.any(world);
    relay.stop();
    for (int day = 0; day < 5; ++day) {  // what waits for it is given up meanwhile
      alice.say("bob", line("alice", day));
      bob.say("alice", line("bob", day));
      world.pass(24h);
    }
    // The listener comes when both are there again, and the first to answer may lack some.
    Person& away = world.choose(2) == 0 ? alice : bob;
    Person& other = &away == &alice ? bob : alice;
    away.stop();
    other.say(away.name(), "before");
    world.pass(72h);
    relay.start();
    other.say(away.name(), "after");
    world.pass(1h);
    away.start();
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Redundancy, ThePeersProgramIsOlderAndTheSecondQueueGoes) {
  for (const bool alice_invites : {true, false}) {
    play(76'000 + (alice_invites ? 0U : 100U), 5, [&](World& world) {
      Place place(world, false);
      auto& [r1, r2, r3, r4, alice, bob] = place;
      if (alice_invites) {
        world.befriend(alice, bob);
      } else {
        world.befriend(bob, alice);
      }
      if (Test::HasFatalFailure()) return;
      converse(world, alice, bob, 2);
      until_all_is_heard(world, alice, bob);
      if (Test::HasFatalFailure()) return;
      EXPECT_EQ(alice.connection("bob").second_receiving_relay, "");
      EXPECT_EQ(alice.connection("bob").second_sending_relay, "");
      EXPECT_EQ(place.queues(), 3U);
      world.pass(24h * 5);
      EXPECT_EQ(place.queues(), 2U);
      converse(world, alice, bob, 2);
      until_all_is_heard(world, alice, bob);
    });
  }
}

TEST(Redundancy, EitherIsKilledInTheMiddleOfConnecting) {
  play(77'000, 40, [](World& world) {
    Place place(world);
    auto& [r1, r2, r3, r4, alice, bob] = place;
    if (world.choose(3) == 0) alice.use_short_links();
    alice.invite("bob");
    if (world.choose(3) == 0) {
      kill(world, alice);
      start_again(world, alice);
    }
    world.until([&] { return alice.running() && !alice.link("bob").empty(); });
    if (Test::HasFatalFailure()) return;
    bob.join("alice", alice.link("bob"));
    for (int i = 0; i < 2; ++i) {
      Person& victim = world.choose(2) == 0 ? alice : bob;
      kill(world, victim, 200ms);
      start_again(world, victim);
    }
    world.until([&] { return alice.connected("bob") && bob.connected("alice"); });
    if (!Test::HasFatalFailure()) place.until_redundant(world);
    if (Test::HasFatalFailure()) return;
    place.any(world).stop();
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Redundancy, OneOfTheInvitersRelaysIsAwayWhenTheLinkIsMade) {
  play(78'000, 10, [](World& world) {
    Place place(world);
    auto& [r1, r2, r3, r4, alice, bob] = place;
    Relay& away = world.choose(2) == 0 ? r1 : r2;
    away.stop();
    world.befriend(alice, bob);
    if (Test::HasFatalFailure()) return;
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
    away.start();
    (world.choose(2) == 0 ? r3 : r4).stop();
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Redundancy, OneOfThePeersRelaysIsAwayWhenBobJoins) {
  play(79'000, 10, [](World& world) {
    Place place(world);
    auto& [r1, r2, r3, r4, alice, bob] = place;
    alice.invite("bob");
    world.until([&] { return !alice.link("bob").empty(); });
    if (Test::HasFatalFailure()) return;
    // The second one of the link: the first has to be there.
    Relay& second = alice.connection("bob").receiving_relay == r1.address() ? r2 : r1;
    second.stop();
    bob.join("alice", alice.link("bob"));
    world.until([&] { return alice.connected("bob") && bob.connected("alice"); });
    if (Test::HasFatalFailure()) return;
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    second.start();
    place.until_redundant(world);
    if (Test::HasFatalFailure()) return;
    (&second == &r1 ? r2 : r1).stop();
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Redundancy, EachQueueMovesByItselfWhileTheyTalk) {
  play(80'000, 15, [](World& world) {
    Place place(world);
    auto& [r1, r2, r3, r4, alice, bob] = place;
    Relay& r5 = world.relay("r5");
    alice.use_relays({r1.address(), r2.address(), r5.address()});
    alice.stop();
    alice.start();
    world.befriend(alice, bob);
    if (!Test::HasFatalFailure()) place.until_redundant(world);
    if (Test::HasFatalFailure()) return;
    bool killed = false;
    for (int round = 0; round < 3; ++round) {
      alice.say("bob", line("alice", round * 10));
      bob.say("alice", line("bob", round * 10));
      alice.rotate("bob");
      pass_up_to(world, 500ms);
      bob.say("alice", line("bob", round * 10 + 1));
      if (world.choose(2) == 0) {
        Person& victim = world.choose(2) == 0 ? alice : bob;
        kill(world, victim);
        killed = true;
        start_again(world, victim);
      }
      world.until([&] { return alice.running() && bob.running() && alice.times_moved("bob") == round + 1; });
      if (Test::HasFatalFailure()) return;
      EXPECT_NE(alice.connection("bob").receiving_relay, alice.connection("bob").second_receiving_relay);
    }
    until_all_is_heard(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    world.pass(10min);
    // Whoever is killed before the relay's answer knows nothing of the queue that it made.
    if (!killed) EXPECT_EQ(place.queues() + r5.queues(), 4U);
    place.any(world).stop();
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
  });
}

}  // namespace
}  // namespace simplex::world
