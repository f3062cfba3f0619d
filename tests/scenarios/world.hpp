// The world in which scenarios play: relays and people on one simulated network, in one thread, with one seed. A scenario
// tells a story; the seed decides delays, losses, keys and everything else that chance decides outside.
//
//   World world(seed);
//   world.relay("r1");
//   Person& alice = world.person("alice", "r1");
//   Person& bob = world.person("bob", "r1");
//   world.befriend(alice, bob);
//   alice.say("bob", "hello");
//   world.until([&] { return bob.heard("alice").size() == 1; });
#pragma once

#include <map>
#include <memory>
#include <set>

#include "simplex/testing/random.hpp"
#include "simplex/world/network.hpp"
#include "folder.hpp"
#include "person.hpp"
#include "relay.hpp"

namespace simplex::world {

class World {
 public:
  explicit World(std::uint64_t seed);

  // Made at the first call, and running.
  Relay& relay(const std::string& name, SmpVersionRange versions = transport::supported_smp_versions);
  // With queues at this relay, which must be there.
  Person& person(const std::string& name, const std::string& relay, agent::Versions versions = {});

  // With queues at one of these relays.
  Person& person(const std::string& name, const std::vector<std::string>& relays, agent::Versions versions = {});

  // Lets time go on until the condition holds; the test fails when it does not within the (virtual) limit.
  void until(const std::function<bool()>& condition, Duration limit = std::chrono::hours(3));
  void pass(Duration time);
  // The next events, at most this many.
  void steps(int count);
  // One invites, the other joins, and both are told that they are connected.
  void befriend(Person& inviting, Person& joining);
  // Everything that was said has arrived, exactly once and in order.
  void until_all_is_heard(Person& speaker, Person& listener);

  // Whether one has sent anything to the other: parties, and relays as proxies.
  [[nodiscard]] bool contacted(const std::string& from, const std::string& to) const {
    return contacts_.contains({from, to});
  }

  [[nodiscard]] std::vector<const Person*> people() const;
  [[nodiscard]] Scheduler& time() { return time_; }
  [[nodiscard]] SimNetwork& network() { return network_; }
  [[nodiscard]] std::uint64_t seed() const { return seed_; }
  // A choice of the story itself, from the seed.
  [[nodiscard]] std::uint64_t choose(std::uint64_t bound) { return choices_.below(bound); }

 private:
  bool step();

  std::uint64_t seed_;
  TemporaryFolder folder_;
  Scheduler time_;
  SimNetwork network_;
  testing::SeededRandom choices_;
  std::set<std::pair<std::string, std::string>> contacts_;
  std::map<std::string, std::unique_ptr<Relay>> relays_;
  std::map<std::string, std::unique_ptr<Person>> people_;
};

// Plays a story with each seed from `first` on, and stops at the first that fails, with the line that replays it.
// SIMPLEX_SEED=<n> in the environment plays that one alone, SIMPLEX_MORE_SEEDS=<n> n times as many.
[[nodiscard]] bool replaying();  // one seed alone
void play(std::uint64_t first, int count, const std::function<void(World&)>& story);

}  // namespace simplex::world
