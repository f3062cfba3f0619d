// How many messages a queue has, while a store sweeps expired ones away: the sweep takes effect at any time between its
// call and its answer, before or after what is read meanwhile.
#include "engine_world.hpp"

#include <fmt/format.h>

namespace simplex::smp::server {
namespace {

using ::testing::ElementsAreArray;

constexpr std::uint32_t quota = 4;

EngineSettings tiny(std::size_t idle, std::size_t queue_octets) {
  EngineSettings settings;
  settings.queue_quota = quota;
  settings.resident = {idle, 1 << 20, queue_octets, 2, 1 << 20};
  return settings;
}

class CountStories : public ::testing::Test {
 protected:
  explicit CountStories(std::size_t idle = 10, std::size_t queue_octets = 1 << 16)
      : world_(kept_, 1, tiny(idle, queue_octets)) {
    queue_ = alice_->create(SubscriptionMode::only_create);
    store().sweeps_apart = true;
  }
  KeepingStore& store() { return *world_.keeping[0]; }
  void begin_sweep(std::size_t limit = 100) {
    world_.shard(0).expire_messages(limit, [](bool) {});
  }
  void sweep(bool says_what = true) {
    begin_sweep();
    store().take_effect();
    store().answer_sweep(says_what);
    world_.run();
  }
  std::int64_t size() {
    const auto state = alice_->call(command::Que{}, queue_.recipient_id, &queue_.recipient_key);
    return state.as<broker::Info>().state.size;
  }
  std::size_t kept() { return kept_.queues.begin()->second.messages.size(); }
  void days(std::int64_t count) { world_.clock.seconds += count * 86'400; }

  KeptQueues kept_;
  EngineWorld world_;
  std::unique_ptr<TestClient> alice_ = std::make_unique<TestClient>(world_);
  TestClient bob_{world_};
  TestQueue queue_;
};

TEST_F(CountStories, WhatIsReadBeforeASweepTakesEffectIsCountedAgain) {
  for (std::uint32_t i = 0; i < quota; ++i) EXPECT_TRUE(bob_.send(queue_, "old").is<broker::Ok>());
  days(22);
  begin_sweep();
  // Read, and answered, before the sweep removes anything.
  alice_->disconnect();
  alice_ = std::make_unique<TestClient>(world_);
  store().take_effect();
  store().answer_sweep();
  for (std::uint32_t i = 0; i < quota; ++i) EXPECT_TRUE(bob_.send(queue_, "new").is<broker::Ok>()) << i;
  EXPECT_TRUE(bob_.send(queue_, "too much").is_error(errors::Quota{}));
  EXPECT_EQ(size(), quota + 1) << "and the marker";
}

TEST_F(CountStories, ASweepThatCannotSayWhatItRemovedLetsAllBeCountedAgain) {
  for (std::uint32_t i = 0; i < quota; ++i) EXPECT_TRUE(bob_.send(queue_, "old").is<broker::Ok>());
  days(22);
  sweep(false);
  const auto loads = store().loads;
  for (std::uint32_t i = 0; i < quota; ++i) EXPECT_TRUE(bob_.send(queue_, "new").is<broker::Ok>()) << i;
  for (std::uint32_t i = 0; i < 5; ++i) EXPECT_TRUE(bob_.send(queue_, "too much").is_error(errors::Quota{}));
  EXPECT_LE(store().loads, loads + 1) << "once, not for each that is refused";
}

TEST_F(CountStories, CountingAgainFailsWithTheStoreAndIsTriedAgain) {
  for (std::uint32_t i = 0; i < quota; ++i) EXPECT_TRUE(bob_.send(queue_, "old").is<broker::Ok>());
  EXPECT_TRUE(alice_->subscribe(queue_).is<broker::Sok>());
  days(22);
  sweep();
  store().fails = true;
  const auto refused = alice_->call(command::Que{}, queue_.recipient_id, &queue_.recipient_key);
  EXPECT_TRUE(refused.is<broker::Err>()) << refused;
  store().fails = false;
  EXPECT_EQ(size(), 0);
}

TEST_F(CountStories, AMessageAfterASweptOneIsNotRemovedWithIt) {
  EXPECT_TRUE(bob_.send(queue_, "old").is<broker::Ok>());
  EXPECT_TRUE(alice_->subscribe(queue_).is<broker::Sok>());
  const auto old = alice_->event();
  ASSERT_EQ(TestClient::text(queue_, old), "old");
  days(20);
  EXPECT_TRUE(bob_.send(queue_, "new").is<broker::Ok>());
  days(2);
  sweep();
  EXPECT_EQ(size(), 1);
  EXPECT_EQ(TestClient::text(queue_, alice_->acknowledge(queue_, *old)), "new");
  EXPECT_EQ(size(), 1);
}

// Everything at once, in every order.
class AnyOrder : public CountStories, public ::testing::WithParamInterface<int> {
 protected:
  AnyOrder() : CountStories(GetParam() % 3 == 0 ? 0 : 10, GetParam() % 2 == 0 ? 1 : 1 << 16) {}

  void post(TestClient& client, const ClientCommand& command, BytesView entity, const crypto::AuthPrivateKey* key) {
    client.post(client.transmission(command, entity, key, CorrId::generate(world_.random())));
  }
  // What alice has got last; the answers that nobody looks at go.
  void read_inbox() {
    for (const auto& got : alice_->inbox) {
      if (got.is<broker::Msg>()) last_ = to_bytes(got.as<broker::Msg>().id.view());
    }
    alice_->inbox.clear();
    bob_.inbox.clear();
  }
  void step(std::uint64_t what) {
    switch (what) {
      case 0:
      case 1:
      case 2:
        return post(bob_, command::Send{{}, Content(as_bytes(fmt::format("{}", ++sent_)))}, queue_.sender_id, nullptr);
      case 3: return post(*alice_, command::Sub{}, queue_.recipient_id, &queue_.recipient_key);
      case 4: return post(*alice_, command::Get{}, queue_.recipient_id, &queue_.recipient_key);
      case 5:
      case 6: return post(*alice_, command::Ack{smp::MessageId(last_)}, queue_.recipient_id, &queue_.recipient_key);
      case 7: return post(*alice_, command::Que{}, queue_.recipient_id, &queue_.recipient_key);
      case 8:
        alice_.reset();
        alice_ = std::make_unique<TestClient>(world_);
        return;
      case 9: return days(7);
      case 10:
      case 11:
        if (!store().sweep) begin_sweep(1 + world_.random().number() % 3);
        return;
      case 12:
      case 13: return store().take_effect();
      case 14: return store().answer_sweep(world_.random().number() % 8 != 0);
      default: (void)store().answer_one();
    }
  }

  Bytes last_;
  int sent_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Relay, AnyOrder, ::testing::Range(0, 150));

TEST_P(AnyOrder, TheCountIsRightWhenItIsQuiet) {
  testing::SeededRandom random(static_cast<std::uint64_t>(GetParam()));
  store().reads_late = GetParam() % 5 < 2;
  for (int round = 0; round < 12; ++round) {
    world_.stores_answer = false;
    for (int i = 0; i < 40; ++i) {
      step(random.below(21));
      world_.run();
      read_inbox();
    }
    store().take_effect();
    store().answer_sweep();
    world_.stores_answer = true;
    world_.run();
    read_inbox();
    ASSERT_EQ(static_cast<std::size_t>(size()), kept()) << round;
    // Until it is full it takes what fits.
    const bool full = kept() > 0 && kept_.queues.begin()->second.messages.back()->quota;
    if (!full) {
      for (auto count = kept(); count < quota; ++count)
        ASSERT_TRUE(bob_.send(queue_, "fits").is<broker::Ok>()) << round;
    }
    ASSERT_TRUE(bob_.send(queue_, "too much").is_error(errors::Quota{})) << round;
    // All that the store has is delivered, in its order.
    std::vector<std::string> expected;
    for (const auto& message : kept_.queues.begin()->second.messages) {
      expected.emplace_back(message->quota ? "QUOTA" : as_text(message->body));
    }
    alice_.reset();
    alice_ = std::make_unique<TestClient>(world_);
    std::vector<std::string> delivered;
    ASSERT_TRUE(alice_->subscribe(queue_).is<broker::Sok>());
    for (auto message = alice_->event(); message && message->is<broker::Msg>();) {
      delivered.push_back(TestClient::text(queue_, message));
      message = alice_->acknowledge(queue_, *message);
    }
    ASSERT_THAT(delivered, ElementsAreArray(expected)) << round;
    ASSERT_EQ(kept(), 0u) << round;
  }
}

}  // namespace
}  // namespace simplex::smp::server
