// Receipts: what the peer's application has.
#include "pair.hpp"

namespace simplex::agent {
namespace {

class ReceiptsTest : public PairTest {
 protected:
  // The application has stored it, and lets the sender know.
  void acknowledge(Desk& desk, const MessageReceived& message) {
    auto stored = desk.core->messages.received(desk.connection.key, desk.connection.id, message.message);
    ASSERT_TRUE(stored && *stored);
    ASSERT_TRUE(desk.core->turn.run([&] { return desk.deliveries->enqueue_receipt(desk.now_connection(), **stored); }));
    desk.loop.run();
  }
  // As a peer would say it.
  std::vector<Event> claim(SenderMessageId number, const MessageHash& hash) {
    bob.say(message::Receipts{{{number, hash, {}}}}, DeliveryKind::other);
    return alice.deliver(bob.take());
  }
};

TEST_F(ReceiptsTest, TheSenderLearnsWhichMessageIsThere) {
  connect();
  const auto first = hear(alice, bob, "first");
  const auto second = hear(alice, bob, "second");
  acknowledge(bob, second);
  acknowledge(bob, first);
  const auto told = only<MessageDelivered>(alice.deliver(bob.take()));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->status, ReceiptStatus::ok);
  const auto also = only<MessageDelivered>(alice.deliver(bob.take()));
  ASSERT_TRUE(also);
  EXPECT_LT(also->message, told->message);
  EXPECT_EQ(alice.count("sent_messages"), 0);
}

TEST_F(ReceiptsTest, AnotherHashIsSaid) {
  connect();
  const auto heard = hear(alice, bob, "hello");
  const auto told = only<MessageDelivered>(claim(heard.sender_message, MessageHash(Bytes(32, 7))));
  ASSERT_TRUE(told);
  EXPECT_EQ(told->status, ReceiptStatus::bad_hash);
}

TEST_F(ReceiptsTest, AReceiptCountsOnce) {
  connect();
  const auto heard = hear(alice, bob, "hello");
  acknowledge(bob, heard);
  acknowledge(bob, heard);
  EXPECT_TRUE(only<MessageDelivered>(alice.deliver(bob.take())));
  EXPECT_TRUE(alice.deliver(bob.take()).empty());
}

TEST_F(ReceiptsTest, OfMessagesThatWereNotSentNothingIsSaid) {
  connect();
  EXPECT_TRUE(claim(SenderMessageId(1), MessageHash()).empty());  // the confirmation
  EXPECT_TRUE(claim(SenderMessageId(99), MessageHash(Bytes(32, 1))).empty());
  EXPECT_TRUE(claim(SenderMessageId(-1), MessageHash(Bytes(255, 1))).empty());
}

TEST_F(ReceiptsTest, PeersThatDoNotKnowReceiptsGetNone) {
  connect();
  const auto heard = hear(alice, bob, "hello");
  ASSERT_TRUE(bob.core->connections.set_agent_version(bob.connection.key, AgentVersion(3)));
  acknowledge(bob, heard);
  EXPECT_EQ(bob.count("deliveries"), 0);
}

TEST_F(ReceiptsTest, WhatNobodyAcknowledgedIsForgottenAfterItsTime) {
  connect();
  hear(alice, bob, "hello");
  ASSERT_TRUE(alice.core->messages.forget_before(alice.core->now() - std::chrono::hours(1)));
  EXPECT_EQ(alice.count("sent_messages"), 1);
  ASSERT_TRUE(alice.core->messages.forget_before(alice.core->now() + std::chrono::hours(1)));
  EXPECT_EQ(alice.count("sent_messages"), 0);
}

}  // namespace
}  // namespace simplex::agent
