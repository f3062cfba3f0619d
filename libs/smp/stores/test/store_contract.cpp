#include "store_contract.hpp"

namespace simplex::smp::stores {

using namespace server;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::IsEmpty;
using ::testing::SizeIs;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

namespace {

constexpr std::int64_t noon = 1'795'392'000;

template <class T>
::testing::AssertionResult failed_with(ErrorKind kind, const Result<T>& result) {
  if (result) return ::testing::AssertionFailure() << "it went well";
  if (result.error().kind != kind) {
    return ::testing::AssertionFailure() << name_of(result.error().kind) << ": " << result.error().message;
  }
  return ::testing::AssertionSuccess();
}

template <class T>
::testing::AssertionResult went_well(const Result<T>& result) {
  if (result) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << name_of(result.error().kind) << ": " << result.error().message;
}

// Oldest first, later than what came before, and all before the next one.
void expect_positions(const std::vector<MessagePtr>& messages, std::uint64_t next_position) {
  std::uint64_t last = 0;
  for (const auto& message : messages) {
    EXPECT_GT(message->position, last);
    last = message->position;
  }
  EXPECT_GT(next_position, last);
}

}  // namespace

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

// ---- queues

TEST_P(StoreContract, AQueueIsFoundAsItWasMade) {
  open(1);
  EXPECT_TRUE(run_->store(0).keeps_everything());
  EXPECT_EQ(loaded(make_recipient_id(random_)), "none");
  const auto plain = created(make_queue(random_));
  const auto full = created(make_full_queue(random_));
  EXPECT_EQ(loaded(plain.recipient_id), format_queue(plain));
  EXPECT_EQ(loaded(full.recipient_id), format_queue(full));
  const auto found = run_->load(full.recipient_id);
  ASSERT_TRUE(found && *found);
  EXPECT_THAT((*found)->messages, IsEmpty());
  EXPECT_EQ((*found)->message_count, 0U);
  EXPECT_GT((*found)->next_position, 0U);
  EXPECT_FALSE((*found)->full);
}

TEST_P(StoreContract, EveryIdLeadsToItsQueueFromEveryShard) {
  open(3);
  const auto queue = created(make_full_queue(random_));
  const auto other = created(make_queue(random_));
  for (std::size_t shard = 0; shard < 3; ++shard) {
    EXPECT_THAT(run_->find(IdKind::sender, directory_id(queue.sender_id), shard), Eq(queue.recipient_id));
    EXPECT_THAT(run_->find(IdKind::link, directory_id(queue.link->id), shard), Eq(queue.recipient_id));
    EXPECT_THAT(run_->find(IdKind::notifier, directory_id(queue.notifier->id), shard), Eq(queue.recipient_id));
    EXPECT_THAT(run_->find(IdKind::sender, directory_id(other.sender_id), shard), Eq(other.recipient_id));
    // An id is of one kind only.
    EXPECT_THAT(run_->find(IdKind::link, directory_id(queue.sender_id), shard), Eq(std::nullopt));
    EXPECT_THAT(run_->find(IdKind::sender, directory_id(queue.recipient_id), shard), Eq(std::nullopt));
  }
}

TEST_P(StoreContract, TakenIdsAreAConflictAndChangeNothing) {
  open(2);
  const auto queue = created(make_full_queue(random_));
  const auto expect_conflict = [&](const std::function<void(QueueRecord&)>& take) {
    auto other = make_full_queue(random_);
    take(other);
    EXPECT_TRUE(failed_with(ErrorKind::conflict, run_->create(other)));
    if (other.recipient_id != queue.recipient_id) EXPECT_EQ(loaded(other.recipient_id), "none");
  };
  expect_conflict([&](QueueRecord& other) { other.recipient_id = queue.recipient_id; });
  expect_conflict([&](QueueRecord& other) { other.sender_id = queue.sender_id; });
  expect_conflict([&](QueueRecord& other) { other.link = queue.link; });
  expect_conflict([&](QueueRecord& other) { other.notifier->id = queue.notifier->id; });
  EXPECT_EQ(loaded(queue.recipient_id), format_queue(queue));

  const auto other = created(make_queue(random_));
  EXPECT_TRUE(failed_with(ErrorKind::conflict, run_->write(CreateLink{other.recipient_id, *queue.link})));
  EXPECT_TRUE(failed_with(ErrorKind::conflict, run_->write(AddNotifier{other.recipient_id, queue.notifier->clone()})));
  EXPECT_EQ(loaded(other.recipient_id), format_queue(other));
  EXPECT_THAT(run_->find(IdKind::link, directory_id(queue.link->id)), Eq(queue.recipient_id));
}

TEST_P(StoreContract, EveryChangeOfAQueueIsKept) {
  open(1);
  auto queue = make_queue(random_);
  ASSERT_TRUE(run_->create(queue));
  const auto service = make_service(random_, ServiceRole::messaging);
  const auto notifications = make_service(random_, ServiceRole::notifier);
  ASSERT_TRUE(run_->write(NewService{service}));
  ASSERT_TRUE(run_->write(NewService{notifications}));
  const auto id = queue.recipient_id;
  auto link = make_link(random_);

  const auto change = [&](const StoreRecord& record) {
    ASSERT_TRUE(apply_change(record, queue));
    EXPECT_TRUE(went_well(run_->write(record))) << format_record(record);
    EXPECT_EQ(loaded(id), format_queue(queue)) << format_record(record);
  };
  change(CreateLink{id, link});
  link.user = random_.bytes(700);
  change(CreateLink{id, link});
  change(DeleteLink{id});
  change(CreateLink{id, make_link(random_)});
  const SecureQueue secure{id, crypto::generate_x25519(random_).public_key};
  change(secure);
  change(secure);
  change(UpdateKeys{id, {crypto::generate_x25519(random_).public_key, crypto::generate_ed448(random_).public_key}});
  change(AddNotifier{id, make_notifier(random_)});
  change(AddNotifier{id, make_notifier(random_)});
  change(QueueService{id, ServiceParty::notifier, notifications.id});
  change(QueueService{id, ServiceParty::recipient, service.id});
  change(QueueService{id, ServiceParty::notifier, std::nullopt});
  change(QueueService{id, ServiceParty::recipient, std::nullopt});
  change(QueueService{id, ServiceParty::notifier, notifications.id});
  change(QueueService{id, ServiceParty::recipient, service.id});
  change(AddNotifier{id, make_notifier(random_)});  // takes it from the service
  change(DeleteNotifier{id});
  change(SuspendQueue{id});
  change(BlockQueue{id, {BlockingReason::content, "{\"blockedUntil\":\"2027-01-01\"}"}});
  change(BlockQueue{id, {BlockingReason::spam, std::nullopt}});
  change(UnblockQueue{id});
  change(UpdateTime{id, date_of(noon + 86'400)});
  reopen(1);
  EXPECT_EQ(loaded(id), format_queue(queue));
}

TEST_P(StoreContract, IdsThatAQueueGaveUpLeadNowhere) {
  open(1);
  const auto queue = created(make_full_queue(random_));
  const auto id = queue.recipient_id;
  ASSERT_TRUE(run_->write(DeleteLink{id}));
  EXPECT_THAT(run_->find(IdKind::link, directory_id(queue.link->id)), Eq(std::nullopt));
  const auto notifier = make_notifier(random_);
  ASSERT_TRUE(run_->write(AddNotifier{id, notifier.clone()}));
  EXPECT_THAT(run_->find(IdKind::notifier, directory_id(queue.notifier->id)), Eq(std::nullopt));
  EXPECT_THAT(run_->find(IdKind::notifier, directory_id(notifier.id)), Eq(id));
  ASSERT_TRUE(run_->write(DeleteNotifier{id}));
  EXPECT_THAT(run_->find(IdKind::notifier, directory_id(notifier.id)), Eq(std::nullopt));
  // They are free for others.
  const auto other = created(make_queue(random_));
  EXPECT_TRUE(went_well(run_->write(CreateLink{other.recipient_id, *queue.link})));
  EXPECT_TRUE(went_well(run_->write(AddNotifier{other.recipient_id, notifier.clone()})));
  EXPECT_THAT(run_->find(IdKind::link, directory_id(queue.link->id)), Eq(other.recipient_id));
}

TEST_P(StoreContract, ChangesThatTheQueueForbidsAreConflicts) {
  open(1);
  const auto queue = created(make_full_queue(random_));
  const auto id = queue.recipient_id;
  EXPECT_TRUE(
      failed_with(ErrorKind::conflict, run_->write(SecureQueue{id, crypto::generate_ed25519(random_).public_key})));
  EXPECT_TRUE(failed_with(ErrorKind::conflict, run_->write(CreateLink{id, make_link(random_)})));
  auto link = *queue.link;
  link.fixed = random_.bytes(20);
  EXPECT_TRUE(failed_with(ErrorKind::conflict, run_->write(CreateLink{id, link})));
  const auto plain = created(make_queue(random_));
  const auto service = make_service(random_, ServiceRole::notifier);
  ASSERT_TRUE(run_->write(NewService{service}));
  EXPECT_TRUE(failed_with(ErrorKind::conflict,
                          run_->write(QueueService{plain.recipient_id, ServiceParty::notifier, service.id})));
  EXPECT_EQ(loaded(id), format_queue(queue));
  EXPECT_EQ(loaded(plain.recipient_id), format_queue(plain));
}

TEST_P(StoreContract, WhatConcernsAQueueThatIsNotThereIsNotFound) {
  open(1);
  const auto nobody = make_recipient_id(random_);
  const auto key = crypto::generate_ed25519(random_).public_key;
  EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->write(SecureQueue{nobody, key})));
  EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->write(UpdateKeys{nobody, {key}})));
  EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->write(CreateLink{nobody, make_link(random_)})));
  EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->write(DeleteLink{nobody})));
  EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->write(AddNotifier{nobody, make_notifier(random_)})));
  EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->write(DeleteNotifier{nobody})));
  EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->write(SuspendQueue{nobody})));
  EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->write(BlockQueue{nobody, {}})));
  EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->write(UnblockQueue{nobody})));
  EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->write(UpdateTime{nobody, date_of(noon)})));
  EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->write(DeleteQueue{nobody})));
  EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->write(QueueService{nobody, {}, std::nullopt})));
  EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->add(nobody, make_message(random_, 1, 10))));
  EXPECT_TRUE(went_well(run_->remove(nobody, make_message(random_, 1, 10))));
  EXPECT_THAT(messages(nobody), IsEmpty());
}

TEST_P(StoreContract, ADeletedQueueLeavesNothing) {
  open(2);
  const auto queue = created(make_full_queue(random_));
  const auto id = queue.recipient_id;
  ASSERT_TRUE(run_->add(id, make_message(random_, 1, 10)));
  ASSERT_TRUE(run_->write(DeleteQueue{id}));
  const auto expect_nothing = [&] {
    EXPECT_EQ(loaded(id), "none");
    EXPECT_THAT(messages(id), IsEmpty());
    EXPECT_THAT(run_->find(IdKind::sender, directory_id(queue.sender_id)), Eq(std::nullopt));
    EXPECT_THAT(run_->find(IdKind::link, directory_id(queue.link->id)), Eq(std::nullopt));
    EXPECT_THAT(run_->find(IdKind::notifier, directory_id(queue.notifier->id)), Eq(std::nullopt));
    EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->add(id, make_message(random_, 2, 10))));
    EXPECT_TRUE(failed_with(ErrorKind::not_found, run_->write(DeleteQueue{id})));
  };
  expect_nothing();
  reopen(2);
  expect_nothing();
  EXPECT_EQ(state(), State{});
}

// ---- messages

TEST_P(StoreContract, MessagesComeBackInTheirOrder) {
  open(2);
  const auto queue = created(make_queue(random_));
  const auto id = queue.recipient_id;
  std::vector<MessagePtr> sent;
  for (std::uint64_t i = 1; i <= 40; ++i) {
    sent.push_back(make_message(random_, i, i % 3 == 0 ? 16'000 : i, noon + static_cast<std::int64_t>(i / 4)));
    ASSERT_TRUE(run_->add(id, sent.back()));
  }
  EXPECT_EQ(messages(id), texts_of(sent));
  reopen(1);
  EXPECT_EQ(messages(id), texts_of(sent));
  const auto found = run_->load(id);
  ASSERT_TRUE(found && *found);
  const auto& queue_found = **found;
  EXPECT_EQ(queue_found.message_count, 40U);
  EXPECT_FALSE(queue_found.full);
  ASSERT_FALSE(queue_found.messages.empty());
  const auto texts = texts_of(queue_found.messages);
  auto oldest = texts_of(sent);
  oldest.resize(texts.size());
  EXPECT_EQ(texts, oldest);
  const auto all = run_->load_messages(id, 100'000'000);
  ASSERT_TRUE(all);
  expect_positions(*all, queue_found.next_position);
}

TEST_P(StoreContract, AWindowOfMessagesIsAsLargeAsAskedFor) {
  open(1);
  const auto id = created(make_queue(random_)).recipient_id;
  std::vector<MessagePtr> sent;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    sent.push_back(make_message(random_, i, 1'000));
    ASSERT_TRUE(run_->add(id, sent.back()));
  }
  const auto window = [&](std::size_t octets) {
    const auto got = run_->load_messages(id, octets);
    return got ? got->size() : 1'000'000;
  };
  EXPECT_EQ(window(0), 1U);
  EXPECT_EQ(window(999), 1U);
  EXPECT_EQ(window(1'999), 1U);
  EXPECT_EQ(window(2'000), 2U);
  EXPECT_EQ(window(4'999), 4U);
  EXPECT_EQ(window(5'000), 5U);
  ASSERT_TRUE(run_->remove(id, sent[0]));
  const auto got = run_->load_messages(id, 2'500);
  ASSERT_TRUE(got);
  EXPECT_EQ(texts_of(*got), texts_of({sent[1], sent[2]}));
}

TEST_P(StoreContract, MessagesAreRemovedOnceAndOthersStay) {
  open(1);
  const auto id = created(make_queue(random_)).recipient_id;
  std::vector<MessagePtr> sent;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    sent.push_back(make_message(random_, i, 100));
    ASSERT_TRUE(run_->add(id, sent.back()));
  }
  ASSERT_TRUE(run_->remove(id, sent[0]));
  EXPECT_EQ(messages(id), texts_of({sent[1], sent[2]}));
  EXPECT_TRUE(went_well(run_->remove(id, sent[0])));
  EXPECT_EQ(messages(id), texts_of({sent[1], sent[2]}));
  // As the engine has it after a reload.
  const auto found = run_->load_messages(id, 0);
  ASSERT_TRUE(found && found->size() == 1);
  EXPECT_TRUE(went_well(run_->remove(id, found->front())));
  EXPECT_EQ(messages(id), texts_of({sent[2]}));
  ASSERT_TRUE(run_->remove(id, sent[2]));
  EXPECT_THAT(messages(id), IsEmpty());
  ASSERT_TRUE(run_->add(id, make_message(random_, 4, 100)));
  reopen(1);
  EXPECT_THAT(messages(id), SizeIs(1));
}

TEST_P(StoreContract, AQueueIsFullFromItsQuotaMarkerUntilItIsEmpty) {
  open(1);
  const auto id = created(make_queue(random_)).recipient_id;
  const auto message = make_message(random_, 1, 100);
  const auto marker = make_quota_marker(random_, 2);
  ASSERT_TRUE(run_->add(id, message));
  ASSERT_TRUE(run_->add(id, marker));
  const auto full = [&] {
    const auto found = run_->load(id);
    return found && *found && (*found)->full;
  };
  EXPECT_TRUE(full());
  reopen(1);
  EXPECT_TRUE(full());
  EXPECT_EQ(messages(id), texts_of({message, marker}));
  ASSERT_TRUE(run_->remove(id, message));
  EXPECT_TRUE(full());
  ASSERT_TRUE(run_->remove(id, marker));
  EXPECT_FALSE(full());
  ASSERT_TRUE(run_->add(id, make_message(random_, 3, 100)));
  EXPECT_FALSE(full());
}

TEST_P(StoreContract, PositionsGoOnAfterARestart) {
  open(1);
  const auto id = created(make_queue(random_)).recipient_id;
  std::vector<std::string> expected;
  for (int round = 0; round < 3; ++round) {
    const auto found = run_->load(id);
    ASSERT_TRUE(found && *found);
    auto position = (*found)->next_position;
    for (int i = 0; i < 3; ++i) {
      const auto message = make_message(random_, position++, 50);
      expected.push_back(text_of(*message));
      ASSERT_TRUE(run_->add(id, message));
    }
    EXPECT_EQ(messages(id), expected);
    reopen(1);
  }
  EXPECT_EQ(messages(id), expected);
}

// The engine takes what comes back with a higher position for something that it was not told of.
TEST_P(StoreContract, WhatComesBackIsBelowTheNextPositionWhateverOtherQueuesDo) {
  open(1);
  const auto id = created(make_queue(random_)).recipient_id;
  const auto busy = created(make_queue(random_)).recipient_id;
  ASSERT_TRUE(run_->add(id, make_message(random_, 1, 10)));
  reopen(1);
  const auto found = run_->load(id);
  ASSERT_TRUE(found && *found);
  auto next = (*found)->next_position;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    ASSERT_TRUE(run_->add(busy, make_message(random_, i, 10)));
    if (i % 5 == 0) ASSERT_TRUE(run_->add(id, make_message(random_, next++, 10)));
  }
  const auto read = run_->load_messages(id, 1'000);
  ASSERT_TRUE(read);
  EXPECT_THAT(*read, SizeIs(3));
  expect_positions(*read, next);
  ASSERT_TRUE(run_->remove(id, read->front()));
  const auto rest = run_->load_messages(id, 1'000);
  ASSERT_TRUE(rest);
  EXPECT_THAT(*rest, SizeIs(2));
  expect_positions(*rest, next);
}

// ---- turns

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

// ---- services

TEST_P(StoreContract, ServicesAreKept) {
  open(1);
  const auto messaging = make_service(random_, ServiceRole::messaging);
  const auto notifier = make_service(random_, ServiceRole::notifier);
  auto proxy = make_service(random_, ServiceRole::proxy);
  proxy.certificates.resize(1);
  for (const auto& service : {messaging, notifier, proxy}) EXPECT_TRUE(went_well(run_->write(NewService{service})));
  auto same_certificate = make_service(random_, ServiceRole::messaging);
  same_certificate.certificate_hash = messaging.certificate_hash;
  EXPECT_TRUE(failed_with(ErrorKind::conflict, run_->write(NewService{same_certificate})));
  auto same_id = make_service(random_, ServiceRole::messaging);
  same_id.id = notifier.id;
  EXPECT_TRUE(failed_with(ErrorKind::conflict, run_->write(NewService{same_id})));
  reopen(1);
  const auto services = run_->backend().services();
  ASSERT_TRUE(went_well(services));
  EXPECT_THAT(*services, ::testing::UnorderedElementsAre(messaging, notifier, proxy));
}

TEST_P(StoreContract, QueuesOfAServiceAreListedInPieces) {
  open(2);
  const auto service = make_service(random_, ServiceRole::messaging);
  const auto other = make_service(random_, ServiceRole::notifier);
  ASSERT_TRUE(run_->write(NewService{service}));
  ASSERT_TRUE(run_->write(NewService{other}));
  std::array<std::vector<RecipientId>, 2> of_service;
  std::array<std::vector<RecipientId>, 2> of_other;
  std::map<RecipientId, NotifierId> notifiers;
  for (int i = 0; i < 60; ++i) {
    auto queue = make_full_queue(random_);
    const auto shard = run_->shard_of(queue.recipient_id);
    if (i % 3 == 0) {
      queue.service = service.id;
      of_service[shard].push_back(queue.recipient_id);
    }
    if (i % 5 == 0) {
      queue.notifier->service = other.id;
      of_other[shard].push_back(queue.recipient_id);
      notifiers.emplace(queue.recipient_id, queue.notifier->id);
    }
    created(std::move(queue));
  }
  // A queue that the service had, and one that is gone.
  const auto given_up = of_service[0].back();
  of_service[0].pop_back();
  ASSERT_TRUE(run_->write(QueueService{given_up, ServiceParty::recipient, std::nullopt}));
  const auto gone = of_service[1].back();
  of_service[1].pop_back();
  ASSERT_TRUE(run_->write(DeleteQueue{gone}));

  const auto listed = [&](std::size_t shard, const ServiceRecord& whose, ServiceParty party, std::size_t limit) {
    std::vector<RecipientId> made;
    for (std::optional<RecipientId> after;;) {
      auto got = run_->service_queues(shard, whose.id, party, after, limit);
      EXPECT_TRUE(went_well(got));
      if (!got || got->empty()) return made;
      EXPECT_LE(got->size(), limit);
      for (const auto& found : *got) {
        made.push_back(found.queue);
        const auto notifier = notifiers.find(found.queue);
        const bool notified = party == ServiceParty::notifier && notifier != notifiers.end();
        EXPECT_EQ(found.notifier, notified ? std::optional(notifier->second) : std::nullopt);
      }
      after = made.back();
    }
  };
  for (std::size_t shard = 0; shard < 2; ++shard) {
    std::ranges::sort(of_service[shard]);
    std::ranges::sort(of_other[shard]);
    EXPECT_EQ(listed(shard, service, ServiceParty::recipient, 100), of_service[shard]);
    EXPECT_EQ(listed(shard, service, ServiceParty::recipient, 3), of_service[shard]);
    EXPECT_EQ(listed(shard, other, ServiceParty::notifier, 2), of_other[shard]);
    EXPECT_THAT(listed(shard, service, ServiceParty::notifier, 100), IsEmpty());
  }
}

// ---- expiry

TEST_P(StoreContract, OldMessagesExpireInPiecesButNoQuotaMarkers) {
  constexpr std::size_t shards = 2;
  open(shards);
  std::map<RecipientId, std::uint32_t> old;
  std::map<RecipientId, std::vector<std::string>> left;
  for (int i = 0; i < 12; ++i) {
    const auto id = created(make_queue(random_)).recipient_id;
    std::uint64_t position = 1;
    for (int n = 0; n < i; ++n) {
      ASSERT_TRUE(run_->add(id, make_message(random_, position++, 500, noon - 100)));
      ++old[id];
    }
    if (i % 2 == 0) {
      const auto young = make_message(random_, position++, 500, noon);
      ASSERT_TRUE(run_->add(id, young));
      left[id].push_back(text_of(*young));
    } else {
      const auto marker = make_quota_marker(random_, position++, noon - 100);
      ASSERT_TRUE(run_->add(id, marker));
      left[id].push_back(text_of(*marker));
    }
  }
  const auto before = run_->backend().totals().messages;
  std::map<RecipientId, std::uint32_t> expired;
  std::uint32_t count = 0;
  for (std::size_t shard = 0; shard < shards; ++shard) {
    for (;;) {
      const auto got = run_->expire(shard, noon, 7);
      ASSERT_TRUE(went_well(got));
      if (got->empty()) break;
      std::uint32_t in_piece = 0;
      for (const auto& queue : *got) {
        EXPECT_EQ(run_->shard_of(queue.queue), shard);
        EXPECT_GT(queue.messages, 0U);
        expired[queue.queue] += queue.messages;
        in_piece += queue.messages;
      }
      EXPECT_LE(in_piece, 7U);
      count += in_piece;
    }
  }
  EXPECT_EQ(expired, old);
  EXPECT_EQ(run_->backend().totals().messages, before - count);
  for (const auto& [id, messages_left] : left) EXPECT_EQ(messages(id), messages_left);
  for (const auto& [id, messages_left] : left) {
    const auto found = run_->load(id);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->message_count, 1U);
    EXPECT_EQ((*found)->full, (*found)->messages.front()->quota);
  }
  reopen(1);
  for (const auto& [id, messages_left] : left) EXPECT_EQ(messages(id), messages_left);
  EXPECT_THAT(run_->expire(0, noon, 100).value(), IsEmpty());
  // Later the young ones are old, too.
  EXPECT_THAT(run_->expire(0, noon + 1, 100).value(), SizeIs(6));
}

// ---- export, import, remove

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

// ---- anything, in any order

namespace {

// The queues of a store as they should be.
struct Model {
  struct Kept {
    QueueRecord record;
    std::vector<MessagePtr> messages;
    std::uint64_t next = 1;
  };
  std::map<RecipientId, Kept> queues;
};

}  // namespace

TEST_P(StoreContract, AnySequenceOfTurnsEndsAsItShould) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    testing::SeededRandom random(seed);
    place_ = GetParam().make();
    open(1 + random.below(3));
    Model model;
    for (int turn_number = 0; turn_number < 40; ++turn_number) {
      std::vector<std::pair<bool, std::future<Result<>>>> expected;
      std::vector<std::pair<std::vector<std::string>, std::future<Result<std::vector<MessagePtr>>>>> windows;
      // Changes of one shard in one turn; the model is changed in the same order.
      std::map<std::size_t, std::vector<std::function<void(Turn&)>>> calls;
      const auto count = 1 + random.below(20);
      for (std::uint64_t i = 0; i < count; ++i) {
        const auto kind = model.queues.empty() ? 0 : random.below(10);
        if (kind == 0) {
          auto queue = random.below(2) == 0 ? make_queue(random) : make_full_queue(random);
          const auto id = queue.recipient_id;
          auto record = std::make_shared<StoreRecord>(CreateQueue{queue.clone()});
          model.queues.emplace(id, Model::Kept{std::move(queue), {}, 1});
          calls[run_->shard_of(id)].emplace_back(
              [&expected, record](Turn& turn) { expected.emplace_back(true, turn.write(*record)); });
          continue;
        }
        auto chosen = model.queues.begin();
        std::advance(chosen, static_cast<std::ptrdiff_t>(random.below(model.queues.size())));
        const auto id = chosen->first;
        auto& kept = chosen->second;
        auto& shard_calls = calls[run_->shard_of(id)];
        if (kind <= 3) {
          const auto message = make_message(random, kept.next++, 1 + random.below(2'000));
          kept.messages.push_back(message);
          shard_calls.emplace_back(
              [&expected, id, message](Turn& turn) { expected.emplace_back(true, turn.add(id, message)); });
        } else if (kind <= 5) {
          if (kept.messages.empty()) continue;
          const auto message = kept.messages.front();
          kept.messages.erase(kept.messages.begin());
          shard_calls.emplace_back(
              [&expected, id, message](Turn& turn) { expected.emplace_back(true, turn.remove(id, message)); });
        } else if (kind <= 7) {
          std::shared_ptr<StoreRecord> record;
          switch (random.below(6)) {
            case 0: record = std::make_shared<StoreRecord>(SuspendQueue{id}); break;
            case 1: record = std::make_shared<StoreRecord>(UpdateTime{id, date_of(noon)}); break;
            case 2: record = std::make_shared<StoreRecord>(DeleteLink{id}); break;
            case 3: record = std::make_shared<StoreRecord>(CreateLink{id, make_link(random)}); break;
            case 4: record = std::make_shared<StoreRecord>(AddNotifier{id, make_notifier(random)}); break;
            default:
              record = std::make_shared<StoreRecord>(SecureQueue{id, crypto::generate_x25519(random).public_key});
          }
          const bool good = apply_change(*record, kept.record).has_value();
          shard_calls.emplace_back(
              [&expected, record, good](Turn& turn) { expected.emplace_back(good, turn.write(*record)); });
        } else if (kind == 8) {
          auto all = texts_of(kept.messages);
          shard_calls.emplace_back([&windows, id, all = std::move(all)](Turn& turn) {
            windows.emplace_back(all, turn.load_messages(id, 100'000'000));
          });
        } else if (random.below(3) == 0) {
          model.queues.erase(chosen);
          shard_calls.emplace_back(
              [&expected, id](Turn& turn) { expected.emplace_back(true, turn.write(DeleteQueue{id})); });
        }
      }
      for (auto& [shard, shard_calls] : calls) {
        run_->turn(shard, [&](Turn& turn) {
          for (auto& call : shard_calls) call(turn);
        });
      }
      for (auto& [good, done] : expected) EXPECT_EQ(await(std::move(done)).has_value(), good);
      for (auto& [texts, done] : windows) {
        const auto got = await(std::move(done));
        ASSERT_TRUE(went_well(got));
        EXPECT_EQ(texts_of(*got), texts);
      }
      if (random.below(10) == 0) reopen(1 + random.below(3));
    }
    std::uint64_t message_count = 0;
    for (const auto& [id, kept] : model.queues) {
      EXPECT_EQ(loaded(id), format_queue(kept.record));
      EXPECT_EQ(messages(id), texts_of(kept.messages));
      message_count += kept.messages.size();
    }
    EXPECT_EQ(run_->backend().totals().queues, model.queues.size());
    EXPECT_EQ(run_->backend().totals().messages, message_count);
    State expected;
    for (const auto& [id, kept] : model.queues) {
      const std::string key(as_text(id.view()));
      expected.queues[key] = format_queue(kept.record);
      if (!kept.messages.empty()) expected.messages[key] = texts_of(kept.messages);
    }
    EXPECT_EQ(state(), expected);
  }
}

}  // namespace simplex::smp::stores
