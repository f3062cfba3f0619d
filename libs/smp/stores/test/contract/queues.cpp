// Queues and their ids.
#include "expectations.hpp"

namespace simplex::smp::stores {

using namespace server;
using ::testing::Eq;
using ::testing::IsEmpty;

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

}  // namespace simplex::smp::stores
