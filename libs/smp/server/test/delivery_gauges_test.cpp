// What is there now, counted as it comes and goes.
#include "engine_world.hpp"

namespace simplex::smp::server {
namespace {

class Gauges : public ::testing::TestWithParam<bool> {
 protected:
  Gauges() : world_(GetParam() ? std::make_unique<EngineWorld>(kept_, 1) : std::make_unique<EngineWorld>(1)) {}
  DeliveryGauges deliveries() { return world_->shard(0).gauges().deliveries; }

  KeptQueues kept_;
  std::unique_ptr<EngineWorld> world_;
  TestClient alice_{*world_};
  TestClient bob_{*world_};
};

INSTANTIATE_TEST_SUITE_P(Store, Gauges, ::testing::Bool());

TEST_P(Gauges, DeliveriesAreCountedByTheirAgeUntilTheyAreAcknowledged) {
  const auto queue = alice_.create();
  const auto other = alice_.create();
  EXPECT_EQ(deliveries().total, 0u);
  EXPECT_TRUE(bob_.send(queue, "one").is<broker::Ok>());
  const auto message = alice_.event();
  EXPECT_EQ(deliveries().total, 1u);
  EXPECT_EQ(deliveries().clients, 1u);
  using Periods = std::array<std::uint64_t, 5>;
  EXPECT_EQ(deliveries().periods, (Periods{1, 0, 0, 0, 0}));
  EXPECT_EQ(deliveries().max_seconds, 0u);
  world_->clock.seconds += 59;
  EXPECT_EQ(deliveries().periods, (Periods{1, 0, 0, 0, 0}));
  world_->clock.seconds += 1;
  EXPECT_EQ(deliveries().periods, (Periods{0, 1, 0, 0, 0}));
  EXPECT_TRUE(bob_.send(other, "two").is<broker::Ok>());
  const auto second = alice_.event();
  world_->clock.seconds += 1'140;
  EXPECT_EQ(deliveries().periods, (Periods{0, 0, 1, 1, 0}));
  EXPECT_EQ(deliveries().max_seconds, 1'200u);
  EXPECT_EQ(deliveries().clients, 1u);
  world_->clock.seconds += 2'400;
  EXPECT_EQ(deliveries().periods, (Periods{0, 0, 0, 1, 1}));
  world_->clock.seconds += 86'400;
  EXPECT_EQ(deliveries().periods, (Periods{0, 0, 0, 0, 2}));
  EXPECT_NEAR(static_cast<double>(deliveries().max_seconds), 90'000, 60);
  EXPECT_TRUE(alice_.acknowledge(queue, *message).is<broker::Ok>());
  EXPECT_NEAR(static_cast<double>(deliveries().max_seconds), 89'940, 60);
  EXPECT_TRUE(alice_.acknowledge(other, *second).is<broker::Ok>());
  EXPECT_EQ(deliveries().total, 0u);
  EXPECT_EQ(deliveries().clients, 0u);
  EXPECT_EQ(deliveries().max_seconds, 0u);
  EXPECT_EQ(deliveries().periods, Periods());
}

TEST_P(Gauges, DeliveriesEndWithTheirReader) {
  const auto queue = alice_.create();
  EXPECT_TRUE(bob_.send(queue, "one").is<broker::Ok>());
  TestClient carol(*world_);
  EXPECT_TRUE(carol.call(command::Get{}, queue.recipient_id, &queue.recipient_key).is<broker::Msg>());
  EXPECT_EQ(deliveries().total, 2u);
  EXPECT_EQ(deliveries().clients, 2u);
  carol.disconnect();
  EXPECT_EQ(deliveries().total, 1u);
  TestClient dave(*world_);
  EXPECT_TRUE(dave.subscribe(queue).is<broker::Sok>());
  EXPECT_EQ(deliveries().total, 1u) << "dave's now";
  EXPECT_TRUE(dave.call(command::Del{}, queue.recipient_id, &queue.recipient_key).is<broker::Ok>());
  EXPECT_EQ(deliveries().total, 0u);
  EXPECT_EQ(deliveries().clients, 0u);
}

TEST_P(Gauges, TheClockIsSetBack) {
  const auto queue = alice_.create();
  world_->clock.seconds += 100'000;
  EXPECT_TRUE(bob_.send(queue, "one").is<broker::Ok>());
  (void)deliveries();
  world_->clock.seconds -= 100'000;
  const auto other = alice_.create();
  EXPECT_TRUE(bob_.send(other, "two").is<broker::Ok>());
  EXPECT_EQ(deliveries().total, 2u);
  alice_.disconnect();
  EXPECT_EQ(deliveries().total, 0u);
  EXPECT_EQ(deliveries().periods, (std::array<std::uint64_t, 5>()));
}

TEST_P(Gauges, SubscribersOfNotifiersAreCountedApart) {
  const auto queue = alice_.create();
  const auto key = alice_.new_key();
  const auto dh = crypto::generate_x25519(world_->random());
  const auto made =
      alice_.call(command::Nkey{{crypto::public_key(key), dh.public_key}}, queue.recipient_id, &queue.recipient_key);
  ASSERT_TRUE(made.is<broker::Nid>()) << made;
  EXPECT_EQ(world_->shard(0).gauges().notifiers, 1u);
  const auto notifier = to_bytes(made.as<broker::Nid>().notifier_id.view());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(bob_.call(command::Nsub{}, notifier, &key).is<broker::Sok>());
  auto gauges = world_->shard(0).gauges();
  EXPECT_EQ(gauges.subscriptions, 1u);
  EXPECT_EQ(gauges.subscribed_clients, 1u);
  EXPECT_EQ(gauges.notifier_subscriptions, 1u);
  EXPECT_EQ(gauges.notifier_clients, 1u);
  EXPECT_EQ(bob_.subscriptions(), 1u);
  EXPECT_TRUE(alice_.call(command::Ndel{}, queue.recipient_id, &queue.recipient_key).is<broker::Ok>());
  gauges = world_->shard(0).gauges();
  EXPECT_EQ(gauges.notifiers, 0u);
  EXPECT_EQ(gauges.notifier_clients, 0u);
  EXPECT_EQ(bob_.subscriptions(), 0u);
}

}  // namespace
}  // namespace simplex::smp::server
