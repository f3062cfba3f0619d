// Messages for connections that are too slow for them: they wait in the store, and come when there is room.
#include "engine_world.hpp"

namespace simplex::smp::server {
namespace {

EngineSettings one_message_at_once() {
  EngineSettings settings;
  settings.resident = {100, 1 << 20, 1, 100, 1 << 20};
  return settings;
}

class Postponed : public ::testing::TestWithParam<std::size_t> {
 protected:
  static std::string text(std::size_t number) { return "message " + std::to_string(number); }
  std::uint64_t postponed() {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < world_.shard_count(); ++i) sum += world_.shard(i).statistics().postponed_deliveries;
    return sum;
  }
  void alice_catches_up() {
    alice_.reads = true;
    world_.shard(0).caught_up(alice_.id());
    world_.run();
  }
  // The texts of the messages that alice has got.
  std::vector<std::string> messages() {
    std::vector<std::string> made;
    while (const auto event = alice_.event()) {
      for (const auto& queue : queues_) {
        if (event->is<broker::Msg>() && event->entity_id == queue.recipient_id) {
          made.push_back(TestClient::text(queue, event));
        }
      }
    }
    return made;
  }

  KeptQueues kept_;
  EngineWorld world_{kept_, GetParam(), one_message_at_once()};
  TestClient alice_{world_};
  TestClient bob_{world_, GetParam() - 1};
  TestClient carol_{world_};
  std::vector<TestQueue> queues_;
};

INSTANTIATE_TEST_SUITE_P(Relay, Postponed, ::testing::Values(1, 3));

TEST_P(Postponed, OneThatHasNoRoomToWaitForItsQueueIsNotForgotten) {
  for (int i = 0; i < 2; ++i) queues_.push_back(alice_.create());
  alice_.reads = false;
  EXPECT_TRUE(bob_.send(queues_[0], "first").is<broker::Ok>());
  EXPECT_TRUE(bob_.send(queues_[1], "second").is<broker::Ok>());
  EXPECT_EQ(messages(), std::vector<std::string>{"first"});
  EXPECT_EQ(postponed(), 1u);

  // The queue is being changed, and there is no room for one more that waits for it.
  world_.stores_answer = false;
  const auto key = bob_.new_key(true);
  bob_.post(bob_.transmission(command::Skey{crypto::public_key(key)}, queues_[1].sender_id, &key,
                              CorrId::generate(world_.random())));
  world_.settings.resident.waiting_octets = 0;
  alice_catches_up();
  EXPECT_EQ(messages(), std::vector<std::string>());
  std::uint64_t refused = 0;
  for (std::size_t i = 0; i < world_.shard_count(); ++i) refused += world_.shard(i).statistics().refused_waiting;
  EXPECT_EQ(refused, 1u);

  world_.stores_answer = true;
  world_.run();
  EXPECT_EQ(messages(), std::vector<std::string>{"second"});
}

TEST_P(Postponed, ThoseThatHaveNothingDoNotKeepTheRestBack) {
  constexpr std::size_t count = 60;
  for (std::size_t i = 0; i < count; ++i) queues_.push_back(alice_.create());
  alice_.reads = false;
  for (std::size_t i = 0; i < count; ++i) EXPECT_TRUE(bob_.send(queues_[i], text(i)).is<broker::Ok>());
  EXPECT_EQ(postponed(), count - 1);
  // Another connection takes all of them but the last.
  for (std::size_t i = 1; i + 1 < count; ++i) EXPECT_TRUE(carol_.subscribe(queues_[i]).is<broker::Sok>());
  EXPECT_EQ(messages(), std::vector<std::string>{text(0)});
  alice_catches_up();
  EXPECT_EQ(messages(), std::vector<std::string>{text(count - 1)});
}

TEST_P(Postponed, AllCome) {
  constexpr std::size_t count = 100;
  for (std::size_t i = 0; i < count; ++i) queues_.push_back(alice_.create());
  alice_.reads = false;
  for (std::size_t i = 0; i < count; ++i) EXPECT_TRUE(bob_.send(queues_[i], text(i)).is<broker::Ok>());
  alice_catches_up();
  EXPECT_EQ(messages().size(), count);
}

TEST_P(Postponed, OneThatWasAskedForAgainIsNotFollowedByTheNextTwice) {
  for (int i = 0; i < 2; ++i) queues_.push_back(alice_.create());
  alice_.reads = false;
  EXPECT_TRUE(bob_.send(queues_[0], "first").is<broker::Ok>());
  EXPECT_TRUE(bob_.send(queues_[1], "second").is<broker::Ok>());
  EXPECT_TRUE(bob_.send(queues_[1], "third").is<broker::Ok>());
  EXPECT_TRUE(alice_.subscribe(queues_[1]).is<broker::Sok>());
  EXPECT_EQ(messages(), std::vector<std::string>{"first"});
  EXPECT_EQ(postponed(), 2u);
  world_.shard(0).caught_up(alice_.id());
  world_.run();
  const auto second = alice_.event();
  ASSERT_TRUE(second);
  EXPECT_EQ(TestClient::text(queues_[1], second), "second");
  EXPECT_EQ(TestClient::text(queues_[1], alice_.acknowledge(queues_[1], *second)), "third");
  alice_catches_up();
  alice_catches_up();
  EXPECT_EQ(messages(), std::vector<std::string>());
}

TEST_P(Postponed, TheMessageThatWentMeanwhileIsFollowedByTheNext) {
  for (int i = 0; i < 2; ++i) queues_.push_back(alice_.create());
  alice_.reads = false;
  EXPECT_TRUE(bob_.send(queues_[0], "first").is<broker::Ok>());
  EXPECT_TRUE(bob_.send(queues_[1], "fetched").is<broker::Ok>());
  EXPECT_TRUE(bob_.send(queues_[1], "second").is<broker::Ok>());
  const auto& queue = queues_[1];
  const auto fetched = carol_.call(command::Get{}, queue.recipient_id, &queue.recipient_key);
  ASSERT_EQ(TestClient::text(queue, fetched), "fetched");
  EXPECT_TRUE(carol_.acknowledge(queue, fetched).is<broker::Ok>());
  EXPECT_EQ(messages(), std::vector<std::string>{"first"});
  alice_catches_up();
  EXPECT_EQ(messages(), std::vector<std::string>{"second"});
}

}  // namespace
}  // namespace simplex::smp::server
