// Two sides that have lost each other agree on new keys.
#include "pair.hpp"

namespace simplex::agent {
namespace {

class RatchetSyncTest : public PairTest {
 protected:
  void SetUp() override {
    connect();
    hear(alice, bob, "before");
    hear(bob, alice, "before, too");
  }

  Result<> start(Desk& desk, bool force = false, crypto::PqSupport pq = crypto::PqSupport::on) {
    auto started = desk.core->turn.run([&] { return desk.ratchet_sync->start(desk.now_connection(), pq, force); });
    desk.loop.run();
    desk.events.clear();
    return started;
  }
  bool has_mail(Desk& desk) { return desk.count("deliveries") > 0; }
  // Everything that both have to say, until there is nothing left.
  std::vector<Event> exchange() {
    std::vector<Event> all;
    for (int i = 0; i < 20 && (has_mail(alice) || has_mail(bob)); ++i) {
      auto& from = has_mail(alice) ? alice : bob;
      auto& to = &from == &alice ? bob : alice;
      for (auto& event : to.deliver(from.take())) all.push_back(std::move(event));
    }
    EXPECT_FALSE(has_mail(alice) || has_mail(bob));
    return all;
  }
  // Bob's ratchet is what it was before he heard a few messages, and said one.
  void restore_an_old_copy() {
    auto row = bob.core->database.prepare("SELECT state FROM ratchets");
    ASSERT_TRUE(row && *row->step());
    const auto old = row->bytes(0);
    ASSERT_TRUE(row->finish());
    for (int i = 0; i < 3; ++i) {
      hear(alice, bob, "to be forgotten");
      hear(bob, alice, "to be forgotten");
    }
    ASSERT_TRUE(bob.core->database.run("UPDATE ratchets SET state = ?", BytesView(old)));
  }
  void expect_synchronized() {
    EXPECT_EQ(alice.now_connection().sync, RatchetSyncState::ok);
    EXPECT_EQ(bob.now_connection().sync, RatchetSyncState::ok);
    hear(alice, bob, "after");
    hear(bob, alice, "after, too");
    hear(alice, bob, "and again");
    EXPECT_EQ(alice.core->ratchets.associated_data(alice.connection.key)->view().size(), 112u);
    EXPECT_EQ(*alice.core->ratchets.associated_data(alice.connection.key),
              *bob.core->ratchets.associated_data(bob.connection.key));
  }
  RatchetSyncState state_of(const std::vector<Event>& events) {
    for (const auto& event : events) {
      if (const auto* changed = std::get_if<RatchetSyncChanged>(&event.body)) return changed->state;
    }
    ADD_FAILURE() << "no change of state";
    return RatchetSyncState::ok;
  }
};

TEST_F(RatchetSyncTest, AnOldCopyIsNoticedAndSynchronized) {
  restore_an_old_copy();
  alice.say("bob cannot read this");
  const auto events = bob.deliver(alice.take());
  EXPECT_EQ(state_of(events), RatchetSyncState::required);
  EXPECT_FALSE(bob.now_connection().may_send());
  ASSERT_TRUE(start(bob));
  EXPECT_EQ(bob.now_connection().sync, RatchetSyncState::started);
  exchange();
  expect_synchronized();
}

TEST_F(RatchetSyncTest, EitherSideMayReceiveFirst) {
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(start(i % 2 == 0 ? alice : bob, true));
    exchange();
    expect_synchronized();
  }
  EXPECT_EQ(alice.count("seen_ratchet_keys"), 12);
}

TEST_F(RatchetSyncTest, BothSidesMayBeginAtOnce) {
  ASSERT_TRUE(start(alice, true));
  ASSERT_TRUE(start(bob, true));
  const auto from_alice = alice.take();
  const auto from_bob = bob.take();
  EXPECT_EQ(state_of(bob.deliver(from_alice)), RatchetSyncState::agreed);
  EXPECT_EQ(state_of(alice.deliver(from_bob)), RatchetSyncState::agreed);
  exchange();
  expect_synchronized();
}

TEST_F(RatchetSyncTest, RepeatedKeysChangeNothing) {
  ASSERT_TRUE(start(alice, true));
  const auto keys = alice.take();
  EXPECT_FALSE(bob.deliver(keys).empty());
  EXPECT_TRUE(bob.deliver(keys).empty());
  exchange();
  EXPECT_TRUE(bob.deliver(keys).empty());
  expect_synchronized();
}

TEST_F(RatchetSyncTest, PostQuantumSupportIsChosenAnew) {
  ASSERT_TRUE(start(alice, true, crypto::PqSupport::off));
  exchange();
  EXPECT_EQ(alice.now_connection().pq, crypto::PqSupport::off);
  expect_synchronized();
}

TEST_F(RatchetSyncTest, WhatWorksIsNotChangedWithoutForce) {
  EXPECT_EQ(start(alice).error().kind, ErrorKind::conflict);
  EXPECT_FALSE(has_mail(alice));
  ASSERT_TRUE(alice.core->connections.set_agent_version(alice.connection.key, AgentVersion(2)));
  EXPECT_EQ(start(alice, true).error().kind, ErrorKind::version);
}

TEST_F(RatchetSyncTest, ADamagedMessageAllowsItAndTheNextOneEndsThat) {
  alice.say("damaged");
  auto row = alice.core->database.prepare("UPDATE deliveries SET plaintext = x'00'");
  ASSERT_TRUE(row && row->step());
  ASSERT_TRUE(row->finish());
  auto& random = alice.core->dependencies.random;
  const auto delivery = alice.core->messages.first_of(alice.sending().key, DeliveryKey(), DeliveryKey(1'000'000));
  ASSERT_TRUE(delivery && *delivery);
  auto sealed = *(*delivery)->encrypt_key->encrypt((*delivery)->plaintext, (*delivery)->padded_size);
  sealed.back() ^= 1;
  ASSERT_TRUE(alice.core->messages.erase((*delivery)->key));
  const auto body =
      smp::seal_client_message(alice.sending().e2e_key, crypto::random_nonce(random), {SmpClientVersion(4), {}},
                               {std::nullopt, Content(encode(AgentMessageEnvelope{AgentVersion(7), Content(sealed)}))});
  EXPECT_EQ(state_of(bob.deliver(*body)), RatchetSyncState::allowed);
  EXPECT_TRUE(bob.now_connection().may_send());
  alice.say("well");
  EXPECT_EQ(state_of(bob.deliver(alice.take())), RatchetSyncState::ok);
}

TEST_F(RatchetSyncTest, BeginningAgainBeforeTheAnswerEndsWell) {
  ASSERT_TRUE(start(alice, true));
  EXPECT_EQ(state_of(bob.deliver(alice.take())), RatchetSyncState::agreed);
  ASSERT_TRUE(start(alice, true));
  exchange();
  expect_synchronized();
}

TEST_F(RatchetSyncTest, BeginningAgainAfterTheAnswerEndsWell) {
  ASSERT_TRUE(start(alice, true));
  bob.deliver(alice.take());
  alice.deliver(bob.take());
  EXPECT_EQ(alice.now_connection().sync, RatchetSyncState::agreed);
  ASSERT_TRUE(start(alice, true));
  exchange();
  expect_synchronized();
}

class AgreementGivenUp : public RatchetSyncTest {
 protected:
  std::vector<Event> give_up(Desk& desk) {
    const auto delivery = desk.next();
    EXPECT_TRUE(delivery && desk.core->turn.run([&] {
      return desk.deliveries->give_up(*delivery, Failure::network, Error{ErrorKind::network, "away"});
    }));
    desk.loop.run();
    return std::exchange(desk.events, {});
  }
};

TEST_F(AgreementGivenUp, KeysThatCannotBeDeliveredAreRequired) {
  ASSERT_TRUE(start(alice, true));
  EXPECT_EQ(state_of(give_up(alice)), RatchetSyncState::required);
  ASSERT_TRUE(start(alice)) << "without force";
  exchange();
  expect_synchronized();
}

TEST_F(AgreementGivenUp, AnAnswerOrTheFirstMessageThatCannotBeDelivered) {
  ASSERT_TRUE(start(alice, true));
  bob.deliver(alice.take());
  EXPECT_EQ(bob.now_connection().sync, RatchetSyncState::agreed);
  while (has_mail(bob)) (void)give_up(bob);
  EXPECT_EQ(bob.now_connection().sync, RatchetSyncState::required);
  ASSERT_TRUE(start(bob));
  exchange();
  expect_synchronized();
}

TEST_F(AgreementGivenUp, OnlyTheLastKeysCount) {
  ASSERT_TRUE(start(alice, true));
  ASSERT_TRUE(start(alice, true));
  (void)give_up(alice);
  EXPECT_EQ(alice.now_connection().sync, RatchetSyncState::started);
  exchange();
  expect_synchronized();
}

// Of an agreement from before the copy was made.
TEST_F(RatchetSyncTest, AnAnswerWithOldKeysIsNotGivenWhileTheyAreInDoubt) {
  ASSERT_TRUE(start(alice, true));
  (void)bob.deliver(alice.take());
  (void)alice.deliver(bob.take());
  auto& ready = has_mail(alice) ? alice : bob;
  auto& other = &ready == &alice ? bob : alice;
  ASSERT_TRUE(other.core->connections.set_doubt(other.connection.key, KeyDoubt::asked));
  EXPECT_TRUE(other.deliver(ready.take()).empty());
  EXPECT_FALSE(has_mail(other));
}

// Each of many orders in which both begin, begin again and hear each other.
TEST_F(RatchetSyncTest, WhateverCrossesBothEndWithTheSameKeys) {
  testing::SeededRandom random(7);
  for (int story = 0; story < 60; ++story) {
    SCOPED_TRACE(story);
    for (int step = 0; step < 8; ++step) {
      auto& one = random.below(2) == 0 ? alice : bob;
      auto& other = &one == &alice ? bob : alice;
      if (random.below(3) == 0) {
        ASSERT_TRUE(start(one, true));
      } else if (has_mail(one)) {
        other.deliver(one.take());
      }
    }
    exchange();
    expect_synchronized();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace simplex::agent
