// Those who want too much of the engine.
#include "engine_world.hpp"

namespace simplex::smp::server {
namespace {

class Bounds : public ::testing::TestWithParam<std::size_t> {
 protected:
  [[nodiscard]] static Got create(TestClient& client, EngineWorld& world) {
    const auto key = client.new_key();
    const auto dh = crypto::generate_x25519(world.random());
    return client.call(
        command::New{
            crypto::public_key(key), dh.public_key, {}, SubscriptionMode::only_create, command::New::Messaging{}, {}},
        {}, &key);
  }
  [[nodiscard]] std::uint64_t total(auto member) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < world_.shard_count(); ++i) sum += world_.shard(i).statistics().*member;
    return sum;
  }

  EngineWorld world_{GetParam()};
  TestClient alice_{world_};
  TestClient mallory_{world_, GetParam() - 1};
};

INSTANTIATE_TEST_SUITE_P(Relay, Bounds, ::testing::Values(1, 3));

TEST_P(Bounds, OneConnectionCreatesOnlySoManyQueuesInAPeriod) {
  world_.settings.use.new_queues = 3;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(create(mallory_, world_).is<broker::Ids>());
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(create(mallory_, world_).is_error(errors::Quota{}));
  EXPECT_TRUE(create(alice_, world_).is<broker::Ids>()) << "others are not concerned";
  EXPECT_EQ(total(&Statistics::refused_queues_of_connection), 5u);
  world_.clock.seconds += 3'600;
  EXPECT_TRUE(create(mallory_, world_).is<broker::Ids>());
}

TEST_P(Bounds, TheRelayHasOnlySoManyQueues) {
  world_.settings.queues = 2;
  const auto first = alice_.create();
  EXPECT_TRUE(create(mallory_, world_).is<broker::Ids>());
  EXPECT_TRUE(create(mallory_, world_).is_error(errors::Quota{}));
  EXPECT_TRUE(create(alice_, world_).is_error(errors::Quota{}));
  EXPECT_EQ(total(&Statistics::refused_queues_in_all), 2u);
  EXPECT_TRUE(alice_.call(command::Del{}, first.recipient_id, &first.recipient_key).is<broker::Ok>());
  EXPECT_TRUE(create(mallory_, world_).is<broker::Ids>());
  EXPECT_EQ(*world_.settings.queue_count, 2u);
}

TEST_P(Bounds, IdsAreAsLongAsTheOperatorSays) {
  for (const std::size_t octets : {16U, 32U}) {
    world_.settings.queue_id_octets = octets;
    world_.settings.message_id_octets = std::max<std::size_t>(octets, message_id_size);
    const auto queue = alice_.create(SubscriptionMode::subscribe);
    EXPECT_EQ(queue.recipient_id.size(), octets);
    EXPECT_EQ(queue.sender_id.size(), octets);
    EXPECT_TRUE(mallory_.send(queue, "hello").is<broker::Ok>());
    const auto message = alice_.event();
    ASSERT_TRUE(message);
    EXPECT_EQ(message->as<broker::Msg>().id.view().size(), world_.settings.message_id_octets);
    EXPECT_EQ(TestClient::text(queue, message), "hello") << "a longer id is a nonce, too";
    EXPECT_TRUE(alice_.acknowledge(queue, *message).is<broker::Ok>());
  }
}

TEST_P(Bounds, LinkDataIsChangedOnlySoOften) {
  world_.settings.use.link_changes = 2;
  const auto queue = mallory_.create(SubscriptionMode::subscribe, command::New::Contact{});
  const smp::LinkId link(world_.random().bytes(24));
  const auto set = [&] {
    return mallory_.call(command::Lset{link, QueueLinkData{Content(as_bytes("fixed")), Content(as_bytes("user"))}},
                         queue.recipient_id, &queue.recipient_key);
  };
  EXPECT_TRUE(set().is<broker::Ok>());
  EXPECT_TRUE(set().is<broker::Ok>());
  EXPECT_TRUE(set().is_error(errors::Quota{}));
  EXPECT_TRUE(mallory_.call(command::Ldel{}, queue.recipient_id, &queue.recipient_key).is_error(errors::Quota{}));
  EXPECT_EQ(total(&Statistics::refused_link_changes), 2u);
  EXPECT_TRUE(mallory_.subscribe(queue).is<broker::Sok>()) << "other commands are not concerned";
}

TEST_P(Bounds, WhoIsRefusedTooOftenHasToRestWhetherQueuesExistOrNot) {
  world_.settings.use.refusals = 4;
  const auto queue = alice_.create();
  const auto key = mallory_.new_key();
  const auto rest = [&] { return world_.shard(GetParam() - 1).take_rest(mallory_.id()).has_value(); };
  for (const bool exists : {true, false, true, false}) {
    const auto id = exists ? queue.recipient_id : world_.random().bytes(24);
    EXPECT_TRUE(mallory_.call(command::Sub{}, id, &key).is_error(errors::Auth{}));
    EXPECT_FALSE(rest());
  }
  for (const bool exists : {true, false, true, false}) {
    const auto id = exists ? queue.recipient_id : world_.random().bytes(24);
    EXPECT_TRUE(mallory_.call(command::Sub{}, id, &key).is_error(errors::Auth{}));
    EXPECT_TRUE(rest());
    EXPECT_FALSE(rest()) << "once for each block";
  }
  EXPECT_EQ(total(&Statistics::throttled_unknown_queues), 4u);
  EXPECT_FALSE(world_.shard(0).take_rest(alice_.id()));
}

TEST(WaitingBounds, CommandsWaitForASlowStoreOnlyUntilTheRoomIsFull) {
  KeptQueues kept;
  EngineSettings settings;
  settings.resident.idle_queues = 0;
  settings.resident.waiting_octets = 20'000;
  EngineWorld world(kept, 2, settings);
  TestClient alice(world, 0);
  TestClient mallory(world, 1);
  const auto queue = alice.create(SubscriptionMode::only_create);
  world.stores_answer = false;
  const auto key = mallory.new_key();
  for (int i = 0; i < 1'000; ++i) {
    const auto id = i % 2 == 0 ? queue.recipient_id : world.random().bytes(24);
    mallory.post(mallory.transmission(command::Sub{}, id, &key, CorrId::generate(world.random())));
    mallory.post(mallory.transmission(command::Send{{}, Content(as_bytes("x"))}, i % 3 == 0 ? queue.sender_id : id,
                                      nullptr, CorrId::generate(world.random())));
    for (std::size_t shard = 0; shard < 2; ++shard) ASSERT_LE(world.shard(shard).waiting_octets(), 20'000u);
  }
  for (const auto& got : mallory.inbox) {
    const auto* error = std::get_if<broker::Err>(&got.message);
    ASSERT_TRUE(error != nullptr && error->error.is<errors::Store>()) << "agents try again after this one";
  }
  EXPECT_FALSE(mallory.inbox.empty());
  EXPECT_GT(mallory.unanswered(), 0u);
  world.stores_answer = true;
  world.run();
  EXPECT_EQ(mallory.unanswered(), 0u);
  for (std::size_t shard = 0; shard < 2; ++shard) EXPECT_EQ(world.shard(shard).waiting_octets(), 0u);
  EXPECT_TRUE(alice.subscribe(queue).is<broker::Sok>()) << "the relay serves on";
}

TEST(WaitingBounds, AStoreThatFailsIsToldAndEverythingGoesOnAfterwards) {
  KeptQueues kept;
  EngineSettings settings;
  settings.resident = {0, 1 << 20, 1, 10, 1 << 20};
  EngineWorld world(kept, 1, settings);
  TestClient alice(world);
  TestClient bob(world);
  const auto queue = alice.create(SubscriptionMode::only_create);
  for (const auto* text : {"one", "two", "three"}) EXPECT_TRUE(bob.send(queue, text).is<broker::Ok>());
  const auto is_store_error = [](const Got& got) {
    const auto* error = std::get_if<broker::Err>(&got.message);
    return error != nullptr && error->error.is<errors::Store>();
  };
  auto& store = *world.keeping[0];
  store.fails = true;
  EXPECT_TRUE(is_store_error(alice.subscribe(queue)));
  EXPECT_TRUE(is_store_error(bob.send(queue, "lost")));
  store.fails = false;
  EXPECT_TRUE(alice.subscribe(queue).is<broker::Sok>());
  const auto one = alice.event();
  EXPECT_EQ(TestClient::text(queue, one), "one");
  store.fails = true;
  EXPECT_TRUE(is_store_error(alice.acknowledge(queue, *one)));
  store.fails = false;
  world.shard(0).retry();
  world.run();
  const auto again = alice.event();
  EXPECT_EQ(TestClient::text(queue, again), "one") << "it was not acknowledged";
  EXPECT_EQ(TestClient::text(queue, alice.acknowledge(queue, *again)), "two");
}

TEST(Residence, AnIdleQueueTakesNoMemory) {
  KeptQueues kept;
  EngineSettings settings;
  settings.resident.idle_queues = 0;
  EngineWorld world(kept, 2, settings);
  TestClient alice(world, 0);
  TestClient bob(world, 1);
  std::vector<TestQueue> queues;
  for (int i = 0; i < 20; ++i) {
    queues.push_back(alice.create(SubscriptionMode::only_create));
    EXPECT_TRUE(bob.send(queues.back(), std::to_string(i)).is<broker::Ok>());
  }
  for (std::size_t shard = 0; shard < 2; ++shard) {
    EXPECT_EQ(world.shard(shard).queue_count(), 0u);
    EXPECT_EQ(world.shard(shard).directory_size(), 0u);
    EXPECT_EQ(world.shard(shard).resident_octets(), 0u);
  }
  for (int i = 0; i < 20; ++i) {
    alice.subscribe(queues[static_cast<std::size_t>(i)]);
    EXPECT_EQ(TestClient::text(queues[static_cast<std::size_t>(i)], alice.event()), std::to_string(i));
  }
  alice.disconnect();
  world.run();
  for (std::size_t shard = 0; shard < 2; ++shard) EXPECT_EQ(world.shard(shard).queue_count(), 0u);
}

TEST(Residence, AGetOfAClientThatWentDoesNotKeepTheQueue) {
  KeptQueues kept;
  EngineSettings settings;
  settings.resident.idle_queues = 0;
  EngineWorld world(kept, 2, settings);
  TestClient alice(world, 0);
  TestClient phone(world, 1);
  const auto queue = alice.create(SubscriptionMode::only_create);
  world.stores_answer = false;
  phone.post(
      phone.transmission(command::Get{}, queue.recipient_id, &queue.recipient_key, CorrId::generate(world.random())));
  phone.disconnect();
  world.stores_answer = true;
  world.run();
  for (std::size_t shard = 0; shard < 2; ++shard) EXPECT_EQ(world.shard(shard).queue_count(), 0u);
}

TEST(Residence, ReadersOfLargeMessagesHoldNoMoreThanTheLimit) {
  KeptQueues kept;
  EngineSettings settings;
  settings.resident = {0, 40'000, 20'000, 10, 1 << 20};
  EngineWorld world(kept, 1, settings);
  TestClient alice(world);
  TestClient bob(world);
  const std::string large(15'000, 'x');
  for (int i = 0; i < 10; ++i) {
    const auto queue = alice.create();
    for (int k = 0; k < 3; ++k) EXPECT_TRUE(bob.send(queue, large).is<broker::Ok>());
    EXPECT_LE(world.shard(0).resident_octets(), 40'000u);
  }
}

TEST(Residence, MessagesOfASlowReaderWaitInTheStore) {
  KeptQueues kept;
  EngineSettings settings;
  settings.resident = {0, 1 << 20, 2'000, 10, 1 << 20};
  EngineWorld world(kept, 2, settings);
  TestClient alice(world, 0);
  alice.reads = false;
  TestClient bob(world, 1);
  std::vector<TestQueue> queues;
  const std::string text(1'000, 'x');
  for (int i = 0; i < 50; ++i) {
    queues.push_back(alice.create());
    EXPECT_TRUE(bob.send(queues.back(), text).is<broker::Ok>());
  }
  EXPECT_THAT(alice.inbox, ::testing::SizeIs(3)) << "what the limit lets through";
  // One of them is deleted meanwhile, another acknowledged elsewhere.
  EXPECT_TRUE(bob.call(command::Del{}, queues[10].recipient_id, &queues[10].recipient_key).is<broker::Ok>());
  TestClient phone(world, 1);
  phone.subscribe(queues[11]);
  alice.reads = true;
  for (int i = 0; i < 30; ++i) {
    world.shard(0).caught_up(alice.id());
    world.run();
  }
  std::size_t messages = 0;
  while (const auto event = alice.event()) messages += event->is<broker::Msg>() ? 1 : 0;
  EXPECT_EQ(messages, 48u);
}

TEST(Batches, AreCountedByTheirFirstCommand) {
  EngineWorld world;
  TestClient alice(world);
  const auto queue = alice.create();
  const auto post = [&](const std::vector<ClientCommand>& commands) {
    protocol::Batch batch;
    for (const auto& command : commands) {
      ASSERT_TRUE(batch.add(
          alice.transmission(command, queue.recipient_id, &queue.recipient_key, CorrId::generate(world.random()))));
    }
    alice.post_content(batch.take());
  };
  post({command::Sub{}, command::Que{}});
  post({command::Sub{}});
  post({command::Que{}, command::Sub{}});
  post({command::Ndel{}, command::Del{}});
  const auto& statistics = world.shard(0).statistics();
  EXPECT_EQ(statistics.subscription_batches, 1u);
  EXPECT_EQ(statistics.notifier_delete_batches, 1u);
  EXPECT_EQ(statistics.queues_deleted_batches, 0u);
  EXPECT_EQ(statistics.queues_deleted, 1u);
}

}  // namespace
}  // namespace simplex::smp::server
