// Two queues in each direction, at two relays: the same messages go through both. The relays' answers are written by hand.
#include "pair.hpp"

namespace simplex::agent {
namespace {

constexpr auto first = QueuePurpose::messages;
constexpr auto second = QueuePurpose::second;

class RedundancyTest : public PairTest {
 protected:
  void SetUp() override {
    alice.core->config.redundancy = true;
    bob.core->config.redundancy = true;
  }

  // Alice invites with two queues.
  protocol::InvitationLink invite() {
    auto link = alice.invite();
    alice.new_rcv_queue(protocol::QueueMode::messaging, second);
    link.data.queues.push_back({alice.core->config.versions.smp_client, alice.receiving(second).address()});
    return link;
  }
  // Bob joins, as after SKEY at both and NEW for two queues; his confirmation waits to be taken in either.
  void join(const protocol::InvitationLink& link) {
    const auto agreed = agree(link, bob.core->config.versions, true);
    ASSERT_TRUE(agreed && agreed->second);
    bob.connection = bob.new_connection(Role::joiner, agreed->agent, agreed->pq);
    ASSERT_TRUE(bob.core->turn.run(
        [&] { return bob.commands->begin_join(bob.connection.key, link, *agreed, as_bytes("bob's profile")); }));
    for (const auto purpose : {first, second}) {
      ASSERT_TRUE(bob.core->queues.set_status(bob.sending(purpose).key, QueueStatus::secured));
      bob.new_rcv_queue(protocol::QueueMode::messaging, purpose);
    }
    ASSERT_TRUE(bob.core->turn.run([&] {
      return bob.deliveries->enqueue_confirmation(
          bob.connection, bob.sending(),
          AgentConnInfoReply{
              {{agreed->client, bob.receiving(first).address()}, {agreed->client, bob.receiving(second).address()}},
              Content(as_bytes("bob's profile"))});
    }));
    bob.loop.run();
  }
  // Alice accepts, as after SKEY at both of his; her confirmation waits to be taken in either.
  void allow() {
    const auto version = SmpClientVersion(4);
    ASSERT_TRUE(alice.core->turn.run([&]() -> Result<> {
      SIMPLEX_ASSIGN(auto queue, make_snd_queue(alice.core->dependencies.random, alice.connection.key,
                                                bob.receiving(first).address(), version));
      SIMPLEX_ASSIGN(queue.key, alice.core->queues.insert(queue));
      SIMPLEX_TRY(alice.commands->add_second(alice.connection.key, {version, bob.receiving(second).address()}));
      SIMPLEX_TRY(alice.core->queues.set_status(alice.sending(second).key, QueueStatus::secured));
      return alice.deliveries->enqueue_confirmation(alice.now_connection(), queue,
                                                    AgentConnInfo{Content(as_bytes("alice's profile"))});
    }));
    alice.loop.run();
  }
  void connect() {
    join(invite());
    for (const auto purpose : {first, second}) alice.deliver(bob.send(purpose), purpose);
    allow();
    for (const auto purpose : {first, second}) bob.deliver(alice.send(purpose), purpose);
    alice.events.clear();
    bob.events.clear();
    ASSERT_TRUE(alice.now_connection().connected && bob.now_connection().connected);
  }

  Bytes refused(Desk& desk, QueuePurpose purpose, Failure failure = Failure::authorization) {
    const auto delivery = desk.next(purpose);
    EXPECT_TRUE(delivery);
    auto body = desk.deliveries->body_of(*delivery, desk.sending(purpose));
    EXPECT_TRUE(desk.core->turn.run([&] {
      return desk.deliveries->give_up(*delivery, failure, {ErrorKind::authentication, "no", Advice::give_up});
    }));
    desk.loop.run();
    return *body;
  }
  static std::size_t lost(const std::vector<Event>& events) {
    return static_cast<std::size_t>(std::ranges::count_if(
        events, [](const Event& event) { return std::holds_alternative<QueueLost>(event.body); }));
  }
  // The steps of commands that wait for no relay.
  std::vector<Event> go_on(Desk& desk) {
    desk.commands->stop();
    EXPECT_TRUE(desk.commands->start());
    desk.loop.run();
    return std::exchange(desk.events, {});
  }
};

class ConfirmationInTwoQueues : public RedundancyTest, public ::testing::WithParamInterface<bool> {};

TEST_P(ConfirmationInTwoQueues, TheSecondIsNoNews) {
  const auto a = GetParam() ? second : first;
  const auto b = GetParam() ? first : second;
  join(invite());
  const auto in_a = bob.send(a);
  ASSERT_TRUE(only<Joined>(std::exchange(bob.events, {})));
  const auto in_b = bob.send(b);
  EXPECT_TRUE(std::exchange(bob.events, {}).empty());
  EXPECT_TRUE(only<ConfirmationReceived>(alice.deliver(in_a, a)));
  EXPECT_EQ(alice.count("commands WHERE kind = 13"), 1);
  EXPECT_TRUE(alice.deliver(in_b, b).empty());
  EXPECT_EQ(alice.receiving(b).status, QueueStatus::active);
  EXPECT_EQ(alice.count("commands WHERE kind = 13"), 0);
  // And once more, when its acknowledgement was lost.
  EXPECT_TRUE(alice.deliver(in_a, a).empty());
  EXPECT_TRUE(alice.deliver(in_b, b).empty());
  allow();
  EXPECT_EQ(bob.deliver(alice.send(a), a).size(), 2u);
  ASSERT_TRUE(only<Connected>(std::exchange(alice.events, {})));
  EXPECT_TRUE(bob.deliver(alice.send(b), b).empty());
  EXPECT_TRUE(std::exchange(alice.events, {}).empty());
}
INSTANTIATE_TEST_SUITE_P(Order, ConfirmationInTwoQueues, ::testing::Bool());

TEST_F(RedundancyTest, AnotherConfirmationInTheSecondQueueIsRefused) {
  const auto link = invite();
  join(link);
  ASSERT_TRUE(only<ConfirmationReceived>(alice.deliver(bob.send(first), first)));
  Desk mallory{3};
  mallory.core->config.redundancy = true;
  auto only_second = link;
  only_second.data.queues.erase(only_second.data.queues.begin());
  mallory.join(only_second, "mallory");
  EXPECT_TRUE(only<ReceptionFailed>(alice.deliver(mallory.take(), second)));
  EXPECT_EQ(alice.receiving(second).status, QueueStatus::new_);
  EXPECT_TRUE(alice.deliver(bob.send(second), second).empty());
  EXPECT_EQ(alice.receiving(second).status, QueueStatus::active);
}

TEST_F(RedundancyTest, EachMessageGoesThroughBothAndIsHeardOnce) {
  connect();
  bob.say("hello");
  const auto in_second = bob.send(second);
  ASSERT_TRUE(only<MessageSent>(std::exchange(bob.events, {})));
  const auto in_first = bob.send(first);
  EXPECT_TRUE(std::exchange(bob.events, {}).empty());
  expect_heard(alice.deliver(in_first), "hello");
  EXPECT_TRUE(alice.deliver(in_second, second).empty());
  EXPECT_EQ(bob.count("deliveries"), 0);
}

TEST_F(RedundancyTest, OffItIsAsIfOneQueueHadBeenNamed) {
  bob.core->config.redundancy = false;
  const auto link = invite();
  const auto agreed = agree(link, bob.core->config.versions, true);
  ASSERT_TRUE(agreed);
  bob.connection = bob.new_connection(Role::joiner, agreed->agent, agreed->pq);
  ASSERT_TRUE(bob.core->turn.run(
      [&] { return bob.commands->begin_join(bob.connection.key, link, *agreed, as_bytes("bob's profile")); }));
  EXPECT_EQ(bob.count("snd_queues"), 1);
  EXPECT_TRUE(protocol::same_queue(agreed->queue, link.data.queues.front().address));
}

TEST_F(RedundancyTest, ASecondQueueThatCannotBeUsedIsLeftOut) {
  const auto& versions = bob.core->config.versions;
  const auto whole = invite();
  ASSERT_TRUE(agree(whole, versions, true)->second);
  auto link = whole;
  link.data.queues[1].address = link.data.queues[0].address;
  EXPECT_FALSE(agree(link, versions, true)->second);
  link = whole;
  link.data.queues[1].address.mode = protocol::QueueMode::contact;
  EXPECT_FALSE(agree(link, versions, true)->second);
  link = whole;
  link.data.queues[1].address.mode.reset();
  EXPECT_FALSE(agree(link, versions, true)->second);
  link = whole;
  link.data.queues[0].address.mode.reset();
  EXPECT_FALSE(agree(link, versions, true)->second);
  link = whole;
  link.data.queues[1].versions = {SmpClientVersion(90), SmpClientVersion(91)};
  EXPECT_FALSE(agree(link, versions, true)->second);
  auto old = versions;
  old.smp_client.max = SmpClientVersion(2);
  EXPECT_FALSE(agree(whole, old, true)->second);
}

// ---- order ----------------------------------------------------------------------------------------------------------

class OrderOfTwoQueues : public RedundancyTest {
 protected:
  void SetUp() override {
    RedundancyTest::SetUp();
    connect();
  }
  // What bob says, as it comes in either queue.
  void say(int count) {
    for (int i = 0; i < count; ++i) {
      bob.say(std::to_string(i));
      in_first.push_back(bob.take(first));
      in_second.push_back(bob.take(second));
    }
  }
  std::vector<Bytes> in_first;
  std::vector<Bytes> in_second;
};

TEST_F(OrderOfTwoQueues, AMessageWaitsForThoseThatTheOtherQueueBrings) {
  say(4);
  expect_heard(alice.deliver(in_second[0], second), "0");
  const auto hashes = alice.count("received_hashes");
  EXPECT_TRUE(alice.deliver(in_second[3], second).empty());  // 1 and 2 were lost there
  EXPECT_TRUE(alice.deliver(in_second[3], second).empty());
  EXPECT_EQ(alice.count("received_hashes"), hashes);
  EXPECT_TRUE(alice.deliver(in_first[0]).empty());
  expect_heard(alice.deliver(in_first[1]), "1");
  expect_heard(alice.deliver(in_first[2]), "2");
  const auto last = only<MessageReceived>(alice.deliver(in_second[3], second));
  ASSERT_TRUE(last);
  EXPECT_TRUE(std::holds_alternative<IntegrityOk>(last->integrity));
  EXPECT_TRUE(alice.deliver(in_first[3]).empty());
}

TEST_F(OrderOfTwoQueues, ItDoesNotWaitForEver) {
  say(3);
  expect_heard(alice.deliver(in_second[0], second), "0");
  EXPECT_TRUE(alice.deliver(in_second[2], second).empty());
  alice.loop.pass(alice.core->config.timeouts.other_queue_away);
  const auto late = only<MessageReceived>(alice.deliver(in_second[2], second));
  ASSERT_TRUE(late);
  EXPECT_TRUE(std::holds_alternative<IntegritySkipped>(late->integrity));
}

TEST_F(OrderOfTwoQueues, WhatBothLackIsNotWaitedFor) {
  say(3);
  expect_heard(alice.deliver(in_second[0], second), "0");
  EXPECT_TRUE(alice.deliver(in_second[2], second).empty());
  EXPECT_TRUE(alice.deliver(in_first[0]).empty());
  const auto next = only<MessageReceived>(alice.deliver(in_first[2]));
  ASSERT_TRUE(next);
  EXPECT_TRUE(std::holds_alternative<IntegritySkipped>(next->integrity));
  EXPECT_TRUE(alice.deliver(in_second[2], second).empty());
}

TEST_F(OrderOfTwoQueues, ALostQueueIsNotWaitedFor) {
  say(3);
  expect_heard(alice.deliver(in_second[0], second), "0");
  ASSERT_TRUE(alice.core->queues.set_status(alice.receiving(first).key, QueueStatus::lost));
  EXPECT_TRUE(only<MessageReceived>(alice.deliver(in_second[2], second)));
}

TEST_F(OrderOfTwoQueues, SoManyAreMissingThatItCannotBeReadYet) {
  constexpr std::size_t many = 600;
  say(many);
  expect_heard(alice.deliver(in_second[0], second), "0");
  EXPECT_TRUE(alice.deliver(in_second[many - 1], second).empty());
  EXPECT_TRUE(alice.deliver(in_first[0]).empty());
  for (std::size_t i = 1; i + 1 < many; ++i) ASSERT_EQ(alice.deliver(in_first[i]).size(), 1u);
  expect_heard(alice.deliver(in_second[many - 1], second), std::to_string(many - 1));
  EXPECT_EQ(alice.now_connection().sync, RatchetSyncState::ok);
}

// ---- relays that fail -----------------------------------------------------------------------------------------------

TEST_F(RedundancyTest, OneRelayRefusesAndItIsSaidOnce) {
  connect();
  for (const char* text : {"a", "b"}) {
    bob.say(text);
    const auto body = bob.send(first);
    refused(bob, second);
    const auto events = std::exchange(bob.events, {});
    EXPECT_EQ(lost(events), text == std::string_view("a") ? 1u : 0u);
    EXPECT_EQ(events.size(), text == std::string_view("a") ? 2u : 1u);  // and MessageSent
    expect_heard(alice.deliver(body), text);
  }
  EXPECT_EQ(bob.sending(second).status, QueueStatus::lost);
  bob.say("c");
  bob.send(second);  // its relay has its data back
  EXPECT_EQ(bob.sending(second).status, QueueStatus::active);
}

TEST_F(RedundancyTest, WhenBothRefuseTheMessageFails) {
  connect();
  bob.say("nobody hears it");
  refused(bob, first);
  EXPECT_EQ(lost(bob.events), 1u);
  bob.events.clear();
  refused(bob, second);
  EXPECT_EQ(lost(bob.events), 1u);
  EXPECT_TRUE(std::holds_alternative<MessageFailed>(bob.events.back().body));
  EXPECT_EQ(bob.count("deliveries"), 0);
}

TEST_F(RedundancyTest, WhatARelayNeverTookInTheBeginningEndsItsQueue) {
  join(invite());
  refused(bob, first, Failure::network);
  EXPECT_EQ(lost(std::exchange(bob.events, {})), 1u);
  EXPECT_EQ(bob.count("snd_queues"), 1);
  // The second one is the first now.
  EXPECT_TRUE(only<ConfirmationReceived>(alice.deliver(bob.send(first), second)));
  allow();
  bob.deliver(alice.send(first), first);
  bob.say("hello");
  alice.events.clear();
  expect_heard(alice.deliver(bob.send(first), second), "hello");
  // Nobody uses alice's first queue: it goes after a while.
  alice.loop.pass(3 * alice.core->config.timeouts.message_expiry);
  ASSERT_TRUE(alice.core->turn.run([&] { return alice.commands->clean_up(); }));
  alice.loop.run();
  EXPECT_EQ(alice.receiving(first).status, QueueStatus::active);
  EXPECT_EQ(alice.count("rcv_queues WHERE purpose = 3"), 1);
  EXPECT_EQ(alice.count("commands WHERE kind = 4"), 1);
}

TEST_F(RedundancyTest, AQueueThatItsRelayHasLostIsSaidOnceAndReplaced) {
  connect();
  const auto gone = alice.receiving(second).key;
  for (int i = 0; i < 2; ++i) {
    const auto told = alice.core->turn.run([&] { return alice.rotation->lost(gone); });
    EXPECT_TRUE(told && *told);
    alice.loop.run();
  }
  const auto event = only<QueueLost>(std::exchange(alice.events, {}));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->direction, QueueDirection::receiving);
  EXPECT_EQ(alice.count("commands WHERE kind = 6"), 1);
  // Both are lost, and that does not stop it.
  const auto told = alice.core->turn.run([&] { return alice.rotation->lost(alice.receiving(first).key); });
  EXPECT_TRUE(told && *told);
}

// ---- rotation -------------------------------------------------------------------------------------------------------

class RotationOfOneOfTwo : public OrderOfTwoQueues, public ::testing::WithParamInterface<bool> {
 protected:
  [[nodiscard]] QueuePurpose leaving() const { return GetParam() ? second : first; }
  [[nodiscard]] QueuePurpose staying() const { return GetParam() ? first : second; }
  [[nodiscard]] QueuePurpose replacement() const { return replacement_for(leaving()); }
};

TEST_P(RotationOfOneOfTwo, ItTakesTheWayOfTheOtherAndNothingIsLost) {
  const auto old = alice.receiving(leaving()).key;
  if (GetParam()) ASSERT_TRUE(alice.core->queues.set_status(old, QueueStatus::lost));  // else it is the older one
  ASSERT_TRUE(alice.core->turn.run([&] { return alice.rotation->start(alice.now_connection()); }));
  alice.new_rcv_queue(protocol::QueueMode::messaging, replacement());
  go_on(alice);
  // All of it goes through those that stay; the others' relays take nothing.
  bob.deliver(alice.send(staying()), staying());
  alice.deliver(bob.send(staying()), staying());
  ASSERT_TRUE(alice.core->queues.set_status(alice.receiving(replacement()).key, QueueStatus::secured));
  bob.say("before");
  go_on(alice);
  bob.deliver(alice.send(staying()), staying());
  const auto kept = bob.sending(leaving());
  EXPECT_TRUE(protocol::same_queue(
      {kept.server, kept.sender_id, kept.dh_public, kept.mode},
      {alice.receiving(replacement()).server, alice.receiving(replacement()).sender_id, kept.dh_public, kept.mode}));
  EXPECT_EQ(bob.count("snd_queues"), 2);
  bob.events.clear();
  // What waited for the old one goes to the new one, from the first on.
  alice.events.clear();
  EXPECT_FALSE(alice.deliver(bob.send(leaving()), replacement()).empty());
  EXPECT_NE(alice.receiving(leaving()).key, old);
  EXPECT_EQ(alice.receiving(QueuePurpose::retired).key, old);
  expect_heard(alice.deliver(bob.send(leaving()), leaving()), "before");
}
INSTANTIATE_TEST_SUITE_P(Which, RotationOfOneOfTwo, ::testing::Bool());

}  // namespace
}  // namespace simplex::agent
