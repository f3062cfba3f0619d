// The columns in which the reference counts the messages of a queue.
#include "postgres/backend.hpp"
#include "postgres_place.hpp"

namespace simplex::smp::stores {
namespace {

using namespace server;
using server::RecipientId;

class MessageCounts : public ::testing::Test {
 protected:
  MessageCounts() {
    auto opened = postgres::Backend::open(settings_, logger_);
    if (!opened) {
      ADD_FAILURE() << opened.error().message;
      std::abort();  // no test goes on without a store
    }
    run_ = std::make_unique<StoreRun>(std::move(*opened), 1);
    const auto record = make_queue(random_);
    EXPECT_TRUE(run_->create(record));
    queue_ = record.recipient_id;
  }
  // "3 writable expires", as the row says.
  std::string counts() {
    const auto number = [&](const std::string& what) {
      return Cluster::instance().number(settings_.schema, "SELECT " + what + " FROM msg_queues");
    };
    return std::to_string(number("msg_queue_size")) + (number("msg_can_write::int") == 1 ? " writable" : " full") +
           (number("msg_queue_expire::int") == 1 ? " expires" : "");
  }
  MessagePtr add(MessagePtr message) {
    EXPECT_TRUE(run_->add(queue_, message));
    return message;
  }
  void remove(const MessagePtr& message) { EXPECT_TRUE(run_->remove(queue_, message)); }

  testing::SeededRandom random_{5};
  LoggedLines logger_;
  PostgresSettings settings_ = PostgresPlace().settings(0);
  std::unique_ptr<StoreRun> run_;
  RecipientId queue_;
};

TEST_F(MessageCounts, FollowTheMessages) {
  EXPECT_EQ(counts(), "0 writable");
  std::vector<MessagePtr> all;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    all.push_back(add(make_message(random_, i, 10)));
    EXPECT_EQ(counts(), std::to_string(i) + " writable expires");
  }
  all.push_back(add(make_quota_marker(random_, 4)));
  EXPECT_EQ(counts(), "4 full expires");
  for (std::size_t i = 0; i < 3; ++i) {
    remove(all[i]);
    EXPECT_EQ(counts(), std::to_string(3 - i) + " full expires");
  }
  remove(all[3]);
  EXPECT_EQ(counts(), "0 writable");
}

// Whoever made them wrong: a queue without messages takes new ones.
TEST_F(MessageCounts, AreRightAgainWhenTheQueueIsEmpty) {
  for (const int wrong : {10, 1}) {
    std::vector<MessagePtr> all;
    for (std::uint64_t i = 1; i <= 3; ++i) all.push_back(add(make_message(random_, i, 10)));
    all.push_back(add(make_quota_marker(random_, 4)));
    Cluster::instance().run(settings_.schema, "UPDATE msg_queues SET msg_queue_size = " + std::to_string(wrong));
    for (const auto& each : all) remove(each);
    const auto loaded = run_->load(queue_);
    ASSERT_TRUE(loaded && *loaded);
    EXPECT_EQ((*loaded)->message_count, 0u);
    EXPECT_FALSE((*loaded)->full);
    EXPECT_EQ(counts(), "0 writable") << wrong;
  }
}

}  // namespace
}  // namespace simplex::smp::stores
