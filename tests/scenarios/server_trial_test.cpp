// A relay is tried out before it is used.
#include "moves.hpp"

namespace simplex::world {
namespace {

using ::testing::Test;

std::string tried(World& world, Person& person, const std::string& address) {
  const auto before = person.trials().size();
  person.try_relay(address);
  world.until([&] { return person.trials().size() > before; });
  return Test::HasFatalFailure() ? "nothing" : person.trials().back();
}

TEST(RelayTrial, EachStepIsNamedThatDoesNotWork) {
  play(71'000, 5, [](World& world) {
    auto& relay = world.relay("r1");
    auto& other = world.relay("r2");
    auto& alice = world.person("alice", "r1");
    EXPECT_EQ(tried(world, alice, relay.address()), "");
    EXPECT_EQ(tried(world, alice, other.address()), "") << "one that is none of hers";
    EXPECT_EQ(relay.queues() + other.queues(), 0u);
    // At the address of one, the identity of the other.
    const auto at = relay.address().find('@');
    const auto impostor =
        tried(world, alice, other.address().substr(0, other.address().find('@')) + relay.address().substr(at));
    EXPECT_EQ(impostor.substr(0, 2), "0 ") << impostor;
    relay.ask_password("sesame");
    const auto without = tried(world, alice, relay.address());
    EXPECT_EQ(without.substr(0, 2), "1 ");
    EXPECT_NE(without.find("lacks the password"), std::string::npos);
    auto whole = relay.address();
    whole.insert(whole.find('@'), ":sesame");
    EXPECT_EQ(tried(world, alice, whole), "");
    relay.stop();
    EXPECT_EQ(tried(world, alice, relay.address()).substr(0, 2), "0 ");
    EXPECT_EQ(alice.agent().test_server(agent::UserId(77), whole).error().kind, ErrorKind::not_found);
    EXPECT_EQ(alice.agent().test_server((*alice.agent().users()).front(), "smp://nonsense").error().kind,
              ErrorKind::malformed);
  });
}

// Whatever happens in the middle, it is told once, and nothing stays at the relay that can still be told.
TEST(RelayTrial, InAnyMomentTheRelayOrThePersonMayGo) {
  play(71'100, 60, [](World& world) {
    auto& relay = world.relay("r1");
    auto& alice = world.person("alice", "r1");
    alice.try_relay(relay.address());
    world.steps(static_cast<int>(world.choose(40)));
    relay.stop();
    world.until([&] { return !alice.trials().empty(); });
    world.pass(10min);
    EXPECT_EQ(alice.trials().size(), 1u);
    relay.start();
    alice.try_relay(relay.address());
    world.steps(static_cast<int>(world.choose(40)));
    kill(world, alice, 1ms);
    start_again(world, alice);
    const auto heard = alice.trials().size();
    EXPECT_EQ(tried(world, alice, relay.address()), "");
    EXPECT_LE(alice.trials().size(), heard + 1);
  });
}

}  // namespace
}  // namespace simplex::world
