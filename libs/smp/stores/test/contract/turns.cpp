// Calls of one turn of a loop, of several shards, and at the end.
#include "expectations.hpp"

namespace simplex::smp::stores {

using namespace server;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::SizeIs;

TEST_P(StoreContract, ATurnIsSeenByItsOwnReadsAndAnsweredInOrder) {
  open(1);
  const auto queue = make_full_queue(random_);
  const auto id = queue.recipient_id;
  const auto first = make_message(random_, 1, 3'000);
  const auto second = make_message(random_, 2, 3'000);
  const auto key = UpdateKeys{id, {crypto::generate_ed25519(random_).public_key}};
  std::vector<std::future<Result<>>> changes;
  std::future<Result<std::optional<LoadedQueue>>> before;
  std::future<Result<std::optional<LoadedQueue>>> after;
  std::future<Result<std::vector<MessagePtr>>> both;
  std::future<Result<std::optional<RecipientId>>> found;
  run_->turn(0, [&](Turn& turn) {
    before = turn.load(id);
    changes.push_back(turn.create(queue));
    changes.push_back(turn.add(id, first));
    changes.push_back(turn.add(id, second));
    both = turn.load_messages(id, 10'000);
    changes.push_back(turn.remove(id, first));
    changes.push_back(turn.write(key));
    found = turn.find(IdKind::sender, directory_id(queue.sender_id));
    after = turn.load(id);
  });
  const auto loaded_before = await(std::move(before));
  ASSERT_TRUE(went_well(loaded_before));
  EXPECT_FALSE(loaded_before->has_value());
  for (auto& change : changes) EXPECT_TRUE(went_well(await(std::move(change))));
  const auto two = await(std::move(both));
  ASSERT_TRUE(went_well(two));
  EXPECT_EQ(texts_of(*two), texts_of({first, second}));
  EXPECT_THAT(await(std::move(found)), Eq(id));
  const auto loaded_after = await(std::move(after));
  ASSERT_TRUE(loaded_after && *loaded_after);
  EXPECT_EQ((*loaded_after)->record.recipient_keys, key.recipient_keys);
  EXPECT_EQ(texts_of((*loaded_after)->messages), texts_of({second}));
  EXPECT_EQ((*loaded_after)->message_count, 1U);
  EXPECT_THAT(run_->order(0), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
}

TEST_P(StoreContract, ABadChangeSpoilsNoOtherOfItsTurn) {
  open(1);
  const auto old = created(make_full_queue(random_));
  std::vector<QueueRecord> queues;
  std::vector<std::future<Result<>>> good;
  std::vector<std::future<Result<>>> bad;
  run_->turn(0, [&](Turn& turn) {
    for (int i = 0; i < 20; ++i) {
      queues.push_back(make_full_queue(random_));
      good.push_back(turn.create(queues.back()));
      auto taken = make_queue(random_);
      taken.sender_id = old.sender_id;
      bad.push_back(turn.create(taken));
      good.push_back(turn.add(queues.back().recipient_id, make_message(random_, 1, 50)));
      bad.push_back(turn.add(taken.recipient_id, make_message(random_, 1, 50)));
      bad.push_back(turn.write(CreateLink{queues.back().recipient_id, *old.link}));
    }
  });
  for (auto& change : good) EXPECT_TRUE(went_well(await(std::move(change))));
  for (auto& change : bad) EXPECT_FALSE(await(std::move(change)));
  reopen(2);
  for (const auto& queue : queues) {
    EXPECT_EQ(loaded(queue.recipient_id), format_queue(queue));
    EXPECT_THAT(messages(queue.recipient_id), SizeIs(1));
  }
}

TEST_P(StoreContract, ShardsWorkAtTheSameTime) {
  constexpr std::size_t shards = 4;
  open(shards);
  std::vector<std::vector<QueueRecord>> queues(shards);
  while (std::ranges::any_of(queues, [](const auto& some) { return some.size() < 5; })) {
    auto queue = make_full_queue(random_);
    queues[run_->shard_of(queue.recipient_id)].push_back(std::move(queue));
  }
  std::vector<testing::SeededRandom> randoms;
  for (std::size_t i = 0; i < shards; ++i) randoms.emplace_back(i);
  std::vector<std::thread> threads;
  for (std::size_t shard = 0; shard < shards; ++shard) {
    threads.emplace_back([&, shard] {
      for (const auto& queue : queues[shard]) EXPECT_TRUE(went_well(run_->create(queue)));
      for (std::uint64_t round = 1; round <= 20; ++round) {
        std::vector<std::future<Result<>>> done;
        run_->turn(shard, [&](Turn& turn) {
          for (const auto& queue : queues[shard]) {
            done.push_back(turn.add(queue.recipient_id, make_message(randoms[shard], round, 200)));
          }
        });
        for (auto& change : done) EXPECT_TRUE(went_well(await(std::move(change))));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::size_t count = 0;
  for (const auto& some : queues) count += some.size();
  EXPECT_EQ(run_->backend().totals().queues, count);
  EXPECT_EQ(run_->backend().totals().messages, count * 20);
  EXPECT_EQ(run_->backend().totals().notifiers, count);
  reopen(3);
  for (const auto& some : queues) {
    for (const auto& queue : some) {
      EXPECT_EQ(loaded(queue.recipient_id), format_queue(queue));
      EXPECT_THAT(messages(queue.recipient_id), SizeIs(20));
    }
  }
}

TEST_P(StoreContract, ClosingWritesWhatWaitsAndAnswersEveryCall) {
  open(1);
  const auto queue = make_full_queue(random_);
  const auto id = queue.recipient_id;
  // The turn has no flush, and the loop stops before it could be told anything.
  int done = 0;
  bool found = false;
  std::vector<Result<>> results;
  run_->turn(0, [&](Turn&) {
    auto& store = run_->store(0);
    store.write(CreateQueue{queue.clone()}, [&](Result<> result) {
      ++done;
      results.push_back(std::move(result));
    });
    for (std::uint64_t i = 1; i <= 10; ++i) {
      store.add_message(id, make_message(random_, i, 5'000), [&](Result<> result) {
        ++done;
        results.push_back(std::move(result));
      });
    }
    store.load(id, [&](Result<std::optional<LoadedQueue>> got) { found = got && got->has_value(); });
  });
  EXPECT_TRUE(went_well(run_->close()));
  EXPECT_EQ(done, 11);
  EXPECT_TRUE(found);
  for (const auto& result : results) EXPECT_TRUE(went_well(result));
  run_.reset();
  open(1);
  EXPECT_THAT(messages(id), SizeIs(10));
}

// ---- totals

TEST_P(StoreContract, TotalsFollowTheChangesAndARestart) {
  open(2);
  const auto totals = [&] {
    const auto got = run_->backend().totals();
    return std::array{got.queues, got.messages, got.notifiers};
  };
  using Totals = std::array<std::uint64_t, 3>;
  EXPECT_EQ(totals(), (Totals{0, 0, 0}));
  const auto full = created(make_full_queue(random_));
  const auto plain = created(make_queue(random_));
  EXPECT_EQ(totals(), (Totals{2, 0, 1}));
  const auto message = make_message(random_, 1, 10);
  ASSERT_TRUE(run_->add(full.recipient_id, message));
  ASSERT_TRUE(run_->add(full.recipient_id, make_message(random_, 2, 10)));
  ASSERT_TRUE(run_->add(plain.recipient_id, make_message(random_, 1, 10)));
  EXPECT_EQ(totals(), (Totals{2, 3, 1}));
  ASSERT_TRUE(run_->remove(full.recipient_id, message));
  ASSERT_TRUE(run_->remove(full.recipient_id, message));
  EXPECT_EQ(totals(), (Totals{2, 2, 1}));
  ASSERT_TRUE(run_->write(AddNotifier{full.recipient_id, make_notifier(random_)}));
  ASSERT_TRUE(run_->write(AddNotifier{plain.recipient_id, make_notifier(random_)}));
  EXPECT_EQ(totals(), (Totals{2, 2, 2}));
  ASSERT_TRUE(run_->write(DeleteNotifier{plain.recipient_id}));
  ASSERT_TRUE(run_->write(DeleteNotifier{plain.recipient_id}));
  EXPECT_EQ(totals(), (Totals{2, 2, 1}));
  reopen(1);
  EXPECT_EQ(totals(), (Totals{2, 2, 1}));
  ASSERT_TRUE(run_->write(DeleteQueue{full.recipient_id}));
  EXPECT_EQ(totals(), (Totals{1, 1, 0}));
  EXPECT_FALSE(run_->create(plain));
  EXPECT_EQ(totals(), (Totals{1, 1, 0}));
  reopen(2);
  EXPECT_EQ(totals(), (Totals{1, 1, 0}));
}

}  // namespace simplex::smp::stores
