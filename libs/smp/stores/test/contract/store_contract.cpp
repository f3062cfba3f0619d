#include "store_contract.hpp"

#include "expectations.hpp"

namespace simplex::smp::stores {

using namespace server;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

void StoreContract::open(std::size_t shards) { run_ = std::make_unique<StoreRun>(open_backend(0), shards); }

void StoreContract::reopen(std::size_t shards) {
  ASSERT_TRUE(went_well(run_->close()));
  run_.reset();
  open(shards);
}

std::unique_ptr<StoreBackend> StoreContract::open_backend(std::size_t store) {
  auto opened = place_->open(store);
  if (!opened) {
    ADD_FAILURE() << opened.error().message;
    std::abort();  // no test goes on without a store
  }
  return std::move(*opened);
}

State StoreContract::state(std::size_t store) {
  if (run_) EXPECT_TRUE(went_well(run_->close()));
  run_.reset();
  const auto backend = open_backend(store);
  CollectingSink sink;
  const auto totals = backend->export_to(sink, [](const StoreTotals&) {});
  EXPECT_TRUE(went_well(totals));
  EXPECT_FALSE(sink.committed) << "who gave the sink commits it";
  if (totals) {
    EXPECT_EQ(totals->queues, sink.state.queues.size());
    std::size_t messages = 0;
    for (const auto& [queue, kept] : sink.state.messages) messages += kept.size();
    EXPECT_EQ(totals->messages, messages);
  }
  EXPECT_TRUE(went_well(backend->close()));
  return std::move(sink.state);
}

QueueRecord StoreContract::created(QueueRecord queue) {
  EXPECT_TRUE(went_well(run_->create(queue)));
  return queue;
}

std::string StoreContract::loaded(const RecipientId& queue) {
  const auto found = run_->load(queue);
  if (!found) return found.error().message;
  return *found ? format_queue((*found)->record) : "none";
}

std::vector<std::string> StoreContract::messages(const RecipientId& queue) {
  const auto found = run_->load_messages(queue, 100'000'000);
  if (!found) return {found.error().message};
  return texts_of(*found);
}

}  // namespace simplex::smp::stores
