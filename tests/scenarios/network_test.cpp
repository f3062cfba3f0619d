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
    person.use_network({.session_mode = agent::SessionMode::entity, .keep_alive = {}});
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

}  // namespace
}  // namespace simplex::world
