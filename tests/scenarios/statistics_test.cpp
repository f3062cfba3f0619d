// What was done at relays is counted, and the counts survive the program.
#include "moves.hpp"

namespace simplex::world {
namespace {

using agent::RelayCounter;

// Of all relays.
std::int64_t count_of(Person& person, RelayCounter counter) {
  const auto summary = person.agent().servers_summary();
  EXPECT_TRUE(summary);
  std::int64_t sum = 0;
  for (const auto& relay : summary->relays) sum += relay.count(counter);
  return sum;
}

TEST(Statistics, CountWhatWasSaidAndHeard) {
  play(19'000, 10, [](World& world) {
    world.relay("r1");
    world.relay("r2");
    world.relay("r3");
    auto& alice = world.person("alice", "r1");
    auto& bob = world.person("bob", std::vector<std::string>{"r2", "r3"});
    bob.use_network(
        {.proxy_mode = agent::ProxyMode::unknown, .proxy_fallback = agent::ProxyFallback::prohibit, .rules = {}});
    bob.stop();
    bob.start();
    world.befriend(alice, bob);
    if (::testing::Test::HasFatalFailure()) return;
    converse(world, alice, bob, 5);
    until_all_is_heard(world, alice, bob);
    world.pass(10s);
    for (auto* each : {&alice, &bob}) {
      EXPECT_EQ(count_of(*each, RelayCounter::connections_created), 1);
      EXPECT_EQ(count_of(*each, RelayCounter::connections_completed), 1);
      EXPECT_GE(count_of(*each, RelayCounter::received_messages), 5);
      EXPECT_EQ(count_of(*each, RelayCounter::received_errors), 0);
      EXPECT_EQ(count_of(*each, RelayCounter::acknowledged), count_of(*each, RelayCounter::acknowledge_attempts));
    }
    EXPECT_GE(count_of(alice, RelayCounter::sent_direct), 5);
    EXPECT_EQ(count_of(alice, RelayCounter::sent_direct), count_of(bob, RelayCounter::received_messages));
    EXPECT_EQ(count_of(bob, RelayCounter::sent_direct), 0);
    EXPECT_EQ(count_of(bob, RelayCounter::sent_via_proxy), count_of(alice, RelayCounter::received_messages));
    EXPECT_EQ(count_of(bob, RelayCounter::sent_via_proxy), count_of(bob, RelayCounter::sent_proxied));
    const auto summary = alice.agent().servers_summary();
    const auto& own = *std::ranges::find(summary->relays, true, &agent::RelaySummary::own);
    EXPECT_EQ(own.sessions_up, 1u);
    EXPECT_EQ(own.queues_subscribed, 1u);
    EXPECT_EQ(own.queues_waiting, 0u);
  });
}

TEST(Statistics, AreThereAfterAStopAndMostlyAfterAKill) {
  play(19'100, 20, [](World& world) {
    world.relay("r1");
    auto& alice = world.person("alice", "r1");
    auto& bob = world.person("bob", "r1");
    world.befriend(alice, bob);
    if (::testing::Test::HasFatalFailure()) return;
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
    const auto since = alice.agent().servers_summary()->since;
    const auto sent = count_of(alice, RelayCounter::sent_direct);
    alice.stop();
    alice.start();
    EXPECT_EQ(count_of(alice, RelayCounter::sent_direct), sent);
    alice.say("bob", "something");
    until_all_is_heard(world, alice, bob);
    world.pass(2min);  // it is saved
    alice.say("bob", "something else");
    kill(world, alice);
    start_again(world, alice);
    EXPECT_GE(count_of(alice, RelayCounter::sent_direct), sent + 1);
    EXPECT_EQ(alice.agent().servers_summary()->since, since);
    until_all_is_heard(world, alice, bob);
    // A relay that is away.
    world.relay("r1").stop();
    world.pass(1min);
    const auto away = alice.agent().servers_summary();
    EXPECT_EQ(away->relays.front().sessions_up, 0u);
    EXPECT_EQ(away->relays.front().sessions_opening + away->relays.front().sessions_failed, 1u);
    EXPECT_EQ(away->relays.front().queues_waiting, 1u);
    world.relay("r1").start();
    ASSERT_TRUE(alice.agent().reset_statistics());
    EXPECT_EQ(count_of(alice, RelayCounter::sent_direct), 0);
    EXPECT_GT(alice.agent().servers_summary()->since, since);
  });
}

}  // namespace
}  // namespace simplex::world
