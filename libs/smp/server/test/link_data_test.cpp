// Data of links over a store that keeps everything: it is there when somebody asks for it, and not in memory.
#include "engine_world.hpp"

namespace simplex::smp::server {
namespace {

class LinkStories : public ::testing::TestWithParam<std::size_t> {
 protected:
  LinkStories() { queue_ = alice_.create(SubscriptionMode::subscribe, command::New::Contact{}); }

  Got set(std::string_view fixed, std::string_view user) {
    return alice_.call(
        command::Lset{smp::LinkId(link_), QueueLinkData{Content(as_bytes(fixed)), Content(as_bytes(user))}},
        queue_.recipient_id, &queue_.recipient_key);
  }
  Got get() { return bob_.call(command::Lget{}, link_); }
  static std::string data(const Got& got) {
    if (!got.is<broker::Lnk>()) return "no link";
    const auto& link = got.as<broker::Lnk>();
    return std::string(as_text(link.data.fixed.bytes)) + ',' + std::string(as_text(link.data.user.bytes));
  }
  std::size_t octets_in_memory() {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < world_.shard_count(); ++i) {
      world_.shard(i).for_each_queue([&](const QueueRecord& record, std::span<const MessagePtr>) {
        if (record.link) sum += record.link->fixed.size() + record.link->user.size();
      });
    }
    return sum;
  }
  auto total(auto member) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < world_.shard_count(); ++i) sum += world_.shard(i).statistics().*member;
    return sum;
  }

  KeptQueues kept_;
  EngineWorld world_{kept_, GetParam()};
  TestClient alice_{world_};
  TestClient bob_{world_, GetParam() - 1};
  Bytes link_ = world_.random().bytes(24);
  TestQueue queue_;
};

INSTANTIATE_TEST_SUITE_P(Relay, LinkStories, ::testing::Values(1, 3));

TEST_P(LinkStories, TheDataIsInTheStoreOnly) {
  EXPECT_TRUE(set("fixed", "one").is<broker::Ok>());
  EXPECT_EQ(octets_in_memory(), 0u);
  EXPECT_EQ(data(get()), "fixed,one");
  EXPECT_TRUE(set("fixed", "two").is<broker::Ok>());
  EXPECT_EQ(data(get()), "fixed,two");
  EXPECT_TRUE(set("other", "two").is_error(errors::Auth{})) << "the fixed data never changes";
  EXPECT_EQ(data(get()), "fixed,two");
  EXPECT_EQ(octets_in_memory(), 0u);
  EXPECT_TRUE(alice_.call(command::Ldel{}, queue_.recipient_id, &queue_.recipient_key).is<broker::Ok>());
  EXPECT_TRUE(get().is_error(errors::Auth{}));
  EXPECT_TRUE(set("other", "three").is<broker::Ok>()) << "of a new link";
  EXPECT_EQ(data(get()), "other,three");
}

TEST_P(LinkStories, AStoreThatFailsIsToldToThePeer) {
  EXPECT_TRUE(set("fixed", "one").is<broker::Ok>());
  for (auto& store : world_.keeping) store->fails = true;
  const auto got = get();
  ASSERT_TRUE(got.is<broker::Err>()) << got;
  EXPECT_TRUE(got.as<broker::Err>().error.is<errors::Store>());
  for (auto& store : world_.keeping) store->fails = false;
  EXPECT_EQ(data(get()), "fixed,one");
}

TEST_P(LinkStories, OnlySoManyAreReadAtOnce) {
  EXPECT_TRUE(set("fixed", "one").is<broker::Ok>());
  (void)get();                                               // the queue is in memory, and its id is known
  world_.settings.resident.waiting_octets = 4 * 3 * 16'384;  // a quarter is for links
  world_.stores_answer = false;
  const auto before = total(&Statistics::refused_waiting);
  std::vector<CorrId> asked;
  for (int i = 0; i < 10; ++i) {
    asked.push_back(CorrId::generate(world_.random()));
    bob_.post(bob_.transmission(command::Lget{}, link_, nullptr, asked.back()));
  }
  EXPECT_EQ(bob_.inbox.size(), 7u);
  EXPECT_EQ(total(&Statistics::refused_waiting) - before, 7u);
  world_.stores_answer = true;
  world_.run();
  int answered = 0;
  for (const auto& corr_id : asked) {
    if (data(bob_.response(corr_id)) == "fixed,one") ++answered;
  }
  EXPECT_EQ(answered, 3);
  for (std::size_t i = 0; i < world_.shard_count(); ++i) EXPECT_EQ(world_.shard(i).waiting_octets(), 0u);
}

}  // namespace
}  // namespace simplex::smp::server
