// Post-quantum encryption that is switched on and off while messages go on.
#include "pair.hpp"

#include <rapidcheck/gtest.h>

namespace simplex::agent {
namespace {

using crypto::PqEncryption;
using crypto::PqSupport;

class PqTest : public PairTest {
 protected:
  static void want(Desk& desk, PqEncryption wanted) {
    ASSERT_TRUE(desk.core->connections.set_pq_wanted(desk.connection.key, wanted));
  }
  // One message each way; whether the last of them used KEM.
  bool there_and_back() {
    hear(alice, bob, "there");
    return hear(bob, alice, "and back").pq_encryption;
  }
  bool after_some_messages() {
    there_and_back();
    there_and_back();
    return there_and_back();
  }
};

TEST_F(PqTest, IsOnWhereBothAskedForIt) {
  connect();
  EXPECT_TRUE(after_some_messages());
}

TEST_F(PqTest, OneSideSwitchesItOffForBoth) {
  connect();
  EXPECT_TRUE(after_some_messages());
  want(alice, PqEncryption::off);
  EXPECT_FALSE(after_some_messages());
  EXPECT_EQ(alice.now_connection().pq, PqSupport::on) << "sizes stay as they are";
  const auto use = alice.core->ratchets.pq_use(alice.connection.key);
  ASSERT_TRUE(use);
  EXPECT_FALSE(use->sending || use->receiving);
}

TEST_F(PqTest, ItComesBackWhenItIsWantedAgain) {
  connect();
  want(alice, PqEncryption::off);
  EXPECT_FALSE(after_some_messages());
  want(alice, PqEncryption::on);
  EXPECT_TRUE(after_some_messages());
}

TEST_F(PqTest, AConnectionThatWasMadeWithoutItGetsIt) {
  bob.join(alice.invite(false), "bob's profile", false);
  ASSERT_TRUE(only<ConfirmationReceived>(alice.deliver(bob.take())));
  ASSERT_TRUE(answer_confirmation());
  EXPECT_FALSE(after_some_messages());
  want(alice, PqEncryption::on);
  EXPECT_FALSE(after_some_messages()) << "bob does not want it";
  want(bob, PqEncryption::on);
  EXPECT_TRUE(after_some_messages());
  const auto use = bob.core->ratchets.pq_use(bob.connection.key);
  ASSERT_TRUE(use);
  EXPECT_TRUE(use->sending && use->receiving);
}

TEST_F(PqTest, ThePlaceOfAMessageShrinksWithIt) {
  bob.join(alice.invite(false), "bob's profile", false);
  ASSERT_TRUE(only<ConfirmationReceived>(alice.deliver(bob.take())));
  ASSERT_TRUE(answer_confirmation());
  const std::string longest(max_message_body, 'x');
  hear(alice, bob, longest);
  want(alice, PqEncryption::on);
  want(bob, PqEncryption::on);
  const auto refused = alice.core->turn.run([&] {
    return alice.deliveries->enqueue(alice.now_connection(), alice.sending(), DeliveryKind::user,
                                     message::User{Content(as_bytes(longest))});
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::limit);
  const std::string long_for_pq(max_message_body_pq, 'x');
  for (int i = 0; i < 3; ++i) {
    hear(alice, bob, long_for_pq);
    hear(bob, alice, long_for_pq);
  }
}

// Whatever the two want and whoever speaks: every message is read.
RC_GTEST_FIXTURE_PROP(PqTest, NoMessageIsLostByASwitch, ()) {
  connect();
  const auto moves = *rc::gen::container<std::vector<int>>(24, rc::gen::inRange(0, 6));
  for (const int move : moves) {
    Desk& one = move % 2 == 0 ? alice : bob;
    Desk& other = move % 2 == 0 ? bob : alice;
    if (move < 2) want(one, PqEncryption::on);
    if (move >= 4) want(one, PqEncryption::off);
    one.say("a");
    one.say("b");
    expect_heard(other.deliver(one.take()), "a");
    expect_heard(other.deliver(one.take()), "b");
  }
  RC_ASSERT(!HasFailure());
}

}  // namespace
}  // namespace simplex::agent
