// A message that comes again and again: the application does not take it, or handling it fails here.
#include "event_encoding.hpp"
#include "pair.hpp"

namespace simplex::agent {
namespace {

class RedeliveriesTest : public PairTest {
 protected:
  struct AtRelay {
    smp::MessageId id;
    Bytes encrypted;
  };
  AtRelay from_bob(std::string_view text) {
    bob.say(text);
    const auto body = bob.take();
    smp::MessageId id(random_.bytes(24));
    auto encrypted = smp::encrypt_queue_message(
        alice.receiving().relay_key, id, smp::MessageBody{from_seconds_since_epoch(1'700'000'000), {}, Content(body)});
    EXPECT_TRUE(encrypted);
    return {id, *encrypted};
  }
  std::vector<Event> deliver(const AtRelay& message) { return alice.deliver(message.id, message.encrypted); }
  void start_again() {
    ASSERT_TRUE(alice.core->turn.run([&] { return alice.reception->handed_over_again(); }));
    alice.loop.run();
  }

  testing::SeededRandom random_{5};
};

TEST_F(RedeliveriesTest, WhatIsNeverAcknowledgedIsGivenUpAfterEightTimesAndADay) {
  confirm();
  const auto poison = from_bob("poison");
  expect_heard(deliver(poison), "poison");
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(deliver(poison).empty());
  alice.loop.pass(std::chrono::hours(23));
  EXPECT_TRUE(deliver(poison).empty());
  EXPECT_EQ(alice.count("rcv_messages"), 1);
  alice.loop.pass(std::chrono::hours(1));
  const auto failed = only<ReceptionFailed>(deliver(poison));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failure, Failure::internal);
  EXPECT_EQ(alice.count("rcv_messages"), 0);
  // Its acknowledgement may be lost.
  EXPECT_TRUE(deliver(poison).empty());
  expect_heard(deliver(from_bob("after it")), "after it");
}

TEST_F(RedeliveriesTest, ADayAloneGivesNothingUp) {
  confirm();
  const auto message = from_bob("the application has time");
  expect_heard(deliver(message), "the application has time");
  alice.loop.pass(std::chrono::hours(240));
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(deliver(message).empty());
  EXPECT_EQ(alice.count("rcv_messages"), 1);
  EXPECT_TRUE(only<ReceptionFailed>(deliver(message)));
}

TEST_F(RedeliveriesTest, StartsCountOfAnApplicationThatIsKilledByIt) {
  confirm();
  expect_heard(deliver(from_bob("poison")), "poison");
  alice.loop.pass(std::chrono::hours(24));
  for (int i = 0; i < 7; ++i) start_again();
  EXPECT_TRUE(alice.events.empty());
  start_again();
  EXPECT_TRUE(only<ReceptionFailed>(alice.events));
  EXPECT_EQ(alice.count("rcv_messages"), 0);
  EXPECT_EQ(alice.count("events WHERE kind = " + std::to_string(static_cast<int>(EventKind::message_received))), 0);
}

TEST_F(RedeliveriesTest, AStartAndTheFirstRedeliveryAfterItCountOnce) {
  confirm();
  const auto message = from_bob("poison");
  expect_heard(deliver(message), "poison");
  alice.loop.pass(std::chrono::hours(24));
  for (int i = 0; i < 7; ++i) {
    start_again();
    EXPECT_TRUE(deliver(message).empty());
  }
  EXPECT_TRUE(only<ReceptionFailed>(deliver(message)));
}

// Alice's ratchet with bob is damaged: that is no reason to begin anew with all relays, or to lose the message soon.
TEST_F(RedeliveriesTest, WhatCannotBeHandledIsTriedAgainForADay) {
  confirm();
  auto row = alice.core->database.prepare("SELECT state FROM ratchets");
  ASSERT_TRUE(row && *row->step());
  const auto whole = row->bytes(0);
  ASSERT_TRUE(row->finish());
  const auto damage = [&](BytesView state) {
    ASSERT_TRUE(alice.core->database.run("UPDATE ratchets SET state = ?", state));
  };
  const auto first = from_bob("first");
  damage(as_bytes("damaged"));
  for (int i = 0; i < 20; ++i) {
    const auto problem = only<AgentProblem>(deliver(first));
    ASSERT_TRUE(problem);
    EXPECT_EQ(problem->connection, alice.connection.id);
  }
  damage(whole);
  expect_heard(deliver(first), "first");

  auto now = alice.core->database.prepare("SELECT state FROM ratchets");
  ASSERT_TRUE(now && *now->step());
  const auto later = now->bytes(0);
  ASSERT_TRUE(now->finish());
  const auto second = from_bob("second");
  damage(as_bytes("damaged"));
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(only<AgentProblem>(deliver(second)));
  alice.loop.pass(std::chrono::hours(24));
  const auto failed = only<ReceptionFailed>(deliver(second));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failure, Failure::storage);
  EXPECT_TRUE(deliver(second).empty());
  damage(later);
  expect_heard(deliver(from_bob("third")), "third");
}

}  // namespace
}  // namespace simplex::agent
