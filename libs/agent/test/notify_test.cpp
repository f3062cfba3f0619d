// Whether a message wakes the peer's device.
#include "pair.hpp"

namespace simplex::agent {
namespace {

class NotifyTest : public PairTest {
 protected:
  void SetUp() override { connect(); }
  void say(std::string_view text, bool notify) {
    ASSERT_TRUE(bob.core->turn.run([&] {
      return bob.deliveries->enqueue(bob.now_connection(), bob.sending(), DeliveryKind::user,
                                     message::User{Content(as_bytes(text))}, std::nullopt, notify);
    }));
    bob.loop.run();
  }
  bool next_notifies() {
    const bool notifies = bob.next()->notify;
    bob.take();
    return notifies;
  }
};

TEST_F(NotifyTest, TheSenderDecidesForEachMessage) {
  say("quiet", false);
  say("loud", true);
  bob.say("as ever");
  EXPECT_FALSE(next_notifies());
  EXPECT_TRUE(next_notifies());
  EXPECT_TRUE(next_notifies());
}

TEST_F(NotifyTest, WhatTheProgramsSayToEachOtherWakesNobody) {
  bob.say(message::RatchetReady{SenderMessageId(1)}, DeliveryKind::other);
  bob.say(message::Hello{}, DeliveryKind::hello);
  EXPECT_FALSE(next_notifies());
  EXPECT_TRUE(next_notifies());
}

TEST_F(NotifyTest, ACopyForAnotherQueueIsAsQuiet) {
  auto second = make_snd_queue(bob.core->dependencies.random, bob.connection.key, alice.receiving().address(),
                               SmpClientVersion(4));
  ASSERT_TRUE(second);
  second->purpose = QueuePurpose::second;
  second->status = QueueStatus::active;
  second->sender_id = protocol::SenderId(Bytes(24, 5));
  ASSERT_TRUE(bob.core->queues.insert(*second));
  say("quiet", false);
  EXPECT_EQ(bob.count("deliveries"), 2);
  EXPECT_FALSE(bob.next(QueuePurpose::messages)->notify);
  EXPECT_FALSE(bob.next(QueuePurpose::second)->notify);
}

TEST_F(NotifyTest, TheRecipientIsTold) {
  const auto deliver = [&](bool notification) {
    bob.say("hello");
    const auto body = bob.take();
    const smp::MessageId id(Bytes(24, notification ? 1 : 2));
    const smp::MessageBody message{
        from_seconds_since_epoch(1'700'000'000), {.notification = notification}, Content(body)};
    const auto heard =
        only<MessageReceived>(alice.deliver(id, *smp::encrypt_queue_message(alice.receiving().relay_key, id, message)));
    EXPECT_TRUE(heard);
    const auto stored = alice.core->messages.received(alice.connection.key, alice.connection.id, heard->message);
    EXPECT_EQ((*stored)->content.notify, heard->notify);
    return heard->notify;
  };
  EXPECT_TRUE(deliver(true));
  EXPECT_FALSE(deliver(false));
}

TEST_F(NotifyTest, WhatWaitsWhenTheProgramIsUpdatedStaysAsItWas) {
  bob.say("hello");
  bob.say(message::RatchetReady{SenderMessageId(1)}, DeliveryKind::other);
  ASSERT_TRUE(bob.core->turn.commit());
  ASSERT_TRUE(store::migrate_down(bob.core->database, 13));
  ASSERT_TRUE(store::migrate(bob.core->database, agent_migrations(), bob.loop));
  EXPECT_TRUE(next_notifies());
  EXPECT_FALSE(next_notifies());
}

}  // namespace
}  // namespace simplex::agent
