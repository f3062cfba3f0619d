// A queue takes the place of another. Alice receives, and moves; bob sends. The relay's answers are written by hand.
#include "pair.hpp"

namespace simplex::agent {
namespace {

constexpr auto messages = QueuePurpose::messages;
constexpr auto replacement = QueuePurpose::replacement;
constexpr auto retired = QueuePurpose::retired;
constexpr auto receiving = QueueDirection::receiving;
constexpr auto sending = QueueDirection::sending;

class RotationTest : public PairTest {
 protected:
  void SetUp() override {
    connect();
    hear(alice, bob, "before");
    hear(bob, alice, "before, too");
  }

  Result<> start(Desk& desk) {
    auto started = desk.core->turn.run([&] { return desk.rotation->start(desk.now_connection()); });
    desk.loop.run();
    return started;
  }
  Result<> abort(Desk& desk) {
    auto aborted = desk.core->turn.run([&] { return desk.rotation->abort(desk.now_connection()); });
    desk.loop.run();
    return aborted;
  }
  // The steps of commands that wait for no relay.
  std::vector<Event> go_on(Desk& desk) {
    desk.commands->stop();
    EXPECT_TRUE(desk.commands->start());
    desk.loop.run();
    return std::exchange(desk.events, {});
  }
  // Up to QADD, which waits to be taken.
  void offer(Desk& desk) {
    ASSERT_TRUE(start(desk));
    desk.new_rcv_queue(protocol::QueueMode::messaging, replacement);
    expect_switched(go_on(desk), receiving, SwitchPhase::started);
  }
  // The relay knows bob's key; alice's QUSE waits to be taken.
  void secure(Desk& desk) {
    ASSERT_TRUE(desk.core->queues.set_status(desk.receiving(replacement).key, QueueStatus::secured));
    expect_switched(go_on(desk), receiving, SwitchPhase::secured);
  }
  // Up to QKEY, which waits at the writer's.
  void add(Desk& reader, Desk& writer) {
    offer(reader);
    expect_switched(writer.deliver(reader.send()), sending, SwitchPhase::started);
  }
  // The writer is asked to use the new queue, and its test waits in both.
  void use(Desk& reader, Desk& writer) {
    add(reader, writer);
    const auto keys = writer.send();
    expect_switched(std::exchange(writer.events, {}), sending, SwitchPhase::confirmed);
    expect_switched(reader.deliver(keys), receiving, SwitchPhase::confirmed);
    secure(reader);
    expect_switched(writer.deliver(reader.send()), sending, SwitchPhase::secured);
  }
  void complete(Desk& reader, Desk& writer) {
    use(reader, writer);
    const auto test = writer.send(replacement);
    expect_switched(std::exchange(writer.events, {}), sending, SwitchPhase::completed);
    expect_switched(reader.deliver(test, replacement), receiving, SwitchPhase::completed);
  }
  void begin_new_keys(Desk& desk) {
    ASSERT_TRUE(desk.core->turn.run(
        [&] { return desk.ratchet_sync->start(desk.now_connection(), crypto::PqSupport::on, true); }));
    desk.loop.run();
    desk.events.clear();
  }
  // What both have to say by their old queues, until there is nothing left. Nothing of it is a mistake.
  std::vector<Event> exchange() {
    std::vector<Event> all;
    for (int i = 0; i < 30 && (alice.next() || bob.next()); ++i) {
      auto& from = alice.next() ? alice : bob;
      auto& to = &from == &alice ? bob : alice;
      for (auto& event : to.deliver(from.send())) all.push_back(std::move(event));
    }
    EXPECT_FALSE(alice.next() || bob.next());
    alice.events.clear();
    bob.events.clear();
    EXPECT_EQ(alice.now_connection().sync, RatchetSyncState::ok);
    EXPECT_EQ(bob.now_connection().sync, RatchetSyncState::ok);
    for (const auto& event : all) EXPECT_FALSE(std::holds_alternative<ReceptionFailed>(event.body));
    return all;
  }
  void add() { add(alice, bob); }
  void use() { use(alice, bob); }
  void complete() { complete(alice, bob); }

  void expect_switched(const std::vector<Event>& events, QueueDirection direction, SwitchPhase phase) {
    int found = 0;
    for (const auto& event : events) {
      const auto* switched = std::get_if<QueueSwitched>(&event.body);
      if (switched == nullptr) continue;
      ++found;
      EXPECT_EQ(switched->direction, direction);
      EXPECT_EQ(switched->phase, phase);
    }
    EXPECT_EQ(found, 1);
  }
  // Said by the peer, it is reported once, and nothing changes.
  void expect_refused(Desk& from, Desk& to, AMessage message) {
    const auto before = state(to);
    from.say(std::move(message), DeliveryKind::other);
    const auto body = from.send();
    EXPECT_TRUE(only<ReceptionFailed>(to.deliver(body)));
    EXPECT_TRUE(to.deliver(body).empty());
    EXPECT_EQ(state(to), before);
  }
  std::string state(Desk& desk) {
    std::string all;
    for (const auto& queue : *desk.core->queues.rcv_queues_of(desk.connection.key)) {
      all += std::to_string(queue.key.value()) + "r" + std::to_string(static_cast<int>(queue.purpose)) +
             std::to_string(static_cast<int>(queue.status)) + " ";
    }
    for (const auto& queue : *desk.core->queues.snd_queues_of(desk.connection.key)) {
      all += std::to_string(queue.key.value()) + "s" + std::to_string(static_cast<int>(queue.purpose)) +
             std::to_string(static_cast<int>(queue.status)) + " ";
    }
    return all + std::to_string(desk.count("commands")) + " " + std::to_string(desk.count("deliveries"));
  }
  std::int64_t waiting(Desk& desk, QueuePurpose purpose) {
    return desk.count("deliveries WHERE queue = " + std::to_string(desk.sending(purpose).key.value()));
  }
  static SenderQueue name_of(const RcvQueue& queue) { return {queue.server, queue.sender_id}; }
  static std::size_t sent_messages(const std::vector<Event>& events) {
    return static_cast<std::size_t>(std::ranges::count_if(
        events, [](const Event& event) { return std::holds_alternative<MessageSent>(event.body); }));
  }
  message::QueueAdd offer_of(const RcvQueue& queue, std::optional<SenderQueue> replaces) {
    message::QueueAdd add;
    add.queues.push_back({{bob.core->config.versions.smp_client, queue.address()}, std::move(replaces)});
    return add;
  }
};

TEST_F(RotationTest, MessagesGoToTheNewQueueAndTheOldOneRetires) {
  const auto old = alice.receiving().key;
  const auto old_sending = bob.sending().key;
  complete();
  EXPECT_NE(alice.receiving().key, old);
  EXPECT_EQ(alice.receiving().status, QueueStatus::active);
  EXPECT_EQ(alice.receiving(retired).key, old);
  EXPECT_NE(bob.sending().key, old_sending);
  EXPECT_EQ(bob.count("snd_queues"), 1);
  EXPECT_EQ(bob.count("deliveries"), 0);
  EXPECT_EQ(alice.count("commands"), 1);  // to delete the old queue
  hear(bob, alice, "by the new queue");
  hear(alice, bob, "as ever");
}

TEST_F(RotationTest, AgainAndAgainInBothDirections) {
  complete(alice, bob);
  complete(bob, alice);
  complete(bob, alice);
  complete(alice, bob);
  hear(bob, alice, "here");
  hear(alice, bob, "and there");
  EXPECT_EQ(alice.count("rcv_queues"), 3);
}

TEST_F(RotationTest, BothSidesMoveAtOnce) {
  offer(alice);
  offer(bob);
  const auto alices_offer = alice.send();
  const auto bobs_offer = bob.send();
  expect_switched(alice.deliver(bobs_offer), sending, SwitchPhase::started);
  expect_switched(bob.deliver(alices_offer), sending, SwitchPhase::started);
  const auto alices_keys = alice.send();
  const auto bobs_keys = bob.send();
  alice.events.clear();
  bob.events.clear();
  expect_switched(alice.deliver(bobs_keys), receiving, SwitchPhase::confirmed);
  expect_switched(bob.deliver(alices_keys), receiving, SwitchPhase::confirmed);
  secure(alice);
  secure(bob);
  const auto alices_use = alice.send();
  const auto bobs_use = bob.send();
  expect_switched(alice.deliver(bobs_use), sending, SwitchPhase::secured);
  expect_switched(bob.deliver(alices_use), sending, SwitchPhase::secured);
  // What each has said since QKEY, QUSE, comes in the new queue too, and is known there.
  const auto from_alice = alice.send(replacement);
  const auto from_bob = bob.send(replacement);
  expect_switched(std::exchange(alice.events, {}), sending, SwitchPhase::completed);
  expect_switched(std::exchange(bob.events, {}), sending, SwitchPhase::completed);
  expect_switched(bob.deliver(from_alice, replacement), receiving, SwitchPhase::completed);
  expect_switched(alice.deliver(from_bob, replacement), receiving, SwitchPhase::completed);
  EXPECT_TRUE(bob.deliver(alice.send()).empty());  // QTEST
  EXPECT_TRUE(alice.deliver(bob.send()).empty());
  hear(bob, alice, "here");
  hear(alice, bob, "and there");
}

TEST_F(RotationTest, WhatIsSaidMeanwhileComesInOrderByEitherQueue) {
  use();
  bob.say("one");
  bob.say("two");
  EXPECT_EQ(waiting(bob, messages), 3);  // with the test
  EXPECT_EQ(waiting(bob, replacement), 3);
  const auto old = alice.receiving();
  EXPECT_TRUE(alice.deliver(bob.take(), old).empty());
  expect_heard(alice.deliver(bob.take(), old), "one");
  // The new queue has all of it again.
  const auto test = bob.take(replacement);
  expect_switched(alice.deliver(test, replacement), receiving, SwitchPhase::completed);
  EXPECT_TRUE(alice.deliver(bob.take(replacement)).empty());
  const auto two = only<MessageReceived>(alice.deliver(bob.take(replacement)));
  ASSERT_TRUE(two);
  EXPECT_EQ(text_of(*two), "two");
  EXPECT_TRUE(std::holds_alternative<IntegrityOk>(two->integrity));
  // What is left in the old queue is read, and is nothing new.
  EXPECT_TRUE(alice.deliver(bob.take(), old).empty());
}

TEST_F(RotationTest, AMessageThatGoesBothWaysIsSentOnce) {
  use();
  bob.say("one");
  bob.say("two");
  (void)bob.send();
  (void)bob.send();
  EXPECT_EQ(sent_messages(bob.events), 1u);
  (void)bob.send(replacement);
  expect_switched(bob.events, sending, SwitchPhase::completed);
  EXPECT_EQ(waiting(bob, messages), 2);  // one, two: the old queue's are gone with it
  (void)bob.send();
  EXPECT_EQ(sent_messages(bob.events), 1u);
  (void)bob.send();
  EXPECT_EQ(sent_messages(bob.events), 2u);
}

TEST_F(RotationTest, AMessageFailsWhenNeitherWayIsLeft) {
  use();
  bob.say("one");
  const auto refuse = [&](QueuePurpose purpose) {
    const auto delivery = bob.next(purpose);
    ASSERT_TRUE(bob.core->turn.run([&] {
      return bob.deliveries->give_up(*delivery, Failure::authorization, Error{ErrorKind::authentication, ""});
    }));
    bob.loop.run();
  };
  bob.events.clear();
  refuse(messages);  // the test
  refuse(messages);
  EXPECT_TRUE(only<MessageDelayed>(std::exchange(bob.events, {})));
  refuse(replacement);
  bob.events.clear();
  refuse(replacement);
  EXPECT_TRUE(only<MessageFailed>(bob.events));
}

TEST_F(RotationTest, WhatOnlyTheOldQueueHasMovesWhenItEnds) {
  bob.say("from before");
  offer(alice);
  (void)bob.deliver(alice.send());
  // Its relay takes the second and not the first, which no relay does.
  const auto both = *bob.core->messages.of_queue_before(bob.sending().key, bob.core->now() + std::chrono::hours(1));
  ASSERT_EQ(both.size(), 2u);
  const auto keys = bob.deliveries->body_of(both.back(), bob.sending());
  ASSERT_TRUE(bob.core->turn.run([&] { return bob.deliveries->sent(both.back()); }));
  expect_switched(alice.deliver(*keys), receiving, SwitchPhase::confirmed);
  secure(alice);
  (void)bob.deliver(alice.send());
  (void)alice.deliver(bob.send(replacement), replacement);
  expect_heard(alice.deliver(bob.send()), "from before");
}

// Alice has closed it already, and its relay has not answered bob yet.
TEST_F(RotationTest, WhatTheOldQueueRefusesGoesToTheNewOne) {
  bob.say("from before");
  offer(alice);
  (void)bob.deliver(alice.send());
  const auto both = *bob.core->messages.of_queue_before(bob.sending().key, bob.core->now() + std::chrono::hours(1));
  const auto keys = bob.deliveries->body_of(both.back(), bob.sending());
  ASSERT_TRUE(bob.core->messages.erase(both.back().key));
  expect_switched(alice.deliver(*keys), receiving, SwitchPhase::confirmed);
  secure(alice);
  (void)bob.deliver(alice.send());
  ASSERT_TRUE(bob.core->turn.run([&] {
    return bob.deliveries->give_up(both.front(), Failure::authorization, Error{ErrorKind::authentication, ""});
  }));
  bob.loop.run();
  EXPECT_TRUE(bob.events.empty());
  const auto text = bob.send(replacement);
  EXPECT_EQ(sent_messages(bob.events), 1u);
  const auto events = alice.deliver(text, replacement);
  expect_switched(events, receiving, SwitchPhase::completed);
  EXPECT_TRUE(std::holds_alternative<MessageReceived>(events.back().body));
}

TEST_F(RotationTest, RepeatedCallsChangeNothing) {
  ASSERT_TRUE(start(alice));
  ASSERT_TRUE(start(alice));
  EXPECT_EQ(alice.count("commands"), 1);
  alice.new_rcv_queue(protocol::QueueMode::messaging, replacement);
  (void)go_on(alice);
  ASSERT_TRUE(start(alice));
  EXPECT_EQ(alice.count("commands"), 0);
  EXPECT_TRUE(abort(bob));  // nothing to abort
  EXPECT_TRUE(bob.events.empty());
}

TEST_F(RotationTest, IsNotBegunWithoutAConnectionOrWhileKeysAreAgreedOn) {
  Desk carol{7};
  (void)carol.invite();
  EXPECT_EQ(start(carol).error().kind, ErrorKind::conflict);
  ASSERT_TRUE(alice.core->connections.set_sync(alice.connection.key, RatchetSyncState::required));
  EXPECT_EQ(start(alice).error().kind, ErrorKind::conflict);
  EXPECT_EQ(alice.count("commands"), 0);
}

TEST_F(RotationTest, WaitsWhileNewKeysAreAgreedOn) {
  ASSERT_TRUE(start(alice));
  alice.new_rcv_queue(protocol::QueueMode::messaging, replacement);
  ASSERT_TRUE(alice.core->connections.set_sync(alice.connection.key, RatchetSyncState::agreed));
  EXPECT_TRUE(go_on(alice).empty());
  EXPECT_FALSE(alice.next());
  ASSERT_TRUE(alice.core->connections.set_sync(alice.connection.key, RatchetSyncState::ok));
  alice.loop.pass(std::chrono::seconds(5));
  expect_switched(std::exchange(alice.events, {}), receiving, SwitchPhase::started);
  EXPECT_TRUE(alice.next());
}

TEST_F(RotationTest, IsAbortedUntilThePeerIsAskedToUseTheNewQueue) {
  // Before there is a queue:
  ASSERT_TRUE(start(alice));
  ASSERT_TRUE(abort(alice));
  expect_switched(std::exchange(alice.events, {}), receiving, SwitchPhase::aborted);
  EXPECT_EQ(alice.count("commands"), 0);
  ASSERT_TRUE(abort(alice));
  EXPECT_TRUE(alice.events.empty());
  // When it was offered; what bob says of it then is no mistake.
  add();
  const auto aborted = alice.receiving(replacement).key;
  ASSERT_TRUE(abort(alice));
  expect_switched(std::exchange(alice.events, {}), receiving, SwitchPhase::aborted);
  EXPECT_EQ(alice.receiving(retired).key, aborted);
  EXPECT_EQ(alice.count("commands"), 1);
  EXPECT_TRUE(alice.deliver(bob.send()).empty());
  ASSERT_TRUE(alice.core->queues.erase(aborted));
  // Another one instead:
  bob.events.clear();
  use();
  const auto refused = abort(alice);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  expect_switched(alice.deliver(bob.send(replacement), replacement), receiving, SwitchPhase::completed);
  hear(bob, alice, "moved after all");
}

TEST_F(RotationTest, ANewOfferReplacesTheOneBefore) {
  add();
  bob.say("one");
  const auto keys = bob.send();
  EXPECT_EQ(waiting(bob, replacement), 1);
  ASSERT_TRUE(abort(alice));
  alice.events.clear();
  bob.events.clear();
  offer(alice);
  expect_switched(bob.deliver(alice.send()), sending, SwitchPhase::started);
  EXPECT_EQ(bob.count("snd_queues"), 2);
  EXPECT_EQ(waiting(bob, replacement), 0);
  EXPECT_TRUE(alice.deliver(keys).empty());
  expect_heard(alice.deliver(bob.send()), "one");
  expect_switched(alice.deliver(bob.send()), receiving, SwitchPhase::confirmed);
}

// Alice has read from the new queue, and moves on, before bob's relay has answered him.
TEST_F(RotationTest, TheNextSwitchShowsThatTheOneBeforeIsComplete) {
  use();
  const auto test = bob.deliveries->body_of(*bob.next(replacement), bob.sending(replacement));
  expect_switched(alice.deliver(*test, replacement), receiving, SwitchPhase::completed);
  const auto second = bob.sending(replacement).key;
  offer(alice);
  EXPECT_FALSE(bob.deliver(alice.send()).empty());
  EXPECT_EQ(bob.sending().key, second);
  EXPECT_NE(bob.sending(replacement).key, second);
  EXPECT_EQ(bob.count("snd_queues"), 2);
  (void)bob.send();  // the test, again
  expect_switched(alice.deliver(bob.send()), receiving, SwitchPhase::confirmed);
}

TEST_F(RotationTest, CopiesThatAreNotNeededGo) {
  add();
  (void)bob.send();
  for (int i = 0; i < 3; ++i) {
    bob.say("said");
    const auto heard = only<MessageReceived>(alice.deliver(bob.send()));
    ASSERT_TRUE(heard);
    if (i > 0) continue;
    const auto stored = alice.core->messages.received(alice.connection.key, alice.connection.id, heard->message);
    ASSERT_TRUE(
        alice.core->turn.run([&] { return alice.deliveries->enqueue_receipt(alice.now_connection(), **stored); }));
    alice.loop.run();
    EXPECT_FALSE(bob.deliver(alice.send()).empty());
  }
  EXPECT_EQ(waiting(bob, replacement), 2);
  bob.say("on its way");
  ASSERT_TRUE(bob.core->turn.run([&] { return bob.rotation->clean_up(); }));
  EXPECT_EQ(waiting(bob, replacement), 3);
  bob.loop.pass(bob.core->config.timeouts.message_expiry + std::chrono::seconds(1));
  ASSERT_TRUE(bob.core->turn.run([&] { return bob.rotation->clean_up(); }));
  EXPECT_EQ(waiting(bob, replacement), 1);
  EXPECT_EQ(waiting(bob, messages), 1);
}

TEST_F(RotationTest, WhatThePeerMustNotSayIsReportedOnceAndChangesNothing) {
  testing::SeededRandom random(8);
  const SenderQueue nowhere{*protocol::parse_server_address(relay_address), protocol::SenderId(random.bytes(24))};
  const auto in_use = name_of(alice.receiving());
  Desk carol{9};
  (void)carol.invite();
  const auto other = carol.receiving();
  // The peer as recipient.
  expect_refused(alice, bob, offer_of(other, std::nullopt));
  expect_refused(alice, bob, offer_of(other, nowhere));
  expect_refused(alice, bob, offer_of(alice.receiving(), in_use));
  auto zero = offer_of(other, in_use);
  zero.queues.front().queue.address.dh_key = {};
  expect_refused(alice, bob, zero);
  auto future = offer_of(other, in_use);
  future.queues.front().queue.versions = {SmpClientVersion(90), SmpClientVersion(99)};
  expect_refused(alice, bob, future);
  expect_refused(alice, bob, message::QueueUse{{{nowhere, true}}});
  expect_refused(alice, bob, message::QueueUse{{{in_use, true}}});
  expect_refused(alice, bob, message::QueueTest{{nowhere}});
  expect_refused(alice, bob, message::QueueTest{std::vector<SenderQueue>(100, nowhere)});
  // The peer as sender.
  message::QueueKeys keys;
  keys.queues.push_back(
      {{SmpClientVersion(4), alice.receiving().address()}, crypto::generate_ed25519(random).public_key});
  expect_refused(bob, alice, keys);
  keys.queues.front().queue.address = other.address();
  expect_refused(bob, alice, keys);
  hear(alice, bob, "still here");
  hear(bob, alice, "still here, too");
}

TEST_F(RotationTest, NothingIsUsedBeforeItsTime) {
  add();
  // In a queue without keys:
  const auto junk = bob.core->dependencies.random.bytes(400);
  EXPECT_TRUE(only<ReceptionFailed>(alice.deliver(junk, replacement)));
  const auto theirs = bob.sending(replacement);
  const auto early = smp::seal_client_message(
      theirs.e2e_key, crypto::random_nonce(bob.core->dependencies.random), {SmpClientVersion(4), theirs.dh_public},
      {std::nullopt, Content(encode(AgentConfirmation{AgentVersion(7), std::nullopt, Content(junk)}))});
  EXPECT_TRUE(only<ReceptionFailed>(alice.deliver(*early, replacement)));
  // In one that nobody was asked to use:
  expect_switched(alice.deliver(bob.send()), receiving, SwitchPhase::confirmed);
  bob.say("too early");
  const auto before = state(alice);
  EXPECT_TRUE(only<ReceptionFailed>(alice.deliver(bob.take(replacement), replacement)));
  EXPECT_EQ(state(alice), before);
  expect_heard(alice.deliver(bob.send()), "too early");
  // Keys again, for the same queue:
  message::QueueKeys keys;
  keys.queues.push_back({{SmpClientVersion(4), alice.receiving(replacement).address()},
                         crypto::generate_ed25519(bob.core->dependencies.random).public_key});
  expect_refused(bob, alice, keys);
  // To use it twice, which is nothing new:
  secure(alice);
  (void)bob.deliver(alice.send());
  const auto used = state(bob);
  alice.say(message::QueueUse{{{name_of(alice.receiving(replacement)), true}}}, DeliveryKind::other);
  EXPECT_TRUE(bob.deliver(alice.send()).empty());
  EXPECT_EQ(state(bob), used);
}

TEST_F(RotationTest, AnOfferIsAnsweredWhenNewEncryptionKeysAreAgreedOn) {
  offer(alice);
  const auto offered = alice.send();
  begin_new_keys(bob);
  expect_switched(bob.deliver(offered), sending, SwitchPhase::started);
  EXPECT_EQ(bob.count("deliveries WHERE kind = 7"), 0);
  expect_switched(exchange(), receiving, SwitchPhase::confirmed);
  secure(alice);
  expect_switched(bob.deliver(alice.send()), sending, SwitchPhase::secured);
  const auto shown = bob.send(replacement);
  expect_switched(alice.deliver(shown, replacement), receiving, SwitchPhase::completed);
}

TEST_F(RotationTest, WhatNobodyCouldReadIsSaidAgainWithNewEncryptionKeys) {
  offer(alice);
  (void)alice.send();
  begin_new_keys(alice);
  (void)exchange();
  EXPECT_EQ(alice.receiving(replacement).status, QueueStatus::confirmed);
  secure(alice);
  (void)alice.send();
  begin_new_keys(bob);
  (void)exchange();
  EXPECT_EQ(bob.sending(replacement).status, QueueStatus::secured);
  expect_switched(alice.deliver(bob.send(replacement), replacement), receiving, SwitchPhase::completed);
}

// There is no test of the new queue then; but what agrees on the keys is in it, too.
TEST_F(RotationTest, AQueueIsUsedWhileNewEncryptionKeysAreAgreedOn) {
  add();
  expect_switched(alice.deliver(bob.send()), receiving, SwitchPhase::confirmed);
  bob.events.clear();
  secure(alice);
  const auto asked = alice.send();
  begin_new_keys(bob);
  expect_switched(bob.deliver(asked), sending, SwitchPhase::secured);
  expect_switched(alice.deliver(bob.send(replacement), replacement), receiving, SwitchPhase::completed);
}

TEST_F(RotationTest, ManyOffersAreOneAnswer) {
  const auto old = name_of(alice.receiving());
  RcvQueue last;
  for (int i = 0; i < 50; ++i) {
    last = alice.new_rcv_queue(protocol::QueueMode::messaging, retired);
    alice.say(offer_of(last, old), DeliveryKind::other);
    EXPECT_FALSE(bob.deliver(alice.send()).empty());
  }
  EXPECT_EQ(bob.count("snd_queues"), 2);
  EXPECT_EQ(bob.count("deliveries"), 1);
  ASSERT_TRUE(alice.core->queues.set_purpose(last.key, replacement));
  for (const auto& queue : *alice.core->queues.rcv_queues_of(alice.connection.key)) {
    if (queue.purpose == retired) {
      ASSERT_TRUE(alice.core->queues.insert_former(alice.connection.key, queue.sender_id, alice.core->now()));
    }
  }
  EXPECT_TRUE(alice.deliver(bob.send()).empty());  // for the first one
  expect_switched(alice.deliver(bob.send()), receiving, SwitchPhase::confirmed);
  EXPECT_EQ(bob.count("deliveries"), 0);
}

// Bob's relay was away for days: there is no way back from asking him.
TEST_F(RotationTest, ThePeerIsAskedAgainWhenThatCouldNotBeDelivered) {
  add();
  expect_switched(alice.deliver(bob.send()), receiving, SwitchPhase::confirmed);
  bob.events.clear();
  secure(alice);
  const auto give_up = [&](Failure failure) {
    const auto delivery = alice.next();
    ASSERT_TRUE(alice.core->turn.run(
        [&] { return alice.deliveries->give_up(*delivery, failure, Error{ErrorKind::network, "away"}); }));
    alice.loop.run();
  };
  give_up(Failure::network);
  expect_switched(bob.deliver(alice.take()), sending, SwitchPhase::secured);
  alice.say("one more");
  give_up(Failure::authorization);
  EXPECT_TRUE(only<MessageFailed>(alice.events));
}

// The peer's relay refuses whatever it is sent: that must not be tried again and again without a pause.
TEST_F(RotationTest, ARefusedUseIsTriedAgainAfterAPause) {
  using smp::client::Failure;
  const Failure too_large{Failure::Kind::refused, {}, smp::ErrorType(smp::errors::LargeMsg{})};
  const Failure nonsense{Failure::Kind::unexpected, {}, std::nullopt};
  const Failure gone{Failure::Kind::refused, {}, smp::ErrorType(smp::errors::Auth{})};
  for (const auto& why : {too_large, nonsense}) {
    EXPECT_TRUE(DeliveryQueues::tries_again(DeliveryKind::queue_use, why));
    EXPECT_FALSE(DeliveryQueues::tries_again(DeliveryKind::user, why));
  }
  EXPECT_FALSE(DeliveryQueues::tries_again(DeliveryKind::queue_use, gone));
}

TEST_F(RotationTest, AQueueThatItsRelayHasLostIsGivenUp) {
  use();
  const auto lost = alice.receiving(replacement).key;
  ASSERT_TRUE(alice.core->turn.run([&] { return alice.rotation->lost(lost); }));
  ASSERT_TRUE(alice.core->turn.run([&] { return alice.rotation->lost(lost); }));
  alice.loop.run();
  expect_switched(std::exchange(alice.events, {}), receiving, SwitchPhase::aborted);
  ASSERT_TRUE(alice.core->turn.run([&] { return alice.core->queues.erase(lost); }));
  bob.say("by the old queue");
  (void)bob.take();  // the test
  expect_heard(alice.deliver(bob.send()), "by the old queue");
  offer(alice);
  expect_switched(bob.deliver(alice.send()), sending, SwitchPhase::started);
}

TEST_F(RotationTest, OnlyTheFirstOfAListCounts) {
  auto offered = offer_of(alice.new_rcv_queue(protocol::QueueMode::messaging, retired), name_of(alice.receiving()));
  for (int i = 1; i < 40; ++i) offered.queues.push_back(offered.queues.front());
  alice.say(std::move(offered), DeliveryKind::other);
  expect_switched(bob.deliver(alice.send()), sending, SwitchPhase::started);
  EXPECT_EQ(bob.count("snd_queues"), 2);
}

TEST_F(RotationTest, TheNewRelayIsOneThatTheConnectionDoesNotUse) {
  const std::string one = "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@one.example";
  const std::string two = "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@two.example";
  const auto pick = [&](std::string_view failed = {}) {
    return *alice.commands->pick_server_for_switch(alice.connection.key, failed);
  };
  EXPECT_EQ(pick(), relay_address);  // the only one
  const auto use = [&](const std::vector<UserServer>& servers) {
    alice.core->servers.set(alice.user, *read_servers(servers));
  };
  use({{relay_address}, {one}});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pick(), one);
  EXPECT_EQ(pick(one), one) << "one that is down for now is still better than where we are";
  use({{relay_address}, {one}, {two}});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pick(one), two);
}

TEST_F(RotationTest, ADeletedConnectionLeavesNothing) {
  complete();
  offer(alice);
  EXPECT_EQ(alice.core->queues.rcv_queues_of(alice.connection.key)->size(), 3u);
  ASSERT_TRUE(alice.core->connections.erase(alice.connection.key));
  EXPECT_EQ(alice.count("rcv_queues"), 0);
  EXPECT_EQ(alice.count("commands"), 0);
}

}  // namespace
}  // namespace simplex::agent
