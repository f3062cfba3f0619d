// Messages, their order and their positions.
#include "expectations.hpp"

namespace simplex::smp::stores {

using namespace server;
using ::testing::IsEmpty;
using ::testing::SizeIs;

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

}  // namespace simplex::smp::stores
