// Stories of two people of whom one moves to another relay, or both do, while they talk.
#include "moves.hpp"

namespace simplex::world {
namespace {

using ::testing::Test;

// Alice has two relays of her own, bob one, or two others.
struct Place {
  Relay& r1;
  Relay& r2;
  Relay& r3;
  Relay& r4;
  Person& alice;
  Person& bob;

  explicit Place(World& world, agent::Versions alices = {}, agent::Versions bobs = {})
      : r1(world.relay("r1")),
        r2(world.relay("r2")),
        r3(world.relay("r3")),
        r4(world.relay("r4")),
        alice(world.person("alice", std::vector<std::string>{"r1", "r2"}, alices)),
        bob(world.person("bob", std::vector<std::string>{"r3", "r4"}, bobs)) {
    world.befriend(alice, bob);
  }
  // Where alice receives from bob, and where she does not, yet.
  [[nodiscard]] Relay& old_relay() const { return alice.connection("bob").receiving_relay == r1.address() ? r1 : r2; }
  [[nodiscard]] Relay& other_than(const Relay& relay) const { return &relay == &r1 ? r2 : r1; }
};

void play_at_place(std::uint64_t first, int count, const std::function<void(World&, Place&)>& story) {
  play(first, count, [&](World& world) {
    Place place(world);
    if (!Test::HasFatalFailure()) story(world, place);
  });
}

void until_moved(World& world, Person& alice, Person& bob) {
  world.until([&] { return alice.running() && bob.running(); });
  world.until([&] {
    return !alice.connection(bob.name()).switching &&
           alice.connection(bob.name()).receiving_relay == bob.connection(alice.name()).sending_relay;
  });
}

void until_moved_and_heard(World& world, Person& alice, Person& bob) {
  until_moved(world, alice, bob);
  if (!Test::HasFatalFailure()) until_all_is_heard(world, alice, bob);
}

void say_some(World& world, Person& alice, Person& bob, int round) {
  for (int i = 0; i < 3; ++i) {
    bob.say(alice.name(), line(bob.name(), round * 10 + i));
    if (world.choose(2) == 0) pass_up_to(world, 50ms);
  }
  alice.say(bob.name(), line(alice.name(), round));
}

// The messages of the move, and those that agree on keys, cross in any order; some of the former cannot be read any more.
TEST(Rotation, AliceMovesWhileNewEncryptionKeysAreAgreedOn) {
  play_at_place(39'000, 60, [](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    alice.rotate("bob");
    pass_up_to(world, 600ms);
    Person& first = world.choose(2) == 0 ? alice : bob;
    first.synchronize(first.name() == "alice" ? "bob" : "alice");
    if (world.choose(2) == 0) {
      Person& victim = world.choose(2) == 0 ? alice : bob;
      kill(world, victim, 300ms);
      start_again(world, victim);
    }
    world.pass(1min);
    until_synchronized(world, alice, bob);
    until_moved(world, alice, bob);
    alice.forgive_troubles();
    bob.forgive_troubles();
    if (Test::HasFatalFailure()) return;
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Rotation, AliceMovesWhileTheyTalkAndHerOldQueueIsDeleted) {
  play_at_place(40'000, 20, [](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    Relay& old = place.old_relay();
    say_some(world, alice, bob, 0);
    alice.rotate("bob");
    say_some(world, alice, bob, 1);
    pass_up_to(world, 500ms);
    say_some(world, alice, bob, 2);
    until_moved(world, alice, bob);
    until_all_is_heard(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    EXPECT_EQ(alice.times_moved("bob"), 1);
    EXPECT_EQ(bob.times_friend_moved("alice"), 1);
    EXPECT_EQ(old.queues(), 0U);
    // It is needed no more.
    old.stop();
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
  });
}

TEST(Rotation, EveryPairOfAgentsMoves) {
  for (std::uint16_t first = 2; first <= 7; ++first) {
    for (std::uint16_t second = 2; second <= 7; ++second) {
      SCOPED_TRACE("agent versions " + std::to_string(first) + " and " + std::to_string(second));
      play(41'000 + first * 10U + second, 1, [&](World& world) {
        Place place(world, program_of(first), program_of(second));
        auto& [r1, r2, r3, r4, alice, bob] = place;
        if (Test::HasFatalFailure()) return;
        alice.rotate("bob");
        say_some(world, alice, bob, 0);
        until_moved(world, alice, bob);
        if (Test::HasFatalFailure()) return;
        bob.rotate("alice");
        say_some(world, alice, bob, 1);
        world.until([&] { return bob.times_moved("alice") == 1 && alice.times_friend_moved("bob") == 1; });
        if (Test::HasFatalFailure()) return;
        say_some(world, alice, bob, 2);
        until_all_is_heard(world, alice, bob);
      });
      if (Test::HasFailure()) return;
    }
  }
}

TEST(Rotation, BackAndForthOnABadNetwork) {
  play_at_place(42'000, 20, [](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    world.network().set_latency({.least = 5ms, .most = 400ms});
    world.network().set_loss_of_connection(0.02);
    for (int round = 0; round < 4; ++round) {
      alice.rotate("bob");
      say_some(world, alice, bob, round);
      pass_up_to(world, 20s);
    }
    until_moved_and_heard(world, alice, bob);
    EXPECT_GT(alice.times_moved("bob"), 0);
  });
}

class MovingKilled : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Killed, MovingKilled, ::testing::Values("alice", "bob"),
                         [](const auto& victim) { return victim.param; });

TEST_P(MovingKilled, AtAnyMoment) {
  play_at_place(GetParam() == "bob" ? 43'000 : 44'000, 40, [&](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    Person& victim = GetParam() == "bob" ? bob : alice;
    for (int round = 0; round < 4; ++round) {
      alice.rotate("bob");
      say_some(world, alice, bob, round);
      kill(world, victim, 400ms);
      start_again(world, victim);
    }
    until_moved_and_heard(world, alice, bob);
  });
}

TEST(Rotation, BothMoveAtOnceAndAnybodyIsKilled) {
  play_at_place(45'000, 30, [](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    for (int round = 0; round < 3; ++round) {
      alice.rotate("bob");
      pass_up_to(world, 100ms);
      bob.rotate("alice");
      say_some(world, alice, bob, round);
      Person& victim = world.choose(2) == 0 ? alice : bob;
      kill(world, victim, 400ms);
      start_again(world, victim);
    }
    until_moved(world, bob, alice);
    if (Test::HasFatalFailure()) return;
    until_moved_and_heard(world, alice, bob);
  });
}

TEST(Rotation, ARelayIsAwayInTheMiddle) {
  play_at_place(46'000, 30, [](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    for (int round = 0; round < 3; ++round) {
      Relay* const relays[] = {&r1, &r2, &r3, &r4};
      Relay& away = *relays[world.choose(4)];
      alice.rotate("bob");
      say_some(world, alice, bob, round);
      pass_up_to(world, 300ms);
      away.stop();
      say_some(world, alice, bob, round + 5);
      pass_up_to(world, 5min);
      away.start();
    }
    until_moved_and_heard(world, alice, bob);
  });
}

// Until messages have taken the new way, the old one is enough.
TEST(Rotation, TheNewRelayGoesForGoodInTheMiddle) {
  int gone_in_the_middle = 0;
  play_at_place(47'000, 40, [&](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    Relay& next = place.other_than(place.old_relay());
    alice.rotate("bob");
    say_some(world, alice, bob, 0);
    pass_up_to(world, 400ms);
    next.stop();
    if (bob.times_friend_moved("alice") > 0) return;
    world.pass(1min);
    if (bob.times_friend_moved("alice") > 0) return;
    if (alice.connection("bob").switching) ++gone_in_the_middle;
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
  });
  EXPECT_TRUE(replaying() || gone_in_the_middle > 5);
}

TEST(Rotation, TheNewRelayLosesItsDataInTheMiddle) {
  int lost = 0;
  play_at_place(51'000, 30, [&](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    Relay& next = place.other_than(place.old_relay());
    alice.rotate("bob");
    say_some(world, alice, bob, 0);
    pass_up_to(world, 300ms);
    next.stop();
    world.pass(2s);  // what it has said arrives
    next.lose_its_data();
    next.start();
    // With the queue in use, what was in it is lost.
    if (alice.connection("bob").receiving_relay == next.address()) return;
    if (bob.connection("alice").sending_relay == next.address()) return;
    ++lost;
    world.until([&] { return !alice.connection("bob").switching; });
    if (alice.times_moved("bob") == 0) alice.rotate("bob");
    until_moved(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    say_some(world, alice, bob, 1);
    until_all_is_heard(world, alice, bob);
    alice.forgive_troubles();
  });
  EXPECT_TRUE(replaying() || lost > 5);
}

TEST(Rotation, IsAbortedAtAnyMoment) {
  int aborted = 0;
  int completed = 0;
  play_at_place(48'000, 30, [&](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    for (int round = 0; round < 3; ++round) {
      alice.rotate("bob");
      say_some(world, alice, bob, round);
      pass_up_to(world, 250ms);
      if (alice.abort_rotation("bob") && alice.times_moved("bob") == 0) ++aborted;
      if (world.choose(2) == 0) pass_up_to(world, 100ms);
    }
    world.until([&] { return !alice.connection("bob").switching; });
    until_all_is_heard(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    completed += alice.times_moved("bob");
    alice.rotate("bob");
    until_moved_and_heard(world, alice, bob);
    EXPECT_EQ(r1.queues() + r2.queues(), 1U);
  });
  EXPECT_TRUE(replaying() || (aborted > 10 && completed > 10)) << aborted << " aborted, " << completed << " completed";
}

TEST(Rotation, TheConnectionIsDeletedInTheMiddle) {
  play_at_place(49'000, 20, [](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    alice.rotate("bob");
    pass_up_to(world, 400ms);
    alice.forget("bob");
    if (world.choose(2) == 0) kill(world, alice);
    if (!alice.running()) start_again(world, alice);
    world.pass(1h);
    if (r1.queues() + r2.queues() > 0) alice.forget("bob");  // the call was lost
    world.pass(1h);
    EXPECT_EQ(r1.queues() + r2.queues(), 0U);
    bob.forgive_troubles();
  });
}

// While keys are agreed on, an offer may be refused: then alice takes it back, and offers again.
TEST(Rotation, NewKeysAreAgreedOnInTheMiddle) {
  play_at_place(50'000, 20, [](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    alice.rotate("bob");
    pass_up_to(world, 300ms);
    if (world.choose(2) == 0) {
      alice.synchronize("bob");
    } else {
      bob.synchronize("alice");
    }
    world.pass(10min);
    const auto ok = [](Person& one, Person& other) {
      return one.ratchet_sync(other.name()) == agent::RatchetSyncState::ok;
    };
    if (!ok(alice, bob) || !ok(bob, alice)) alice.synchronize("bob");
    world.until([&] { return ok(alice, bob) && ok(bob, alice); });
    if (Test::HasFatalFailure()) return;
    alice.forgive_troubles();
    bob.forgive_troubles();
    if (alice.connection("bob").can_abort_switch) EXPECT_TRUE(alice.abort_rotation("bob"));
    alice.rotate("bob");
    until_moved(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
    alice.forgive_troubles();
    bob.forgive_troubles();
  });
}

TEST(Rotation, QueuesMoveByThemselvesWhenTheyAreOldOrUsed) {
  play_at_place(52'000, 20, [](World& world, Place& place) {
    auto& [r1, r2, r3, r4, alice, bob] = place;
    alice.rotate_by_itself({.after_age = 24h, .after_messages = {}});
    bob.rotate_by_itself({.after_age = {}, .after_messages = 10});
    for (Person* person : {&alice, &bob}) {
      person->stop();
      person->start();
    }
    say_some(world, alice, bob, 0);
    world.pass(23h);
    EXPECT_EQ(alice.times_moved("bob"), 0);
    EXPECT_EQ(bob.times_moved("alice"), 0);
    for (int round = 1; round <= 8; ++round) say_some(world, bob, alice, round);
    kill(world, bob);
    start_again(world, bob);
    world.pass(3h);
    say_some(world, alice, bob, 9);
    until_moved(world, alice, bob);
    until_moved(world, bob, alice);
    until_all_is_heard(world, alice, bob);
    EXPECT_EQ(alice.times_moved("bob"), 1);
    EXPECT_GE(bob.times_moved("alice"), 1);
  });
}

}  // namespace
}  // namespace simplex::world
