// Stories of alice (who receives) and bob (who sends), on one shard and on several.
#include "engine_world.hpp"

#include "simplex/crypto/hash.hpp"

namespace simplex::smp::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto only_create = SubscriptionMode::only_create;

// Every story has to be true however the relay is cut into shards, and in every version.
struct Setting {
  std::size_t shards;
  std::uint16_t version;
};

class Stories : public ::testing::TestWithParam<Setting> {
 protected:
  Stories() : world_(GetParam().shards) {}
  [[nodiscard]] std::uint16_t version() const { return GetParam().version; }
  [[nodiscard]] std::size_t last_shard() const { return GetParam().shards - 1; }

  EngineWorld world_;
  TestClient alice_{world_, 0, GetParam().version};
  TestClient bob_{world_, GetParam().shards - 1, GetParam().version};
};

INSTANTIATE_TEST_SUITE_P(Relay, Stories,
                         ::testing::Values(Setting{1, 6}, Setting{1, 9}, Setting{1, 18}, Setting{1, 20}, Setting{2, 6},
                                           Setting{2, 18}, Setting{5, 11}),
                         [](const auto& setting) {
                           return "Shards" + std::to_string(setting.param.shards) + "Version" +
                                  std::to_string(setting.param.version);
                         });

TEST_P(Stories, CreateSecureSendReceiveAcknowledge) {
  const auto queue = alice_.create();
  EXPECT_THAT(queue.recipient_id, SizeIs(24));
  EXPECT_NE(queue.recipient_id, queue.sender_id);
  EXPECT_EQ(alice_.subscriptions(), 1u);

  EXPECT_TRUE(bob_.send(queue, "may I?").is<broker::Ok>());
  const auto first = alice_.event();
  EXPECT_EQ(TestClient::text(queue, first), "may I?");
  EXPECT_EQ(first->entity_id, queue.recipient_id);

  const auto key = bob_.new_key(version() >= 7);
  const auto secured = alice_.call(command::Key{crypto::public_key(key)}, queue.recipient_id, &queue.recipient_key);
  EXPECT_TRUE(secured.is<broker::Ok>()) << secured;
  EXPECT_TRUE(alice_.acknowledge(queue, *first).is<broker::Ok>());

  EXPECT_TRUE(bob_.send(queue, "hello").is_error(errors::Auth{}));
  EXPECT_TRUE(bob_.send(queue, "hello", &key).is<broker::Ok>());
  EXPECT_TRUE(bob_.send(queue, "again", &key).is<broker::Ok>());
  const auto hello = alice_.event();
  EXPECT_EQ(TestClient::text(queue, hello), "hello");
  EXPECT_FALSE(alice_.event()) << "the second waits for the first to be acknowledged";
  const auto again = alice_.acknowledge(queue, *hello);
  EXPECT_EQ(TestClient::text(queue, again), "again");
  EXPECT_TRUE(alice_.acknowledge(queue, again).is<broker::Ok>());
  EXPECT_TRUE(alice_.acknowledge(queue, again).is_error(errors::NoMsg{}));
  EXPECT_THAT(alice_.inbox, IsEmpty());
  EXPECT_EQ(alice_.unanswered() + bob_.unanswered(), 0u);
}

TEST_P(Stories, MessagesKeepTheirOrderAndWaitForTheRecipient) {
  const auto queue = alice_.create(only_create);
  EXPECT_EQ(alice_.subscriptions(), 0u);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(bob_.send(queue, std::to_string(i)).is<broker::Ok>());
  EXPECT_FALSE(alice_.event());
  EXPECT_TRUE(alice_.subscribe(queue).is<broker::Sok>() || version() < 16);
  auto message = alice_.event();
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(TestClient::text(queue, message), std::to_string(i));
    message = alice_.acknowledge(queue, *message);
  }
  EXPECT_TRUE(message->is<broker::Ok>());
}

TEST_P(Stories, TheSubscriptionAnswerComesBeforeTheMessage) {
  const auto queue = alice_.create(only_create);
  bob_.send(queue, "hi");
  const auto corr_id = CorrId::generate(world_.random());
  alice_.post(alice_.transmission(command::Sub{}, queue.recipient_id, &queue.recipient_key, corr_id));
  ASSERT_THAT(alice_.inbox, SizeIs(2));
  EXPECT_EQ(alice_.inbox[0].corr_id, corr_id);
  EXPECT_EQ(TestClient::text(queue, alice_.inbox[1]), "hi");
}

TEST_P(Stories, AMessageThatWasNotAcknowledgedIsDeliveredAgain) {
  const auto queue = alice_.create();
  bob_.send(queue, "one");
  const auto first = alice_.event();
  EXPECT_EQ(TestClient::text(queue, first), "one");
  alice_.subscribe(queue);
  const auto second = alice_.event();
  EXPECT_EQ(TestClient::text(queue, second), "one");
  EXPECT_EQ(first->as<broker::Msg>().id, second->as<broker::Msg>().id);

  alice_.disconnect();
  TestClient again(world_, last_shard(), version());
  again.subscribe(queue);
  const auto third = again.event();
  EXPECT_EQ(TestClient::text(queue, third), "one");
  EXPECT_TRUE(again.acknowledge(queue, *third).is<broker::Ok>());
}

TEST_P(Stories, ASecondSubscriberEndsTheFirst) {
  const auto queue = alice_.create();
  bob_.send(queue, "one");
  const auto delivered = alice_.event();
  TestClient phone(world_, last_shard(), version());
  phone.subscribe(queue);
  const auto end = alice_.event();
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->is<broker::End>()) << *end;
  EXPECT_EQ(end->entity_id, queue.recipient_id);
  EXPECT_EQ(alice_.subscriptions(), 0u);
  EXPECT_EQ(phone.subscriptions(), 1u);
  EXPECT_EQ(TestClient::text(queue, phone.event()), "one");
  EXPECT_TRUE(alice_.acknowledge(queue, *delivered).is_error(errors::NoMsg{}));

  bob_.send(queue, "two");
  EXPECT_FALSE(alice_.event());
  alice_.disconnect();
  bob_.send(queue, "three");
  EXPECT_FALSE(phone.event()) << "one message at a time";
}

TEST_P(Stories, AConnectionThatEndedIsNoSubscriber) {
  const auto queue = alice_.create();
  alice_.disconnect();
  EXPECT_TRUE(bob_.send(queue, "for later").is<broker::Ok>());
  TestClient again(world_, 0, version());
  again.subscribe(queue);
  EXPECT_EQ(TestClient::text(queue, again.event()), "for later");
}

TEST_P(Stories, AFullQueueRefusesAndTellsTheRecipient) {
  world_.settings.queue_quota = 3;
  const auto queue = alice_.create(only_create);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bob_.send(queue, std::to_string(i)).is<broker::Ok>());
  EXPECT_TRUE(bob_.send(queue, "over").is_error(errors::Quota{}));
  EXPECT_TRUE(bob_.send(queue, "over").is_error(errors::Quota{}));
  alice_.subscribe(queue);
  auto message = alice_.event();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(TestClient::text(queue, message), std::to_string(i));
    EXPECT_TRUE(bob_.send(queue, "still full").is_error(errors::Quota{}));
    message = alice_.acknowledge(queue, *message);
  }
  EXPECT_EQ(TestClient::text(queue, message), "QUOTA");
  EXPECT_TRUE(bob_.send(queue, "still full").is_error(errors::Quota{}));
  EXPECT_TRUE(alice_.acknowledge(queue, *message).is<broker::Ok>());
  EXPECT_TRUE(bob_.send(queue, "room again").is<broker::Ok>());
  EXPECT_EQ(TestClient::text(queue, alice_.event()), "room again");
}

TEST_P(Stories, ASuspendedQueueDeliversButTakesNothing) {
  const auto queue = alice_.create();
  bob_.send(queue, "before");
  const auto message = alice_.event();
  EXPECT_TRUE(alice_.call(command::Off{}, queue.recipient_id, &queue.recipient_key).is<broker::Ok>());
  EXPECT_TRUE(bob_.send(queue, "after").is_error(errors::Auth{}));
  EXPECT_TRUE(alice_.acknowledge(queue, *message).is<broker::Ok>());
  EXPECT_TRUE(alice_.call(command::Off{}, queue.recipient_id, &queue.recipient_key).is<broker::Ok>());
}

TEST_P(Stories, ADeletedQueueIsGone) {
  const auto queue = alice_.create();
  TestClient phone(world_, last_shard(), version());
  bob_.send(queue, "lost");
  EXPECT_TRUE(phone.call(command::Del{}, queue.recipient_id, &queue.recipient_key).is<broker::Ok>());
  EXPECT_EQ(TestClient::text(queue, alice_.event()), "lost");
  const auto deleted = alice_.event();
  ASSERT_TRUE(deleted);
  EXPECT_TRUE(deleted->is<broker::Deld>() || version() < 10) << *deleted;
  EXPECT_EQ(alice_.subscriptions(), 0u);
  EXPECT_TRUE(bob_.send(queue, "x").is_error(errors::Auth{}));
  EXPECT_TRUE(alice_.subscribe(queue).is_error(errors::Auth{}));
  EXPECT_TRUE(phone.call(command::Del{}, queue.recipient_id, &queue.recipient_key).is_error(errors::Auth{}));
  std::size_t queues = 0;
  for (std::size_t i = 0; i < world_.shard_count(); ++i) queues += world_.shard(i).queue_count();
  EXPECT_EQ(queues, 0u);
}

TEST_P(Stories, DeletingOnesOwnSubscribedQueueEndsTheSubscription) {
  const auto queue = alice_.create();
  EXPECT_TRUE(alice_.call(command::Del{}, queue.recipient_id, &queue.recipient_key).is<broker::Ok>());
  EXPECT_EQ(alice_.subscriptions(), 0u);
  EXPECT_THAT(alice_.inbox, IsEmpty());
}

TEST_P(Stories, OnlyTheRightKeyCounts) {
  const auto queue = alice_.create();
  const auto wrong = alice_.new_key();
  for (const auto& command : std::vector<ClientCommand>{command::Sub{}, command::Get{}, command::Off{}, command::Del{},
                                                        command::Que{}, command::Ack{}, command::Ndel{}}) {
    EXPECT_TRUE(alice_.call(command, queue.recipient_id, &wrong).is_error(errors::Auth{})) << name_of(command);
    EXPECT_TRUE(alice_.call(command, queue.sender_id, &queue.recipient_key).is_error(errors::Auth{}));
    EXPECT_TRUE(alice_.call(command, world_.random().bytes(24), &queue.recipient_key).is_error(errors::Auth{}));
    EXPECT_TRUE(alice_.call(command, world_.random().bytes(60), &queue.recipient_key).is_error(errors::Auth{}));
  }
  EXPECT_TRUE(bob_.call(command::Send{{}, Content(as_bytes("x"))}, queue.sender_id, &wrong).is_error(errors::Auth{}))
      << "a queue that is not secured takes no authorized messages";
  EXPECT_TRUE(bob_.call(command::Send{{}, Content(as_bytes("x"))}, queue.recipient_id).is_error(errors::Auth{}));
  EXPECT_TRUE(bob_.send(queue, "x").is<broker::Ok>());
}

TEST_P(Stories, ASignatureOfAnotherSessionDoesNotCount) {
  const auto queue = alice_.create();
  const auto corr_id = CorrId::generate(world_.random());
  bob_.post(alice_.transmission(command::Sub{}, queue.recipient_id, &queue.recipient_key, corr_id));
  const auto expected = version() < 7 ? ErrorType(errors::Session{}) : ErrorType(errors::Auth{});
  EXPECT_TRUE(bob_.response(corr_id).is_error(expected));
}

TEST_P(Stories, ADamagedCommandIsRefused) {
  const auto queue = alice_.create();
  const auto corr_id = CorrId::generate(world_.random());
  auto transmission = alice_.transmission(command::Key{crypto::public_key(queue.recipient_key)}, queue.recipient_id,
                                          &queue.recipient_key, corr_id);
  transmission.back() ^= 1;  // the last octet of the key
  alice_.post(transmission);
  EXPECT_TRUE(alice_.response(corr_id).is_error(errors::Auth{}));
}

TEST_P(Stories, BatchesAreAnsweredInOrder) {
  const auto queue = alice_.create();
  protocol::Batch batch;
  std::vector<CorrId> ids;
  for (int i = 0; i < 20; ++i) {
    ids.push_back(CorrId::generate(world_.random()));
    ASSERT_TRUE(batch.add(
        i % 2 == 0 ? alice_.transmission(command::Ping{}, {}, nullptr, ids.back())
                   : alice_.transmission(command::Sub{}, queue.recipient_id, &queue.recipient_key, ids.back())));
  }
  alice_.post_content(batch.take());
  std::vector<CorrId> answered;
  for (const auto& got : alice_.inbox) answered.push_back(got.corr_id);
  EXPECT_EQ(answered, ids) << "alice's queue is on her shard";
}

TEST_P(Stories, ExpiredMessagesAreNotDelivered) {
  world_.settings.message_ttl = std::chrono::days(21);
  const auto queue = alice_.create(only_create);
  bob_.send(queue, "old");
  world_.clock.seconds += 20 * 86'400;
  bob_.send(queue, "newer");
  world_.clock.seconds += 2 * 86'400;
  alice_.subscribe(queue);
  EXPECT_EQ(TestClient::text(queue, alice_.event()), "newer");
}

TEST_P(Stories, ASweepDropsExpiredMessages) {
  const auto queue = alice_.create(only_create);
  for (int i = 0; i < 3; ++i) bob_.send(queue, "old");
  std::size_t messages = 0;
  world_.clock.seconds += 22 * 86'400;
  for (std::size_t i = 0; i < world_.shard_count(); ++i) {
    messages += world_.shard(i).message_count();
    for (bool finished = false; !finished;) {
      world_.shard(i).expire_messages(2, [&](bool done) { finished = done; });
    }
    EXPECT_EQ(world_.shard(i).message_count(), 0u);
  }
  EXPECT_EQ(messages, 3u);
}

TEST_P(Stories, TheMarkerOfAFullQueueOutlivesItsMessages) {
  world_.settings.queue_quota = 1;
  const auto queue = alice_.create(only_create);
  bob_.send(queue, "old");
  EXPECT_TRUE(bob_.send(queue, "over").is_error(errors::Quota{}));
  world_.clock.seconds += 22 * 86'400;
  alice_.subscribe(queue);
  const auto marker = alice_.event();
  ASSERT_EQ(TestClient::text(queue, marker), "QUOTA");
  EXPECT_TRUE(alice_.acknowledge(queue, *marker).is<broker::Ok>());
  EXPECT_TRUE(bob_.send(queue, "room again").is<broker::Ok>());
}

TEST_P(Stories, GetFetchesWithoutSubscribing) {
  const auto queue = alice_.create(only_create);
  TestClient extension(world_, last_shard(), version());
  const auto get = [&] { return extension.call(command::Get{}, queue.recipient_id, &queue.recipient_key); };
  EXPECT_TRUE(get().is<broker::Ok>());
  bob_.send(queue, "one");
  bob_.send(queue, "two");
  EXPECT_FALSE(extension.event());
  const auto one = get();
  EXPECT_EQ(TestClient::text(queue, one), "one");
  EXPECT_EQ(TestClient::text(queue, get()), "one");
  EXPECT_TRUE(extension.subscribe(queue).is_error(CommandError::prohibited));
  alice_.subscribe(queue);
  EXPECT_TRUE(alice_.call(command::Get{}, queue.recipient_id, &queue.recipient_key).is_error(CommandError::prohibited));
  EXPECT_EQ(TestClient::text(queue, alice_.event()), "one");
  EXPECT_TRUE(extension.acknowledge(queue, one).is<broker::Ok>());
  EXPECT_TRUE(extension.acknowledge(queue, one).is_error(errors::NoMsg{}));
  const auto two = alice_.acknowledge(queue, one);
  EXPECT_EQ(TestClient::text(queue, two), "two") << "the first one is gone already";
}

TEST_P(Stories, QueueStateIsShownToItsRecipient) {
  const auto queue = alice_.create();
  bob_.send(queue, "one");
  bob_.send(queue, "two");
  const auto got = alice_.call(command::Que{}, queue.recipient_id, &queue.recipient_key);
  ASSERT_TRUE(got.is<broker::Info>()) << got;
  const auto& state = got.as<broker::Info>().state;
  EXPECT_FALSE(state.secured);
  EXPECT_EQ(state.size, 2);
  ASSERT_TRUE(state.first_message);
  EXPECT_EQ(state.first_message->time, "2026-11-23T00:00:00Z");
  ASSERT_TRUE(state.subscription);
  EXPECT_EQ(state.subscription->delivered, state.first_message->id);
}

TEST_P(Stories, TheLongestMessagePassesAndALongerOneDoesNot) {
  const auto queue = alice_.create();
  const auto longest = max_message_length(SmpVersion(version()));
  const std::string text(longest, 'x');
  EXPECT_TRUE(bob_.send(queue, text).is<broker::Ok>());
  EXPECT_EQ(TestClient::text(queue, alice_.event()), text);
  if (version() >= 8) EXPECT_TRUE(bob_.send(queue, text + "y").is_error(errors::LargeMsg{}));
}

TEST_P(Stories, PingIsAnsweredWithoutAnything) {
  const auto got = alice_.call(command::Ping{});
  EXPECT_TRUE(got.is<broker::Pong>());
  EXPECT_THAT(got.entity_id, IsEmpty());
}

TEST_P(Stories, ARelayThatIsRetiredMakesNoNewQueues) {
  world_.settings.new_queues = false;
  const auto key = alice_.new_key();
  const auto dh = crypto::generate_x25519(world_.random());
  std::optional<command::New::Mode> mode;
  if (version() >= 9) mode = command::New::Messaging{};
  EXPECT_TRUE(alice_
                  .call(command::New{crypto::public_key(key), dh.public_key, {}, SubscriptionMode::subscribe, mode, {}},
                        {}, &key)
                  .is_error(errors::Auth{}));
}

TEST_P(Stories, APasswordIsAskedFor) {
  world_.settings.password = BasicAuth::from(as_bytes("sesame")).value();
  const auto key = alice_.new_key();
  const auto dh = crypto::generate_x25519(world_.random());
  std::optional<command::New::Mode> mode;
  if (version() >= 9) mode = command::New::Messaging{};
  command::New create{crypto::public_key(key), dh.public_key, {}, SubscriptionMode::subscribe, mode, {}};
  EXPECT_TRUE(alice_.call(create, {}, &key).is_error(errors::Auth{}));
  create.password = BasicAuth::from(as_bytes("sesamo")).value();
  EXPECT_TRUE(alice_.call(create, {}, &key).is_error(errors::Auth{}));
  create.password = BasicAuth::from(as_bytes("sesame")).value();
  EXPECT_TRUE(alice_.call(create, {}, &key).is<broker::Ids>());
}

class ModernStories : public Stories {};
INSTANTIATE_TEST_SUITE_P(Relay, ModernStories,
                         ::testing::Values(Setting{1, 18}, Setting{1, 20}, Setting{2, 18}, Setting{5, 17}),
                         [](const auto& setting) {
                           return "Shards" + std::to_string(setting.param.shards) + "Version" +
                                  std::to_string(setting.param.version);
                         });

TEST_P(ModernStories, TheSenderSecuresAMessagingQueue) {
  const auto queue = alice_.create();
  const auto key = bob_.new_key(true);
  const auto skey = [&](const crypto::AuthPrivateKey& with) {
    return bob_.call(command::Skey{crypto::public_key(with)}, queue.sender_id, &with);
  };
  EXPECT_TRUE(skey(key).is<broker::Ok>());
  EXPECT_TRUE(skey(key).is<broker::Ok>()) << "the answer may have been lost";
  EXPECT_TRUE(skey(bob_.new_key(true)).is_error(errors::Auth{}));
  EXPECT_TRUE(bob_.send(queue, "hello", &key).is<broker::Ok>());
  EXPECT_TRUE(bob_.send(queue, "hello").is_error(errors::Auth{}));

  const auto contact = alice_.create(SubscriptionMode::subscribe, command::New::Contact{});
  EXPECT_TRUE(bob_.call(command::Skey{crypto::public_key(key)}, contact.sender_id, &key).is_error(errors::Auth{}));
}

TEST_P(ModernStories, ManyMessagesWithOneAgreement) {
  const auto queue = alice_.create();
  const auto key = bob_.new_key(true);
  bob_.call(command::Skey{crypto::public_key(key)}, queue.sender_id, &key);
  const auto other = bob_.new_key(true);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(bob_.send(queue, std::to_string(i), &key).is<broker::Ok>());
    EXPECT_TRUE(bob_.send(queue, "no", &other).is_error(errors::Auth{}));
    TestClient another(world_, 0, version());
    EXPECT_TRUE(another.send(queue, "also", &key).is<broker::Ok>()) << "another connection of the same sender";
    EXPECT_TRUE(another.send(queue, "no", &other).is_error(errors::Auth{}));
  }
}

TEST_P(ModernStories, AOneTimeLinkIsReadOnceByWhoSecuresTheQueue) {
  TestQueue queue{alice_.new_key(), {}, {}, {}, {}, {}, {}};
  const auto dh = crypto::generate_x25519(world_.random());
  const auto corr_id = CorrId::generate(world_.random());
  const auto sender_id = smp::SenderId(crypto::sha3_384(corr_id.view()).view().first(24));
  const auto fixed = world_.random().bytes(100);
  const auto user = world_.random().bytes(200);
  const command::New create{
      crypto::public_key(queue.recipient_key),
      dh.public_key,
      {},
      SubscriptionMode::subscribe,
      command::New::Messaging{command::New::MessagingLink{sender_id, QueueLinkData{Content(fixed), Content(user)}}},
      {}};
  alice_.post(alice_.transmission(create, {}, &queue.recipient_key, corr_id));
  const auto got = alice_.response(corr_id);
  ASSERT_TRUE(got.is<broker::Ids>()) << got;
  const auto& ids = got.as<broker::Ids>();
  EXPECT_EQ(ids.sender_id, sender_id);
  ASSERT_TRUE(ids.link_id);

  // The same sender id again would tell that it is in use: the answer is the one for a wrong key.
  alice_.post(alice_.transmission(create, {}, &queue.recipient_key, corr_id));
  EXPECT_TRUE(alice_.response(corr_id).is_error(errors::Auth{}));
  EXPECT_TRUE(alice_.call(create, {}, &queue.recipient_key).is_error(CommandError::prohibited))
      << "not of this corr id";

  const auto key = bob_.new_key(true);
  EXPECT_TRUE(bob_.call(command::Lget{}, ids.link_id->view()).is_error(errors::Auth{})) << "not a contact queue";
  const auto link = bob_.call(command::Lkey{crypto::public_key(key)}, ids.link_id->view(), &key);
  ASSERT_TRUE(link.is<broker::Lnk>()) << link;
  EXPECT_EQ(link.as<broker::Lnk>().sender_id, sender_id);
  EXPECT_EQ(to_bytes(link.as<broker::Lnk>().data.fixed.bytes), fixed);
  EXPECT_EQ(to_bytes(link.as<broker::Lnk>().data.user.bytes), user);
  const auto thief = bob_.new_key(true);
  EXPECT_TRUE(
      bob_.call(command::Lkey{crypto::public_key(thief)}, ids.link_id->view(), &thief).is_error(errors::Auth{}));
  EXPECT_TRUE(bob_.call(command::Send{{}, Content(as_bytes("hi"))}, sender_id.view(), &key).is<broker::Ok>());
  EXPECT_TRUE(bob_.call(command::Lkey{crypto::public_key(key)}, ids.link_id->view(), &key).is_error(errors::Auth{}))
      << "the link's data is gone with the first message";
}

TEST_P(ModernStories, AContactLinkIsReadByAnyone) {
  const auto queue = alice_.create(SubscriptionMode::subscribe, command::New::Contact{});
  const auto link_id = smp::LinkId(world_.random().bytes(24));
  const auto fixed = world_.random().bytes(100);
  const auto user = world_.random().bytes(200);
  const auto newer = world_.random().bytes(300);
  const auto set = [&](const TestQueue& of, const smp::LinkId& id, const Bytes& fixed_data, const Bytes& user_data) {
    return alice_.call(command::Lset{id, QueueLinkData{Content(fixed_data), Content(user_data)}}, of.recipient_id,
                       &of.recipient_key);
  };
  EXPECT_TRUE(bob_.call(command::Lget{}, link_id.view()).is_error(errors::Auth{}));
  EXPECT_TRUE(set(queue, link_id, fixed, user).is<broker::Ok>());
  const auto other = alice_.create(SubscriptionMode::subscribe, command::New::Contact{});
  EXPECT_TRUE(set(other, link_id, fixed, user).is_error(errors::Auth{})) << "the link is another queue's";
  EXPECT_TRUE(set(queue, smp::LinkId(world_.random().bytes(24)), fixed, user).is_error(errors::Auth{}));
  EXPECT_TRUE(set(queue, link_id, user, user).is_error(errors::Auth{})) << "the fixed part stays";
  EXPECT_TRUE(set(queue, link_id, fixed, newer).is<broker::Ok>());
  const auto link = bob_.call(command::Lget{}, link_id.view());
  ASSERT_TRUE(link.is<broker::Lnk>()) << link;
  EXPECT_EQ(to_bytes(link.as<broker::Lnk>().data.user.bytes), newer);
  EXPECT_TRUE(alice_.call(command::Ldel{}, queue.recipient_id, &queue.recipient_key).is<broker::Ok>());
  EXPECT_TRUE(bob_.call(command::Lget{}, link_id.view()).is_error(errors::Auth{}));
  EXPECT_TRUE(set(other, link_id, fixed, user).is<broker::Ok>()) << "free again";
}

TEST_P(ModernStories, SeveralRecipientsOfAContactQueue) {
  const auto queue = alice_.create(SubscriptionMode::subscribe, command::New::Contact{});
  const auto carol = alice_.new_key(true);
  EXPECT_TRUE(alice_
                  .call(command::Rkey{{crypto::public_key(queue.recipient_key), crypto::public_key(carol)}},
                        queue.recipient_id, &queue.recipient_key)
                  .is<broker::Ok>());
  EXPECT_TRUE(bob_.call(command::Sub{}, queue.recipient_id, &carol).is<broker::Sok>());
  EXPECT_TRUE(alice_.call(command::Rkey{{crypto::public_key(carol)}}, queue.recipient_id, &carol).is<broker::Ok>());
  EXPECT_TRUE(alice_.subscribe(queue).is_error(errors::Auth{}));
}

TEST_P(ModernStories, NotifierCredentialsAreKept) {
  const auto queue = alice_.create();
  const auto key = alice_.new_key();
  const auto dh = crypto::generate_x25519(world_.random());
  const auto got =
      alice_.call(command::Nkey{{crypto::public_key(key), dh.public_key}}, queue.recipient_id, &queue.recipient_key);
  ASSERT_TRUE(got.is<broker::Nid>()) << got;
  const auto id = to_bytes(got.as<broker::Nid>().notifier_id.view());
  const auto wrong = alice_.new_key();
  EXPECT_TRUE(bob_.call(command::Nsub{}, id, &wrong).is_error(errors::Auth{}));
  EXPECT_TRUE(bob_.call(command::Nsub{}, id, &key).is<broker::Sok>());
  EXPECT_TRUE(alice_.call(command::Ndel{}, queue.recipient_id, &queue.recipient_key).is<broker::Ok>());
  EXPECT_TRUE(bob_.call(command::Nsub{}, id, &key).is_error(errors::Auth{}));
}

TEST(Engine, WhatThisRelayDoesNotOfferIsAnsweredAsTheProtocolHasIt) {
  EngineWorld world;
  TestClient client(world, 0, 20);
  const auto server =
      protocol::parse_server_address("smp://LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=@localhost:5001");
  EXPECT_TRUE(client.call(command::Prxy{*server, {}}).is_error(errors::Proxy{proxy_errors::BasicAuth{}}));
  const auto key = crypto::generate_x25519(world.random());
  EXPECT_TRUE(client.call(command::Pfwd{SmpVersion(18), key.public_key, Content(as_bytes("x"))}, as_bytes("session"))
                  .is_error(errors::Proxy{proxy_errors::NoSession{}}));
  EXPECT_TRUE(
      client.call(command::Rfwd{Content(as_bytes("x"))})
          .is_error(errors::Proxy{proxy_errors::Broker{broker_errors::Transport{TransportErrorKind::no_server_auth}}}));
  EXPECT_TRUE(client.call(command::Rslv{*SimplexDomain::parse("alice.simplex")})
                  .is_error(errors::Name{name_errors::NoResolver{}}));
  const auto auth = client.new_key();
  EXPECT_TRUE(client.call(command::Subs{}, as_bytes("service"), &auth).is_error(errors::Service{}));
}

TEST(Engine, BlockedQueuesSaySo) {
  EngineWorld before;
  const auto queue = TestClient(before, 0, 18).create();
  std::vector<QueueRecord> records;
  before.shard(0).for_each_queue([&](const QueueRecord& record, auto) { records.push_back(record.clone()); });
  ASSERT_THAT(records, SizeIs(1));
  const auto id = records[0].recipient_id;
  ASSERT_TRUE(apply_change(BlockQueue{id, {BlockingReason::content, R"({"ttl":86400})"}}, records[0]));

  EngineWorld world;
  world.shard(0).restore(std::move(records[0]), {});
  world.shard(0).restore_id(IdKind::sender, *DirectoryId::from(queue.sender_id), id);
  TestClient alice(world, 0, 18);
  TestClient old(world, 0, 11);
  const BlockingInfo info{BlockingReason::content, BlockingInfo::Notice{86'400}};
  EXPECT_TRUE(alice.send(queue, "x").is_error(errors::Blocked{info}));
  EXPECT_TRUE(alice.subscribe(queue).is_error(errors::Blocked{info}));
  EXPECT_TRUE(old.send(queue, "x").is_error(errors::Auth{}));
  EXPECT_TRUE(alice.call(command::Del{}, queue.recipient_id, &queue.recipient_key).is<broker::Ok>());
}

TEST(Engine, AQueueThatIsThereIsNotRestoredOverItsReaders) {
  EngineWorld world;
  TestClient alice(world);
  const auto queue = alice.create();
  std::vector<QueueRecord> records;
  world.shard(0).for_each_queue([&](const QueueRecord& record, auto) { records.push_back(record.clone()); });
  world.shard(0).restore(std::move(records.at(0)), {});
  EXPECT_TRUE(alice.send(queue, "x").is<broker::Ok>());
  EXPECT_EQ(TestClient::text(queue, alice.event()), "x");
}

TEST(Engine, TheDayOfTheLastCommandIsNoted) {
  SlowStore store;
  EngineWorld world(std::vector<Store*>{&store});
  TestClient alice(world);
  const auto key = alice.new_key();
  const auto dh = crypto::generate_x25519(world.random());
  const auto corr_id = CorrId::generate(world.random());
  alice.post(alice.transmission(
      command::New{
          crypto::public_key(key), dh.public_key, {}, SubscriptionMode::subscribe, command::New::Messaging{}, {}},
      {}, &key, corr_id));
  EXPECT_THAT(alice.inbox, IsEmpty()) << "nothing is answered before it is stored";
  store.answer_all();
  world.run();
  const auto got = alice.response(corr_id);
  ASSERT_TRUE(got.is<broker::Ids>());
  ASSERT_THAT(store.records, SizeIs(1));
  EXPECT_THAT(store.records[0], HasSubstr("updated_at=1795392000"));
  world.clock.seconds += 86'400 + 5;
  alice.call(command::Sub{}, got.as<broker::Ids>().recipient_id.view(), &key);
  ASSERT_THAT(store.records, SizeIs(2));
  EXPECT_THAT(store.records[1], HasSubstr("TIME "));
  EXPECT_THAT(store.records[1], HasSubstr(" 1795478400"));
}

TEST(Engine, HostileBlocksHaveNoEffectOnOthers) {
  EngineWorld world(2);
  TestClient alice(world, 0);
  const auto queue = alice.create();
  TestClient mallory(world, 1);
  testing::SeededRandom random(99);
  const auto good =
      alice.transmission(command::Sub{}, queue.recipient_id, &queue.recipient_key, CorrId::generate(random));
  for (int i = 0; i < 3'000; ++i) {
    Bytes content;
    switch (random.below(4)) {
      case 0: content = random.bytes(random.below(200)); break;
      case 1: content = Bytes(random.below(16'300), static_cast<std::uint8_t>(random.below(256))); break;
      default: {
        protocol::Batch batch;
        auto transmission = good;
        for (auto flips = 1 + random.below(4); flips > 0; --flips) {
          transmission[random.below(transmission.size())] = static_cast<std::uint8_t>(random.below(256));
        }
        transmission.resize(random.below(transmission.size() + 1));
        ASSERT_TRUE(batch.add(transmission));
        content = batch.take();
      }
    }
    mallory.post_content(content);
    ASSERT_EQ(mallory.unanswered(), 0u);
    for (const auto& got : mallory.inbox) ASSERT_TRUE(got.is<broker::Err>()) << got;
    ASSERT_FALSE(mallory.inbox.empty());
    mallory.inbox.clear();
  }
  TestClient bob(world, 1);
  EXPECT_TRUE(bob.send(queue, "still here").is<broker::Ok>());
  EXPECT_EQ(TestClient::text(queue, alice.event()), "still here");
}

TEST(Engine, ASubscriptionThatArrivesAfterItsConnectionEndedIsForgotten) {
  EngineWorld world(2);
  TestClient alice(world, 0);
  const auto queue = alice.create(only_create);
  const auto home = Shard::home_of(queue.recipient_id, 2);
  TestClient phone(world, 1 - home);
  const auto corr_id = CorrId::generate(world.random());
  auto content = protocol::Batch();
  ASSERT_TRUE(content.add(phone.transmission(command::Sub{}, queue.recipient_id, &queue.recipient_key, corr_id)));
  phone.post_content(content.take());
  phone.disconnect();
  TestClient bob(world, 0);
  EXPECT_TRUE(bob.send(queue, "waits").is<broker::Ok>());
  TestClient again(world, home);
  again.subscribe(queue);
  EXPECT_EQ(TestClient::text(queue, again.event()), "waits");
}

TEST(Engine, QueuesOfThisRelayNeedNoHopBetweenShardsWhenBothEndsAreAtHome) {
  EngineWorld world(4);
  TestClient alice(world, 2);
  TestClient bob(world, 2);
  const auto queue = alice.create();
  bob.send(queue, "near");
  const auto message = alice.event();
  alice.acknowledge(queue, *message);
  EXPECT_EQ(world.hops, 0u);
}

}  // namespace
}  // namespace simplex::smp::server
