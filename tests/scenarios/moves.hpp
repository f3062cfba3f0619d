// What happens again and again in stories of two people.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "world.hpp"

namespace simplex::world {

using namespace std::chrono_literals;

inline std::string line(std::string_view who, int number) {
  return std::string(who) + " says " + std::to_string(number);
}

inline void pass_up_to(World& world, Duration most) {
  world.pass(Duration(static_cast<Duration::rep>(world.choose(static_cast<std::uint64_t>(most.count())))));
}

// Stories of two who are connected when it begins, and whose queues are at one relay, r1, or at r1 and r2.
inline void play_friends(std::uint64_t first, int count, int relays,
                         const std::function<void(World&, Person& alice, Person& bob)>& story) {
  play(first, count, [&](World& world) {
    world.relay("r1");
    if (relays == 2) world.relay("r2");
    Person& alice = world.person("alice", "r1");
    Person& bob = world.person("bob", relays == 2 ? "r2" : "r1");
    world.befriend(alice, bob);
    if (::testing::Test::HasFatalFailure()) return;
    story(world, alice, bob);
  });
}

// Both write `count` lines, at moments that the seed chooses.
inline void converse(World& world, Person& alice, Person& bob, int count, Duration pace = 2s) {
  for (int i = 0; i < count; ++i) {
    alice.say("bob", line("alice", i));
    pass_up_to(world, pace);
    bob.say("alice", line("bob", i));
    pass_up_to(world, pace);
  }
}

inline void until_all_is_heard(World& world, Person& alice, Person& bob) {
  world.until_all_is_heard(alice, bob);
  if (!::testing::Test::HasFatalFailure()) world.until_all_is_heard(bob, alice);
}

// At a moment and in a way that the seed chooses, within about this time.
inline void kill(World& world, Person& victim, Duration within = 500ms) {
  const auto number = 1 + static_cast<int>(world.choose(6));
  const auto way = world.choose(3);
  if (way == 0) victim.kill_in_sending(number);
  if (way == 1) victim.kill_in_event(number);
  pass_up_to(world, within);
  if (way == 2) world.steps(static_cast<int>(world.choose(8)));
  if (victim.running()) victim.kill();
}

inline void start_again(World& world, Person& person) {
  pass_up_to(world, 5s);
  person.start();
}

inline void until_synchronized(World& world, Person& alice, Person& bob) {
  const auto ok = [](Person& one, Person& other) {
    return one.ratchet_sync(other.name()) == agent::RatchetSyncState::ok;
  };
  world.until([&] { return ok(alice, bob) && ok(bob, alice); });
}

// What was said before is not counted: some of it is lost with the old keys.
inline void talk_anew(World& world, Person& alice, Person& bob) {
  const auto before_alice = alice.heard("bob").size();
  const auto before_bob = bob.heard("alice").size();
  const std::string number = std::to_string(before_alice + before_bob);
  alice.say("bob", "new from alice " + number);
  bob.say("alice", "new from bob " + number);
  const auto has = [](const std::vector<std::string>& heard, const std::string& text) {
    return std::ranges::find(heard, text) != heard.end();
  };
  world.until([&] {
    return has(alice.heard("bob"), "new from bob " + number) && has(bob.heard("alice"), "new from alice " + number);
  });
}

// What a program of that agent version had beside it.
inline agent::Versions program_of(std::uint16_t agent_version) {
  agent::Versions versions;
  versions.agent.max = AgentVersion(agent_version);
  versions.e2e.max = E2eVersion(agent_version >= 5 ? 3 : 2);
  versions.smp_client.max = SmpClientVersion(agent_version >= 6 ? 3 : 2);
  if (agent_version >= 7) versions.smp_client.max = SmpClientVersion(4);
  return versions;
}

}  // namespace simplex::world
