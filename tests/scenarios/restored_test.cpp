// Stories of people who go on with an old copy of their database.
#include <set>

#include "moves.hpp"

namespace simplex::world {
namespace {

using ::testing::Test;

enum class Way : std::uint8_t { by_hand, by_hand_without_note, backup_by_hand, import };

bool agent_makes_it(Way way) { return way == Way::backup_by_hand || way == Way::import; }

void keep(World& world, Person& person, Way way) {
  if (!agent_makes_it(way)) {
    person.stop();
    person.keep_copy();
    person.start();
    return;
  }
  bool made = false;
  person.back_up([&](const Result<>& done) {
    EXPECT_TRUE(done) << done.error().message;
    made = true;
  });
  world.until([&] { return made; }, 1min);
}

void go_back(Person& person, Way way) {
  if (way == Way::import) return person.import_copy();
  person.restore_copy();
  if (way == Way::by_hand_without_note) person.remove_note_beside_database();
}

void expect_nothing_twice(const Person& listener, const Person& speaker) {
  const auto& heard = listener.heard(speaker.name());
  EXPECT_EQ(std::set<std::string>(heard.begin(), heard.end()).size(), heard.size());
}

TEST(Restored, AnOldCopyIsKnownAndBothGoOnTalking) {
  play(50'000, 120, [](World& world) {
    world.relay("r1");
    world.relay("r2");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", world.choose(2) == 0 ? "r1" : "r2");
    Person& first = world.choose(2) == 0 ? alice : bob;
    world.befriend(first, &first == &alice ? bob : alice);
    if (Test::HasFatalFailure()) return;
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
    const auto way = static_cast<Way>(world.choose(4));
    keep(world, bob, way);
    if (Test::HasFatalFailure()) return;
    world.pass(10s);
    EXPECT_EQ(bob.times_restored(), 0);
    const int more = 1 + static_cast<int>(world.choose(5));
    for (int i = 0; i < more; ++i) {
      alice.say("bob", line("alice", 100 + i));
      bob.say("alice", line("bob", 100 + i));
      pass_up_to(world, 2s);
    }
    if (world.choose(2) == 0) until_all_is_heard(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    if (world.choose(2) == 0) {
      bob.stop();
    } else {
      kill(world, bob);
    }
    go_back(bob, way);
    pass_up_to(world, 5s);
    bob.start();
    // Not a word with the old keys, from the first instant on.
    EXPECT_FALSE(bob.connection("alice").can_send);
    if (world.choose(2) == 0) bob.say("alice", "bob has found his old database");
    pass_up_to(world, 2s);
    if (world.choose(2) == 0) alice.say("bob", "alice knows nothing of it");
    if (world.choose(2) == 0) {
      kill(world, bob, 300ms);
      start_again(world, bob);
    }
    world.until([&] { return bob.times_restored() == 1; }, 1min);
    until_synchronized(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    talk_anew(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    // What went between the copy and its return is lost for bob, and said so. From here on nothing is.
    alice.forgive_troubles();
    bob.forgive_troubles();
    bob.stop();
    bob.start();
    talk_anew(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    EXPECT_EQ(bob.times_restored(), 1);
    EXPECT_EQ(alice.times_restored(), 0);
    expect_nothing_twice(alice, bob);
    expect_nothing_twice(bob, alice);
  });
}

// With the note beside it: nothing tells the agent, but the peer cannot read what it writes, or it not what the peer does.
TEST(Restored, ACopyThatIsNotKnownIsNoticedByThePeersAndMended) {
  play(30'000, 30, [](World& world) {
    world.relay("r1");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    world.befriend(alice, bob);
    if (Test::HasFatalFailure()) return;
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
    bob.stop();
    bob.keep_copy();
    bob.keep_note_beside_database();
    bob.start();
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    bob.stop();
    bob.restore_copy();
    bob.put_note_back();
    bob.start();
    Person& first = world.choose(2) == 0 ? alice : bob;
    Person& second = &first == &alice ? bob : alice;
    first.say(second.name(), "can you read this");
    world.pass(1min);
    second.say(first.name(), "can you read this");
    world.pass(10min);
    EXPECT_GT(alice.troubles().size() + bob.troubles().size(), 0U);
    until_synchronized(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    talk_anew(world, alice, bob);
    EXPECT_EQ(bob.times_restored(), 0);
    alice.forgive_troubles();
    bob.forgive_troubles();
  });
}

TEST(Restored, BothGoBackAtOnce) {
  play(51'000, 40, [](World& world) {
    world.relay("r1");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    world.befriend(alice, bob);
    if (Test::HasFatalFailure()) return;
    keep(world, alice, Way::import);
    keep(world, bob, Way::by_hand);
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    alice.stop();
    bob.stop();
    go_back(alice, Way::import);
    go_back(bob, Way::by_hand);
    alice.start();
    start_again(world, bob);
    world.until([&] { return alice.times_restored() == 1 && bob.times_restored() == 1; }, 1min);
    until_synchronized(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    talk_anew(world, alice, bob);
    alice.forgive_troubles();
    bob.forgive_troubles();
  });
}

TEST(Restored, WithAnOldProgramNothingIsSentAndThePersonIsTold) {
  play(52'000, 3, [](World& world) {
    world.relay("r1");
    Person& alice = world.person("alice", "r1", program_of(2));
    Person& bob = world.person("bob", "r1");
    world.befriend(alice, bob);
    if (Test::HasFatalFailure()) return;
    keep(world, bob, Way::by_hand);
    converse(world, alice, bob, 2);
    until_all_is_heard(world, alice, bob);
    if (Test::HasFatalFailure()) return;
    bob.stop();
    go_back(bob, Way::by_hand);
    bob.start();
    const auto before = alice.heard("bob").size();
    bob.say("alice", "can you read this");
    alice.say("bob", "say something");
    world.pass(1h);
    EXPECT_EQ(bob.ratchet_sync("alice"), agent::RatchetSyncState::required);
    EXPECT_FALSE(bob.connection("alice").can_send);
    EXPECT_EQ(alice.heard("bob").size(), before);
    EXPECT_EQ(bob.times_restored(), 1);
    bob.forgive_troubles();
  });
}

TEST(Restored, AConnectionThatWasBeingMadeEndsAndOthersCanBeMade) {
  play(53'000, 60, [](World& world) {
    world.relay("r1");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", "r1");
    alice.invite("bob");
    world.until([&] { return !alice.link("bob").empty(); });
    if (Test::HasFatalFailure()) return;
    bob.join("alice", alice.link("bob"));
    Person& victim = world.choose(2) == 0 ? alice : bob;
    Person& other = &victim == &alice ? bob : alice;
    pass_up_to(world, 300ms);
    keep(world, victim, Way::by_hand);
    world.until([&] { return alice.connected("bob") && bob.connected("alice"); });
    if (Test::HasFatalFailure()) return;
    converse(world, alice, bob, 2);
    victim.stop();
    go_back(victim, Way::by_hand);
    victim.start();
    world.pass(10min);
    // Whatever became of it, another one works, and nobody writes with keys that were used.
    victim.forgive_troubles();
    other.forgive_troubles();
    Person& carol = world.person("carol", "r1");
    world.befriend(victim, carol);
    if (Test::HasFatalFailure()) return;
    victim.say("carol", "hello");
    carol.say(victim.name(), "hello");
    world.until_all_is_heard(victim, carol);
    world.until_all_is_heard(carol, victim);
  });
}

}  // namespace
}  // namespace simplex::world
