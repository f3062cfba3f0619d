// What a queue in memory takes, and that it gives back what it needs only in use.
#include "directory.hpp"
#include "engine_world.hpp"
#include "queue_table.hpp"

namespace simplex::smp::server {
namespace {

// A relay has millions of them.
static_assert(sizeof(Queue) <= 360);

constexpr auto only_create = SubscriptionMode::only_create;

void sweep(Shard& shard) {
  for (bool finished = false; !finished;) shard.expire_messages(10, [&](bool done) { finished = done; });
}

// Sends a message to the queue, whose subscriber gets and acknowledges it.
void exchange(TestClient& alice, TestClient& bob, const TestQueue& queue) {
  EXPECT_TRUE(bob.send(queue, "hello").is<broker::Ok>());
  const auto message = alice.event();
  ASSERT_EQ(TestClient::text(queue, message), "hello");
  EXPECT_TRUE(alice.acknowledge(queue, *message).is<broker::Ok>());
}

TEST(QueueMemoryTest, SubscribedAloneAQueueIsNotInUse) {
  EngineWorld world;
  TestClient alice(world);
  TestClient bob(world);
  const auto queue = alice.create();
  EXPECT_EQ(world.shard(0).queues_in_use(), 0u);
  exchange(alice, bob, queue);
  EXPECT_EQ(world.shard(0).queues_in_use(), 1u);
  exchange(alice, bob, queue);
}

TEST(QueueMemoryTest, AQueueWithoutASubscriberGivesBackWhatItUsed) {
  EngineWorld world;
  TestClient alice(world);
  TestClient bob(world);
  const auto queue = alice.create();
  exchange(alice, bob, queue);
  alice.disconnect();
  EXPECT_EQ(world.shard(0).queues_in_use(), 0u);
  EXPECT_TRUE(bob.send(queue, "kept").is<broker::Ok>());
  EXPECT_EQ(world.shard(0).queues_in_use(), 1u);
  TestClient again(world);
  again.subscribe(queue);
  EXPECT_EQ(TestClient::text(queue, again.event()), "kept");
  again.disconnect();
  EXPECT_EQ(world.shard(0).queues_in_use(), 1u) << "it has a message";
  TestClient third(world);
  third.subscribe(queue);
  const auto message = third.event();
  ASSERT_EQ(TestClient::text(queue, message), "kept");
  third.acknowledge(queue, *message);
  third.disconnect();
  EXPECT_EQ(world.shard(0).queues_in_use(), 0u);
}

// Long connections have many queues, few of which got something lately.
TEST(QueueMemoryTest, TwoSweepsTakeWhatWasNotUsedBetweenThem) {
  EngineWorld world;
  TestClient alice(world);
  TestClient bob(world);
  std::vector<TestQueue> queues;
  for (int i = 0; i < 100; ++i) {
    queues.push_back(alice.create(SubscriptionMode::subscribe, command::New::Messaging{}, i % 2 == 0));
    exchange(alice, bob, queues.back());
  }
  sweep(world.shard(0));
  EXPECT_EQ(world.shard(0).queues_in_use(), 100u);
  for (int i = 0; i < 10; ++i) exchange(alice, bob, queues[static_cast<std::size_t>(i)]);
  // What is delivered and not acknowledged waits for that.
  EXPECT_TRUE(bob.send(queues[50], "unacknowledged").is<broker::Ok>());
  sweep(world.shard(0));
  EXPECT_EQ(world.shard(0).queues_in_use(), 11u);
  sweep(world.shard(0));
  sweep(world.shard(0));
  EXPECT_EQ(world.shard(0).queues_in_use(), 1u);
  const auto message = alice.event();
  ASSERT_EQ(TestClient::text(queues[50], message), "unacknowledged");
  EXPECT_TRUE(alice.acknowledge(queues[50], *message).is<broker::Ok>());
  for (const auto& queue : queues) exchange(alice, bob, queue);
}

TEST(QueueMemoryTest, ASweepComesAlsoWhereMessagesDoNotExpire) {
  EngineWorld world;
  world.settings.message_ttl = std::nullopt;
  TestClient alice(world);
  TestClient bob(world);
  const auto queue = alice.create();
  exchange(alice, bob, queue);
  world.clock.seconds += 1'000 * 86'400;
  EXPECT_TRUE(bob.send(queue, "old").is<broker::Ok>());
  sweep(world.shard(0));
  sweep(world.shard(0));
  ASSERT_EQ(world.shard(0).queues_in_use(), 1u);
  const auto message = alice.event();
  ASSERT_EQ(TestClient::text(queue, message), "old");
  EXPECT_TRUE(alice.acknowledge(queue, *message).is<broker::Ok>());
  sweep(world.shard(0));
  sweep(world.shard(0));
  EXPECT_EQ(world.shard(0).queues_in_use(), 0u);
}

TEST(QueueMemoryTest, WhatWasFetchedStaysUntilTheConnectionEnds) {
  EngineWorld world;
  TestClient alice(world);
  TestClient bob(world);
  const auto queue = alice.create(only_create);
  EXPECT_TRUE(bob.send(queue, "fetched").is<broker::Ok>());
  const auto got = alice.call(command::Get{}, queue.recipient_id, &queue.recipient_key);
  ASSERT_EQ(TestClient::text(queue, got), "fetched");
  sweep(world.shard(0));
  sweep(world.shard(0));
  EXPECT_TRUE(alice.acknowledge(queue, got).is<broker::Ok>());
  sweep(world.shard(0));
  sweep(world.shard(0));
  EXPECT_TRUE(alice.subscribe(queue).is_error(CommandError::prohibited));
  alice.disconnect();
  EXPECT_EQ(world.shard(0).queues_in_use(), 0u);
}

class DirectoryTest : public ::testing::Test {
 protected:
  QueueRecord record(std::uint8_t number) {
    QueueRecord made;
    made.recipient_id = *RecipientId::from(Bytes(24, number));
    made.sender_id = *SenderId::from(Bytes(24, number));
    return made;
  }
  static DirectoryKey key(std::uint8_t number, IdKind kind = IdKind::sender) {
    return {kind, *DirectoryId::from(Bytes(24, number))};
  }
  testing::SeededRandom random_{3};
  IdHash hash_{random_};
  QueueTable queues_{hash_};
  Directory directory_{hash_};
};

TEST_F(DirectoryTest, AQueueInMemoryIsItsOwnEntry) {
  directory_.add(key(1), *RecipientId::from(Bytes(24, 1)));
  auto& queue = queues_.insert(record(1));
  directory_.own(queue);
  EXPECT_EQ(directory_.size(), 1u);
  const auto found = directory_.find(key(1));
  EXPECT_EQ(found.in_memory, &queue);
  EXPECT_EQ(found.entry, nullptr);
  EXPECT_EQ(found.queue(), queue.record.recipient_id);
  EXPECT_FALSE(directory_.add(key(1), *RecipientId::from(Bytes(24, 2))).added);
  EXPECT_FALSE(directory_.find(key(1, IdKind::link))) << "another kind";
  EXPECT_FALSE(directory_.find(key(2)));
  directory_.disown(queue);
  directory_.disown(queue);
  EXPECT_EQ(directory_.size(), 0u);
  EXPECT_FALSE(directory_.find(key(1)));
}

TEST_F(DirectoryTest, SetReplacesAndEraseErasesBoth) {
  auto& queue = queues_.insert(record(1));
  directory_.own(queue);
  const auto other = *RecipientId::from(Bytes(24, 9));
  directory_.set(key(1), other);
  EXPECT_EQ(directory_.size(), 1u);
  EXPECT_EQ(directory_.find(key(1)).in_memory, nullptr);
  EXPECT_EQ(directory_.find(key(1)).queue(), other);
  directory_.own(queue);
  EXPECT_EQ(directory_.find(key(1)).in_memory, &queue);
  directory_.erase(key(1));
  directory_.erase(key(1));
  EXPECT_EQ(directory_.size(), 0u);
  directory_.set(key(1, IdKind::notifier), other);
  directory_.set(key(1, IdKind::notifier), queue.record.recipient_id);
  EXPECT_EQ(directory_.size(), 1u);
  EXPECT_EQ(directory_.find(key(1, IdKind::notifier)).queue(), queue.record.recipient_id);
  directory_.erase(key(1, IdKind::notifier));
  EXPECT_EQ(directory_.size(), 0u);
}

TEST(DateTest, IsAWholeDay) {
  EXPECT_EQ(Date(1'795'305'600).value(), 1'795'305'600);
  EXPECT_EQ(Date(1'795'305'600 + 86'399), Date(1'795'305'600));
  EXPECT_LT(Date(1'795'305'599), Date(1'795'305'600));
  EXPECT_GT(Date(std::numeric_limits<std::int64_t>::max()), Date(1'795'305'600));
  EXPECT_LT(Date(std::numeric_limits<std::int64_t>::min()), Date(0));
}

TEST(RecipientKeysTest, AreAListOfAnyLength) {
  testing::SeededRandom random(1);
  std::vector<crypto::AuthPublicKey> list;
  RecipientKeys keys;
  EXPECT_TRUE(keys.empty());
  for (std::size_t i = 0; i < 4; ++i) {
    list.emplace_back(crypto::generate_ed25519(random).public_key);
    keys.emplace_back(list.back());
    EXPECT_EQ(keys, list);
    EXPECT_EQ(keys, RecipientKeys(list));
    ASSERT_EQ(keys.size(), i + 1);
    EXPECT_EQ(keys[i], list[i]);
    EXPECT_TRUE(std::ranges::equal(keys, list));
    const auto copy = keys;
    EXPECT_EQ(copy, keys);
  }
  EXPECT_NE(keys, RecipientKeys{list[0]});
}

}  // namespace
}  // namespace simplex::smp::server
