// What a peer, or whoever knows the link, may send.
#include "pair.hpp"

namespace simplex::agent {
namespace {

using ReceptionTest = PairTest;

TEST_F(ReceptionTest, MessagesAreReadBeforeTheConnectionIsAllowed) {
  confirm();
  bob.say("early");
  const auto message = only<MessageReceived>(alice.deliver(bob.take()));
  ASSERT_TRUE(message);
  EXPECT_EQ(text_of(*message), "early");
  EXPECT_EQ(message->sender_message, SenderMessageId(2));  // the confirmation was the first
  EXPECT_TRUE(std::holds_alternative<IntegrityOk>(message->integrity));
  EXPECT_EQ(message->relay_time, from_seconds_since_epoch(1'700'000'000));
}

TEST_F(ReceptionTest, EveryLayersGarbageIsReportedOnceAndBlocksNothing) {
  confirm();
  testing::SeededRandom random(3);
  const smp::PublicHeader header{SmpClientVersion(4), std::nullopt};
  const auto sealed = [&](BytesView envelope) {
    return *smp::seal_client_message(*alice.receiving().e2e_key, crypto::random_nonce(random), header,
                                     {std::nullopt, Content(envelope)});
  };
  const auto junk = random.bytes(300);
  const auto other_junk = random.bytes(300);
  std::vector<Bytes> bodies{{},
                            {0},
                            junk,
                            random.bytes(16'000),
                            sealed({}),
                            sealed(junk),
                            sealed(Bytes{0, 7, 'M'}),
                            sealed(encode(AgentMessageEnvelope{AgentVersion(7), Content(other_junk)})),
                            sealed(encode(AgentConfirmation{AgentVersion(7), std::nullopt, Content(junk)}))};
  for (const auto& body : bodies) {
    SCOPED_TRACE(body.size());
    ASSERT_TRUE(only<ReceptionFailed>(alice.deliver(body)));
    EXPECT_TRUE(alice.deliver(body).empty());
  }
  // Not even of the relay:
  ASSERT_TRUE(only<ReceptionFailed>(alice.deliver(smp::MessageId(Bytes(24, 1)), random.bytes(300))));
  bob.say("still here");
  expect_heard(alice.deliver(bob.take()), "still here");
}

TEST_F(ReceptionTest, BeforeTheConfirmationGarbageDoesNotUseUpTheInvitation) {
  const auto link = alice.invite();
  testing::SeededRandom random(4);
  EXPECT_TRUE(only<ReceptionFailed>(alice.deliver(random.bytes(16'000))));
  // One that reads like a confirmation, with keys that agree on nothing useful.
  const auto theirs = crypto::generate_x25519(random);
  const auto key = crypto::box_key(link.data.queues.front().address.dh_key, theirs.private_key);
  const auto keys = crypto::generate_receiver_params(random, E2eVersion(3), crypto::PqSupport::off);
  const auto junk = random.bytes(500);
  const auto body = smp::seal_client_message(
      *key, crypto::random_nonce(random), {SmpClientVersion(4), theirs.public_key},
      {std::nullopt, Content(encode(AgentConfirmation{AgentVersion(7), keys.params, Content(junk)}))});
  ASSERT_TRUE(body);
  EXPECT_TRUE(only<ReceptionFailed>(alice.deliver(*body)));
  bob.join(link, "bob");
  EXPECT_TRUE(only<ConfirmationReceived>(alice.deliver(bob.take())));
}

TEST_F(ReceptionTest, GarbageDoesNotFillTheDatabase) {
  const auto link = alice.invite();
  testing::SeededRandom random(6);
  Bytes last;
  for (int i = 0; i < 400; ++i) {
    last = random.bytes(40);
    alice.loop.pass(std::chrono::milliseconds(1));
    ASSERT_TRUE(only<ReceptionFailed>(alice.deliver(last)));
  }
  EXPECT_EQ(alice.count("received_hashes"), 256);
  EXPECT_TRUE(alice.deliver(last).empty());
  alice.loop.pass(alice.core->config.timeouts.duplicates_kept + std::chrono::seconds(1));
  ASSERT_TRUE(alice.core->messages.forget_before(alice.core->now() - alice.core->config.timeouts.duplicates_kept));
  EXPECT_EQ(alice.count("received_hashes"), 0);
  bob.join(link, "bob");
  EXPECT_TRUE(only<ConfirmationReceived>(alice.deliver(bob.take())));
}

TEST_F(ReceptionTest, AVersionThatIsNotUnderstoodIsSaid) {
  bob.join(alice.invite(), "bob");
  auto body = bob.take();
  body[1] = 9;  // SMP client version
  const auto failed = only<ReceptionFailed>(alice.deliver(body));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failure, Failure::version);
}

TEST_F(ReceptionTest, ARepeatedConfirmationIsNothingNew) {
  bob.join(alice.invite(), "bob");
  const auto body = bob.take();
  EXPECT_TRUE(only<ConfirmationReceived>(alice.deliver(body)));
  EXPECT_TRUE(alice.deliver(body).empty());
}

TEST_F(ReceptionTest, TheInvitationServesOnePerson) {
  const auto link = alice.invite();
  bob.join(link, "bob");
  EXPECT_TRUE(only<ConfirmationReceived>(alice.deliver(bob.take())));
  Desk mallory{5};
  mallory.join(link, "mallory");
  EXPECT_TRUE(only<ReceptionFailed>(alice.deliver(mallory.take())));
  bob.say("it is me");
  expect_heard(alice.deliver(bob.take()), "it is me");
}

TEST_F(ReceptionTest, AReplayIsNotHeardTwice) {
  confirm();
  bob.say("once");
  const auto body = bob.take();
  expect_heard(alice.deliver(body), "once");
  EXPECT_TRUE(alice.deliver(body).empty());
  EXPECT_EQ(alice.count("rcv_messages"), 1);
}

TEST_F(ReceptionTest, OutOfOrderMessagesAreReadAndReported) {
  confirm();
  std::vector<Bytes> bodies;
  for (const char* text : {"one", "two", "three"}) {
    bob.say(text);
    bodies.push_back(bob.take());
  }
  expect_heard(alice.deliver(bodies[0]), "one");
  const auto third = only<MessageReceived>(alice.deliver(bodies[2]));
  ASSERT_TRUE(third);
  EXPECT_EQ(text_of(*third), "three");
  ASSERT_TRUE(std::holds_alternative<IntegritySkipped>(third->integrity));
  EXPECT_EQ(std::get<IntegritySkipped>(third->integrity).from, SenderMessageId(3));
  EXPECT_EQ(alice.count("skipped_keys"), 1);
  const auto second = only<MessageReceived>(alice.deliver(bodies[1]));
  ASSERT_TRUE(second);
  EXPECT_EQ(text_of(*second), "two");
  EXPECT_TRUE(std::holds_alternative<IntegrityBadId>(second->integrity));
  EXPECT_EQ(alice.count("skipped_keys"), 0);
}

TEST_F(ReceptionTest, ADamagedBodyIsReportedAndTheNextMessageIsRead) {
  confirm();
  bob.say("damaged");
  auto delivery = bob.core->messages.first_of(bob.sending().key, DeliveryKey(), DeliveryKey(1'000'000));
  ASSERT_TRUE(delivery && *delivery);
  auto encrypted = (*delivery)->encrypt_key->encrypt((*delivery)->plaintext, (*delivery)->padded_size);
  ASSERT_TRUE(encrypted);
  encrypted->back() ^= 1;
  (void)bob.take();
  testing::SeededRandom random(6);
  const auto body = smp::seal_client_message(
      bob.sending().e2e_key, crypto::random_nonce(random), {SmpClientVersion(4), std::nullopt},
      {std::nullopt, Content(encode(AgentMessageEnvelope{AgentVersion(7), Content(*encrypted)}))});
  const auto failed = only<ReceptionFailed>(alice.deliver(*body));
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->failure, Failure::encryption);
  bob.say("whole");
  const auto message = only<MessageReceived>(alice.deliver(bob.take()));
  ASSERT_TRUE(message);
  EXPECT_EQ(text_of(*message), "whole");
  EXPECT_TRUE(std::holds_alternative<IntegritySkipped>(message->integrity));
}

TEST_F(ReceptionTest, MessagesThatConcernNothingHereAreReadAndIgnored) {
  confirm();
  const SenderQueue queue{*protocol::parse_server_address(relay_address), protocol::SenderId(Bytes(24, 1))};
  for (AMessage message :
       {AMessage(message::Receipts{{{SenderMessageId(2), MessageHash(Bytes(32, 1)), {}}}}),
        AMessage(message::RatchetReady{SenderMessageId(4)}), AMessage(message::QueueContinue{queue})}) {
    bob.say(std::move(message), DeliveryKind::other);
    EXPECT_TRUE(alice.deliver(bob.take()).empty());
  }
  bob.say("after them");
  const auto message = only<MessageReceived>(alice.deliver(bob.take()));
  ASSERT_TRUE(message);
  EXPECT_TRUE(std::holds_alternative<IntegrityOk>(message->integrity));
}

TEST_F(ReceptionTest, AFullQueueIsAnsweredWithQueueContinue) {
  confirm();
  // Alice allows: her queue to bob, and both are connected.
  ASSERT_TRUE(alice.core->turn.run([&]() -> Result<> {
    const auto reply = bob.receiving();
    SIMPLEX_ASSIGN(auto queue, make_snd_queue(alice.core->dependencies.random, alice.connection.key, reply.address(),
                                              SmpClientVersion(4)));
    SIMPLEX_TRY(alice.core->queues.insert(queue));
    return alice.core->connections.set_connected(alice.connection.key);
  }));
  const smp::MessageId id(Bytes(24, 9));
  const auto full = smp::encrypt_queue_message(alice.receiving().relay_key, id,
                                               smp::QuotaExceeded{from_seconds_since_epoch(1'700'000'000)});
  ASSERT_TRUE(full);
  EXPECT_TRUE(alice.deliver(id, *full).empty());
  EXPECT_EQ(alice.count("deliveries"), 1);
  // A relay that does not stop saying so, while nothing can be sent.
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(alice.deliver(id, *full).empty());
  EXPECT_EQ(alice.count("deliveries"), 16);
}

TEST_F(ReceptionTest, KeysOfMessagesThatNeverComeDoNotPileUp) {
  confirm();
  ASSERT_TRUE(alice.core->turn.run([&] {
    return alice.core->database.run(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4095) "
        "INSERT INTO skipped_keys (conn, header_key, number, message_key) SELECT ?, randomblob(32), i, x'' FROM n",
        alice.connection.key);
  }));
  const auto skip = [&] {
    bob.say("lost");
    (void)bob.take();
    bob.say("read");
    expect_heard(alice.deliver(bob.take()), "read");
  };
  skip();
  EXPECT_EQ(alice.count("skipped_keys"), 4096);
  bob.say("late");
  const auto late = bob.take();
  bob.say("read");
  expect_heard(alice.deliver(bob.take()), "read");
  EXPECT_EQ(alice.count("skipped_keys"), 1);
  expect_heard(alice.deliver(late), "late");
}

// Events that cannot be shown (of a newer program, or of a database from elsewhere) do not hide those behind them.
TEST_F(ReceptionTest, EventsThatCannotBeReadHideNoOthers) {
  connect();
  ASSERT_TRUE(alice.core->turn.run([&]() -> Result<> {
    for (int i = 0; i < 200; ++i) {
      SIMPLEX_TRY(alice.core->database.run("INSERT INTO events (connection_id, kind, payload) VALUES (?, ?, x'')",
                                           i % 2 == 0 ? BytesView(alice.connection.id.view()) : BytesView(), 99));
      SIMPLEX_TRY(alice.core->outbox.durable(Joined{alice.connection.id}));
    }
    return {};
  }));
  alice.loop.run();
  alice.core->outbox.stop();
  std::ptrdiff_t joined = 0;
  std::ptrdiff_t all = 0;
  ASSERT_TRUE(alice.core->outbox.start([&](const Event& event) {
    ++all;
    if (std::holds_alternative<Joined>(event.body)) ++joined;
  }));
  alice.loop.run();
  EXPECT_EQ(joined, 200);
  EXPECT_LE(all, 400);
}

// The standard handshake, up to the HELLO of each side. The relay's answer to bob's is late.
TEST_F(ReceptionTest, AnAnsweredHelloIsNotSaidAgain) {
  auto link = alice.invite();
  ASSERT_TRUE(alice.core->database.run("UPDATE rcv_queues SET mode = NULL"));
  link.data.queues.front().address.mode.reset();
  bob.join(link, "bob");
  EXPECT_TRUE(only<ConfirmationReceived>(alice.deliver(bob.take())));
  ASSERT_TRUE(alice.core->turn.run([&]() -> Result<> {
    auto reply = bob.receiving().address();
    reply.mode.reset();
    SIMPLEX_ASSIGN(auto queue,
                   make_snd_queue(alice.core->dependencies.random, alice.connection.key, reply, SmpClientVersion(4)));
    SIMPLEX_ASSIGN(queue.key, alice.core->queues.insert(queue));
    const AgentConnInfo info{Content(as_bytes("alice"))};
    return alice.deliveries->enqueue_confirmation(alice.now_connection(), queue, info);
  }));
  EXPECT_TRUE(only<PeerInfoReceived>(bob.deliver(alice.take())));
  EXPECT_EQ(bob.count("commands"), 1);  // KEY, then HELLO
  bob.say(message::Hello{}, DeliveryKind::hello);
  const auto waiting = bob.core->messages.first_of(bob.sending().key, DeliveryKey(), DeliveryKey(1'000'000));
  ASSERT_TRUE(waiting && *waiting);
  EXPECT_TRUE(alice.deliver(*bob.deliveries->body_of(**waiting, bob.sending())).empty());
  EXPECT_EQ(alice.count("deliveries"), 1);
  EXPECT_TRUE(only<Connected>(bob.deliver(alice.take())));
  EXPECT_EQ(bob.count("deliveries"), 1);
}

TEST_F(ReceptionTest, PostQuantumSupportFollowsWishAndVersions) {
  for (const bool alice_pq : {false, true}) {
    for (const bool bob_pq : {false, true}) {
      for (const auto version : std::initializer_list<std::uint16_t>{4, 5, 7}) {
        SCOPED_TRACE(std::to_string(alice_pq) + std::to_string(bob_pq) + " v" + std::to_string(version));
        Desk inviter{10};
        Versions versions;
        versions.agent.max = AgentVersion(version);
        Desk joiner{11, versions};
        joiner.join(inviter.invite(alice_pq), "profile", bob_pq);
        const auto confirmed = only<ConfirmationReceived>(inviter.deliver(joiner.take()));
        ASSERT_TRUE(confirmed);
        // Versions decide, and the inviter's own wish: the joining party's shows in its ratchet messages.
        EXPECT_EQ(confirmed->pq_support, alice_pq && version >= 5);
        EXPECT_EQ(joiner.now_connection().pq == crypto::PqSupport::on, bob_pq && version >= 5);
        EXPECT_EQ(inviter.now_connection().agent_version, AgentVersion(version));
      }
    }
  }
}

}  // namespace
}  // namespace simplex::agent
