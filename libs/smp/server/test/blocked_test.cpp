// What the peers of a blocked queue hear, in the words of their version; and of blocks that nobody can read.
#include "engine_world.hpp"

namespace simplex::smp::server {
namespace {

struct Told {
  std::uint16_t version;
  std::string error;
};

class BlockedQueue : public ::testing::TestWithParam<Told> {};

INSTANTIATE_TEST_SUITE_P(Version, BlockedQueue,
                         ::testing::Values(Told{9, "AUTH"}, Told{11, "AUTH"}, Told{12, "BLOCKED reason=spam"},
                                           Told{17, "BLOCKED reason=spam"},
                                           Told{18, R"(BLOCKED reason=spam,notice={"ttl":86400})"}));

std::string error_of(const std::optional<Got>& got, std::uint16_t version) {
  if (!got || !got->is<broker::Err>()) return got ? std::string(name_of(got->message)) : "nothing";
  return wire_text(got->as<broker::Err>().error, SmpVersion(version));
}

TEST_P(BlockedQueue, EverybodyIsToldInTheWordsOfItsVersion) {
  const auto& [version, error] = GetParam();
  EngineWorld world(2);
  TestClient alice(world, 0, version);
  TestClient bob(world, 1, version);
  const auto queue = alice.create();
  const auto control = [&](QueueAction action, std::optional<std::string> notice) {
    QueueControl control;
    control.action = action;
    control.id = *DirectoryId::from(queue.sender_id);
    control.blocking = Blocking{BlockingReason::spam, std::move(notice)};
    bool done = false;
    control.done = [&](const Result<QueueControl::Answer>& answer) { done = answer.has_value(); };
    world.shard(0).control(std::move(control));
    world.run();
    EXPECT_TRUE(done);
  };
  control(QueueAction::block, R"({"ttl":86400})");
  const auto event = alice.event();
  ASSERT_TRUE(event);
  EXPECT_EQ(event->entity_id, queue.recipient_id);
  EXPECT_EQ(error_of(event, version), error);
  EXPECT_EQ(error_of(bob.send(queue, "x"), version), error);
  const auto owner = [&](const ClientCommand& command) {
    return error_of(alice.call(command, queue.recipient_id, &queue.recipient_key), version);
  };
  EXPECT_EQ(owner(command::Sub{}), error);
  EXPECT_EQ(owner(command::Get{}), error);
  EXPECT_EQ(owner(command::Que{}), error);
  // The same again is no news; another notice is.
  control(QueueAction::block, R"({"ttl":86400})");
  EXPECT_FALSE(alice.event());
  control(QueueAction::block, R"({"ttl":60})");
  EXPECT_TRUE(alice.event());
  control(QueueAction::unblock, std::nullopt);
  EXPECT_FALSE(alice.event());
  EXPECT_EQ(error_of(bob.send(queue, "x"), version), "OK");
  control(QueueAction::block, std::nullopt);
  EXPECT_EQ(owner(command::Del{}), "OK");
}

TEST(Blocks, OneThatDoesNotOpenIsAnErrorAndTheConnectionGoesOn) {
  EngineWorld world;
  TestClient alice(world);
  world.shard(0).receive_unreadable(alice.id());
  world.run();
  ASSERT_EQ(alice.inbox.size(), 1u);
  const auto got = alice.response(CorrId());
  EXPECT_TRUE(got.is_error(errors::Block{}));
  EXPECT_TRUE(got.entity_id.empty());
  EXPECT_EQ(alice.unanswered(), 0u);
  EXPECT_TRUE(alice.call(command::Ping{}).is<broker::Pong>());
}

}  // namespace
}  // namespace simplex::smp::server
