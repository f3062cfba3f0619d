// Export, import, removal.
#include "expectations.hpp"

namespace simplex::smp::stores {

using namespace server;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_P(StoreContract, AStateGoesFromOneStoreToAnother) {
  open(2);
  const auto service = make_service(random_, ServiceRole::messaging);
  ASSERT_TRUE(run_->write(NewService{service}));
  for (int i = 0; i < 30; ++i) {
    auto queue = i % 2 == 0 ? make_full_queue(random_) : make_queue(random_);
    if (i % 4 == 0) queue.service = service.id;
    if (i % 7 == 0) queue.status = QueueStatus::suspended;
    if (i % 11 == 0) {
      queue.status = QueueStatus::blocked;
      queue.blocking = std::make_unique<Blocking>(Blocking{BlockingReason::spam, "{\"a\":1}"});
    }
    const auto id = created(std::move(queue)).recipient_id;
    std::uint64_t position = 1;
    for (int n = 0; n < i % 5; ++n) ASSERT_TRUE(run_->add(id, make_message(random_, position++, 700)));
    if (i % 6 == 0) ASSERT_TRUE(run_->add(id, make_quota_marker(random_, position++)));
  }
  const auto whole = state();
  EXPECT_THAT(whole.services, SizeIs(1));
  EXPECT_THAT(whole.queues, SizeIs(30));

  {
    const auto from = open_backend(0);
    const auto to = open_backend(1);
    auto sink = to->import();
    ASSERT_TRUE(went_well(sink));
    StoreTotals last;
    const auto totals = from->export_to(**sink, [&](const StoreTotals& so_far) {
      EXPECT_GE(so_far.queues, last.queues);
      EXPECT_GE(so_far.messages, last.messages);
      last = so_far;
    });
    ASSERT_TRUE(went_well(totals));
    ASSERT_TRUE(went_well((*sink)->commit()));
    sink->reset();
    EXPECT_EQ(to->totals().queues, totals->queues);
    EXPECT_EQ(to->totals().messages, totals->messages);
    EXPECT_EQ(to->totals().notifiers, 15U);
    EXPECT_TRUE(failed_with(ErrorKind::conflict, to->import()));
    ASSERT_TRUE(went_well(from->close()));
    ASSERT_TRUE(went_well(to->close()));
  }
  EXPECT_EQ(state(1), whole);
  EXPECT_EQ(state(0), whole);

  // What was imported is served, and goes on.
  run_ = std::make_unique<StoreRun>(open_backend(1), 2);
  for (const auto& [id, kept] : whole.messages) {
    const auto queue = *RecipientId::from(as_bytes(id));
    EXPECT_EQ(messages(queue), kept);
    const auto found = run_->load(queue);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->message_count, kept.size());
    EXPECT_EQ((*found)->full, kept.back().ends_with(" quota"));
    const auto message = make_message(random_, (*found)->next_position, 20);
    ASSERT_TRUE(run_->add(queue, message));
    auto expected = kept;
    expected.push_back(text_of(*message));
    EXPECT_EQ(messages(queue), expected);
  }
}

TEST_P(StoreContract, AnImportThatWasCutShortIsNotServed) {
  {
    const auto backend = open_backend(0);
    auto sink = backend->import();
    ASSERT_TRUE(went_well(sink));
    const auto queue = make_queue(random_);
    ASSERT_TRUE((*sink)->add_queue(queue));
    ASSERT_TRUE((*sink)->add_message(queue.recipient_id, *make_message(random_, 1, 100)));
    sink->reset();
    ASSERT_TRUE(went_well(backend->close()));
  }
  auto opened = place_->open(0);
  if (!opened) return;  // it says so
  EXPECT_EQ((*opened)->totals().queues, 0U);
  auto again = (*opened)->import();
  ASSERT_TRUE(went_well(again));
  ASSERT_TRUE(went_well((*again)->commit()));
  again->reset();
  ASSERT_TRUE(went_well((*opened)->close()));
  opened->reset();
  EXPECT_EQ(state(), State{});
}

TEST_P(StoreContract, MessagesAndThenEverythingCanBeRemoved) {
  open(1);
  ASSERT_TRUE(run_->write(NewService{make_service(random_, ServiceRole::messaging)}));
  const auto id = created(make_full_queue(random_)).recipient_id;
  ASSERT_TRUE(run_->add(id, make_message(random_, 1, 100)));
  ASSERT_TRUE(run_->add(id, make_quota_marker(random_, 2)));
  auto whole = state();
  const auto remove = [&](StoreBackend::Contents contents) {
    const auto backend = open_backend(0);
    auto removed = backend->remove(contents);
    EXPECT_TRUE(went_well(backend->close()));
    return removed;
  };
  EXPECT_TRUE(failed_with(ErrorKind::conflict, remove(StoreBackend::Contents::queues)));
  EXPECT_EQ(state(), whole);
  EXPECT_TRUE(went_well(remove(StoreBackend::Contents::messages)));
  whole.messages.clear();
  EXPECT_EQ(state(), whole);
  open(1);
  const auto found = run_->load(id);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->message_count, 0U);
  EXPECT_FALSE((*found)->full);
  EXPECT_EQ(run_->backend().totals().messages, 0U);
  ASSERT_TRUE(run_->close());
  run_.reset();
  EXPECT_TRUE(went_well(remove(StoreBackend::Contents::queues)));
  EXPECT_THAT(state().queues, IsEmpty());
  EXPECT_TRUE(went_well(remove(StoreBackend::Contents::all)));
  EXPECT_EQ(state(), State{});
  open(1);
  EXPECT_EQ(run_->backend().totals().queues, 0U);
  EXPECT_EQ(run_->backend().totals().notifiers, 0U);
}

}  // namespace simplex::smp::stores
