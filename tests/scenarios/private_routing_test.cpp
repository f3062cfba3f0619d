// Messages that go through a relay of the sender's: the recipient's relay never sees who sends.
#include "moves.hpp"

namespace simplex::world {
namespace {

using agent::ProxyFallback;
using agent::ProxyMode;

void set_network(Person& person, ProxyMode mode, ProxyFallback fallback) {
  if (person.running()) person.stop();
  person.use_network({.proxy_mode = mode, .proxy_fallback = fallback, .rules = {}});
  person.start();
}

// Alice is at r1; bob, who has r2 and r3, never goes there himself.
void with_a_hidden_bob(World& world, const std::function<void(Person& alice, Person& bob)>& story) {
  world.relay("r1");
  world.relay("r2");
  world.relay("r3");
  auto& alice = world.person("alice", "r1");
  auto& bob = world.person("bob", std::vector<std::string>{"r2", "r3"});
  set_network(bob, ProxyMode::unknown, ProxyFallback::prohibit);
  world.befriend(alice, bob);
  if (!::testing::Test::HasFatalFailure()) story(alice, bob);
  EXPECT_FALSE(world.contacted("bob", "r1"));
  EXPECT_TRUE(world.contacted("r2", "r1") || world.contacted("r3", "r1"));
  EXPECT_TRUE(world.contacted("alice", "r2") || world.contacted("alice", "r3")) << "alice goes directly";
  EXPECT_GT(bob.times_proxied(), 0);
  EXPECT_EQ(alice.times_proxied(), 0);
}

TEST(PrivateRouting, TheRecipientsRelayDoesNotSeeTheSender) {
  play(9'000, 40, [](World& world) {
    with_a_hidden_bob(world, [&](Person& alice, Person& bob) {
      converse(world, alice, bob, 5);
      until_all_is_heard(world, alice, bob);
      EXPECT_EQ(bob.times_proxied(), 5);
    });
  });
}

TEST(PrivateRouting, TheSenderIsKilled) {
  play(9'100, 40, [](World& world) {
    with_a_hidden_bob(world, [&](Person& alice, Person& bob) {
      converse(world, alice, bob, 3);
      kill(world, bob);
      start_again(world, bob);
      converse(world, alice, bob, 3);
      until_all_is_heard(world, alice, bob);
    });
  });
}

TEST(PrivateRouting, ProxiesAndTheRecipientsRelayGoAwayAndComeBack) {
  play(9'200, 60, [](World& world) {
    with_a_hidden_bob(world, [&](Person& alice, Person& bob) {
      for (int i = 0; i < 3; ++i) {
        auto& relay = world.relay("r" + std::to_string(1 + world.choose(3)));
        converse(world, alice, bob, 2, 500ms);
        relay.stop();
        converse(world, alice, bob, 2, 20s);
        pass_up_to(world, 5min);
        relay.start();
      }
      until_all_is_heard(world, alice, bob);
    });
  });
}

TEST(PrivateRouting, ConnectionsAreLost) {
  play(9'300, 40, [](World& world) {
    with_a_hidden_bob(world, [&](Person& alice, Person& bob) {
      world.network().set_loss_of_connection(0.02);
      converse(world, alice, bob, 10);
      world.network().set_loss_of_connection(0);
      until_all_is_heard(world, alice, bob);
    });
  });
}

// Neither is who looks at a link, or joins by a short one: also when it has to go another way in the middle.
TEST(PrivateRouting, TheRelayOfAShortLinkDoesNotSeeWhoOpensIt) {
  play(9'350, 60, [](World& world) {
    world.relay("r1");
    world.relay("r2");
    world.relay("r3");
    auto& alice = world.person("alice", "r1");
    auto& bob = world.person("bob", std::vector<std::string>{"r2", "r3"});
    set_network(bob, ProxyMode::unknown, ProxyFallback::prohibit);
    alice.use_short_links();
    alice.invite("bob");
    world.until([&] { return !alice.link("bob").empty(); });
    if (::testing::Test::HasFatalFailure()) return;
    auto& away = world.relay("r" + std::to_string(2 + world.choose(2)));
    bob.look_at(alice.link("bob"));
    world.steps(static_cast<int>(world.choose(60)));
    away.stop();
    world.until([&] { return !bob.seen_in_links().empty(); });
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_EQ(bob.seen_in_links().back(), "alice") << "the other proxy is there";
    away.start();
    pass_up_to(world, 1min);
    bob.join("alice", alice.link("bob"));
    world.steps(static_cast<int>(world.choose(60)));
    auto& next = world.relay("r" + std::to_string(2 + world.choose(2)));
    next.stop();
    pass_up_to(world, 5min);
    next.start();
    world.until([&] { return alice.connected("bob") && bob.connected("alice"); });
    if (::testing::Test::HasFatalFailure()) return;
    EXPECT_FALSE(world.contacted("bob", "r1"));
    // No proxy at all: it is said, and nothing goes directly.
    world.relay("r2").stop();
    world.relay("r3").stop();
    const auto before = bob.seen_in_links().size();
    bob.look_at(alice.link("bob"));
    world.until([&] { return bob.seen_in_links().size() > before; });
    EXPECT_NE(bob.seen_in_links().back(), "alice");
    EXPECT_FALSE(world.contacted("bob", "r1"));
  });
}

// What is known to be one of ours is no secret there.
TEST(PrivateRouting, OnlyUnknownRelaysAreReachedThroughAProxy) {
  play(9'400, 5, [](World& world) {
    world.relay("r1");
    world.relay("r2");
    auto& alice = world.person("alice", "r1");
    auto& bob = world.person("bob", std::vector<std::string>{"r2", "r1"});
    set_network(bob, ProxyMode::unknown, ProxyFallback::prohibit);
    world.befriend(alice, bob);
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
    EXPECT_EQ(bob.times_proxied(), 0);
    set_network(bob, ProxyMode::always, ProxyFallback::prohibit);
    converse(world, alice, bob, 3);
    until_all_is_heard(world, alice, bob);
    EXPECT_EQ(bob.times_proxied(), 3);
  });
}

// Nobody can be the proxy, or the recipient's relay does not know what one is.
void goes_only_where_it_may(World& world, SmpVersionRange at_alice, SmpVersionRange at_bob) {
  world.relay("r1", at_alice);
  world.relay("r2", at_bob);
  auto& alice = world.person("alice", "r1");
  auto& bob = world.person("bob", "r2");
  set_network(bob, ProxyMode::always, ProxyFallback::prohibit);
  alice.invite("bob");
  world.until([&] { return !alice.link("bob").empty(); });
  bob.join("alice", alice.link("bob"));
  world.pass(1h);
  EXPECT_FALSE(bob.connected("alice"));
  EXPECT_FALSE(world.contacted("bob", "r1"));
  set_network(bob, ProxyMode::always, ProxyFallback::allow_protected);
  world.pass(10min);
  EXPECT_FALSE(world.contacted("bob", "r1"));
  EXPECT_GE(bob.troubles().size(), at_alice.max < SmpVersion(9) ? 0u : 1u) << "he is told";
  bob.forgive_troubles();
  set_network(bob, ProxyMode::always, ProxyFallback::allow);
  world.until([&] { return alice.connected("bob") && bob.connected("alice"); });
  converse(world, alice, bob, 3);
  until_all_is_heard(world, alice, bob);
  EXPECT_TRUE(world.contacted("bob", "r1"));
  EXPECT_EQ(bob.times_proxied(), 0);
}

constexpr SmpVersionRange before_proxies{SmpVersion(6), SmpVersion(7)};

TEST(PrivateRouting, AProxyThatIsTooOld) {
  play(9'500, 10,
       [](World& world) { goes_only_where_it_may(world, transport::supported_smp_versions, before_proxies); });
}

TEST(PrivateRouting, ARecipientsRelayThatIsTooOld) {
  play(9'600, 10,
       [](World& world) { goes_only_where_it_may(world, before_proxies, transport::supported_smp_versions); });
}

}  // namespace
}  // namespace simplex::world
