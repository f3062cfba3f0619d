// A connection that breaks at the worst moment: around a commit. Whoever asked gets the answer that is true, and what
// was asked for is done once.
#include "cut_wire.hpp"
#include "postgres/backend.hpp"
#include "postgres_place.hpp"

namespace simplex::smp::stores {
namespace {

using namespace server;
using server::RecipientId;
using Loses = CutWire::Loses;

class LostCommits : public ::testing::TestWithParam<Loses> {
 protected:
  LostCommits() {
    settings_.connection = wire_.connection();
    settings_.operation_timeout = std::chrono::seconds(50);
    auto opened = postgres::Backend::open(settings_, logger_);
    if (!opened) {
      ADD_FAILURE() << opened.error().message;
      std::abort();  // no test goes on without a store
    }
    run_ = std::make_unique<StoreRun>(std::move(*opened), 1);
  }
  // The change goes well, although the connection is cut at its commit.
  void expect_done(const std::function<Result<>()>& change) {
    wire_.cut_at_next_commit(GetParam());
    const auto result = change();
    EXPECT_TRUE(result) << result.error().message;
    wire_.await_cut();
  }
  QueueRecord created() {
    auto queue = make_queue(random_);
    const auto made = run_->create(queue);
    EXPECT_TRUE(made) << made.error().message;
    return queue;
  }
  std::vector<std::string> messages(const RecipientId& queue) {
    const auto found = run_->load_messages(queue, 100'000'000);
    return found ? texts_of(*found) : std::vector{found.error().message};
  }
  // As the database has them, counted in two ways.
  void expect_messages(std::size_t count) {
    auto& cluster = Cluster::instance();
    const auto expected = static_cast<std::int64_t>(count);
    EXPECT_EQ(cluster.number(settings_.schema, "SELECT count(*) FROM messages"), expected);
    EXPECT_EQ(cluster.number(settings_.schema, "SELECT coalesce(sum(msg_queue_size), 0) FROM msg_queues"), expected);
  }

  testing::SeededRandom random_{9};
  LoggedLines logger_;
  CutWire wire_;
  PostgresSettings settings_ = PostgresPlace().settings(0);
  std::unique_ptr<StoreRun> run_;
};

INSTANTIATE_TEST_SUITE_P(Cut, LostCommits, ::testing::Values(Loses::question, Loses::answer, Loses::nothing),
                         [](const ::testing::TestParamInfo<Loses>& loses) {
                           return loses.param == Loses::question ? "BeforeIt"
                                  : loses.param == Loses::answer ? "AfterIt"
                                                                 : "WhileItIsOnItsWay";
                         });

TEST_P(LostCommits, AMessageIsStoredOnce) {
  const auto queue = created().recipient_id;
  std::vector<std::string> expected;
  for (std::uint64_t position = 1; position <= 10; ++position) {
    const auto message = make_message(random_, position, 3'000);
    expected.push_back(text_of(*message));
    expect_done([&] { return run_->add(queue, message); });
    EXPECT_EQ(messages(queue), expected);
  }
  expect_messages(10);
  EXPECT_EQ(run_->backend().totals().messages, 10U);
}

TEST_P(LostCommits, AMessageIsRemovedOnce) {
  const auto queue = created().recipient_id;
  std::vector<MessagePtr> stored;
  for (std::uint64_t position = 1; position <= 6; ++position) {
    stored.push_back(make_message(random_, position, 100));
    ASSERT_TRUE(run_->add(queue, stored.back()));
  }
  for (std::size_t i = 0; i < 5; ++i) {
    expect_done([&] { return run_->remove(queue, stored[i]); });
    EXPECT_EQ(messages(queue).size(), 5 - i);
    EXPECT_EQ(messages(queue).front(), text_of(*stored[i + 1])) << "only the one that was acknowledged is gone";
  }
  expect_messages(1);
  EXPECT_EQ(run_->backend().totals().messages, 1U);
}

TEST_P(LostCommits, ATurnIsDoneAsAWhole) {
  const auto queue = created().recipient_id;
  std::vector<std::string> expected;
  MessagePtr last;
  std::uint64_t position = 1;
  for (int round = 0; round < 5; ++round) {
    wire_.cut_at_next_commit(GetParam());
    std::vector<std::future<Result<>>> done;
    run_->turn(0, [&](Turn& turn) {
      for (int i = 0; i < 20; ++i) {
        last = make_message(random_, position++, 500);
        expected.push_back(text_of(*last));
        done.push_back(turn.add(queue, last));
      }
    });
    for (auto& one : done) EXPECT_TRUE(await(std::move(one)));
    wire_.await_cut();
    EXPECT_EQ(messages(queue), expected);
  }
  expect_messages(100);
}

TEST_P(LostCommits, AQueueIsMadeChangedAndDeletedOnce) {
  auto queue = make_full_queue(random_);
  const auto key = queue.sender_key;
  queue.sender_key = std::nullopt;
  expect_done([&] { return run_->create(queue); });
  EXPECT_EQ(run_->backend().totals().queues, 1U);
  const auto again = run_->create(queue);
  ASSERT_FALSE(again) << "the answer is as ever for who really asks twice";
  EXPECT_EQ(again.error().kind, ErrorKind::conflict);
  const auto id = queue.recipient_id;
  expect_done([&] { return run_->write(SecureQueue{id, *key}); });
  expect_done([&] { return run_->write(DeleteLink{id}); });
  expect_done([&] { return run_->write(DeleteNotifier{id}); });
  expect_done([&] { return run_->write(AddNotifier{id, make_notifier(random_)}); });
  expect_done([&] { return run_->write(SuspendQueue{id}); });
  const auto found = run_->load(id);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->record.sender_key, key);
  EXPECT_FALSE((*found)->record.link);
  EXPECT_TRUE((*found)->record.notifier);
  ASSERT_TRUE(run_->add(id, make_message(random_, 1, 100)));
  expect_done([&] { return run_->write(DeleteQueue{id}); });
  EXPECT_EQ(run_->backend().totals().queues, 0U);
  expect_messages(0);
  EXPECT_FALSE(run_->load(id).value().has_value());
}

TEST_P(LostCommits, AServiceIsKeptOnce) {
  const auto service = make_service(random_, ServiceRole::messaging);
  expect_done([&] { return run_->write(NewService{service}); });
  const auto queue = created().recipient_id;
  expect_done([&] { return run_->write(QueueService{queue, ServiceParty::recipient, service.id}); });
  EXPECT_EQ(run_->service_queues(0, service.id, ServiceParty::recipient, std::nullopt, 10).value().size(), 1U);
  EXPECT_EQ(Cluster::instance().number(settings_.schema, "SELECT queue_count FROM services"), 1);
  expect_done([&] { return run_->write(QueueService{queue, ServiceParty::recipient, std::nullopt}); });
  EXPECT_EQ(Cluster::instance().number(settings_.schema, "SELECT queue_count FROM services"), 0);
}

}  // namespace
}  // namespace simplex::smp::stores
