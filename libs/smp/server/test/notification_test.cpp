// Stories of alice (who receives), bob (who sends) and her notification server.
#include <filesystem>
#include <fstream>

#include "simplex/encoding/base64.hpp"
#include "engine_world.hpp"

namespace simplex::smp::server {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Setting {
  std::size_t shards;
  std::uint16_t version;
};

// A queue with a notifier, as the recipient and the notification server know it.
struct Notified {
  TestQueue queue;
  Bytes notifier_id;
  crypto::AuthPrivateKey notifier_key;
  crypto::BoxKey box;  // of notifications
};

class NotificationStories : public ::testing::TestWithParam<Setting> {
 protected:
  NotificationStories() : world_(GetParam().shards) {}

  Notified notified(std::optional<TestQueue> queue = std::nullopt) {
    Notified made{queue ? std::move(*queue) : alice_.create(), {}, alice_.new_key(GetParam().version >= 7), {}};
    add_notifier(made);
    return made;
  }
  void add_notifier(Notified& to) {
    const auto dh = crypto::generate_x25519(world_.random());
    const auto nid = alice_.call(command::Nkey{{crypto::public_key(to.notifier_key), dh.public_key}},
                                 to.queue.recipient_id, &to.queue.recipient_key);
    ASSERT_TRUE(nid.is<broker::Nid>()) << nid;
    to.notifier_id = to_bytes(nid.as<broker::Nid>().notifier_id.view());
    to.box = crypto::box_key(nid.as<broker::Nid>().relay_dh_key, dh.private_key).value();
  }
  static Got nsub(TestClient& client, const Notified& to) {
    return client.call(command::Nsub{}, to.notifier_id, &to.notifier_key);
  }
  Got send(const Notified& to, std::string_view text, bool notification = true) {
    return bob_.call(command::Send{MessageFlags{notification}, Content(as_bytes(text))}, to.queue.sender_id);
  }
  // The ids of messages that the next notifications are about.
  std::vector<Bytes> told(TestClient& client, const Notified& about) {
    std::vector<Bytes> messages;
    while (auto event = client.event()) {
      EXPECT_TRUE(event->is<broker::Nmsg>()) << *event;
      if (!event->is<broker::Nmsg>()) break;
      EXPECT_EQ(event->entity_id, about.notifier_id);
      const auto& nmsg = event->as<broker::Nmsg>();
      EXPECT_EQ(nmsg.encrypted_meta.size(), 144u);
      const auto meta = decrypt_notification(about.box, nmsg.nonce, nmsg.encrypted_meta.bytes);
      EXPECT_TRUE(meta);
      if (!meta) break;
      EXPECT_EQ(seconds_since_epoch(meta->received), world_.clock.seconds);
      messages.push_back(to_bytes(meta->message_id.view()));
    }
    return messages;
  }
  std::size_t waiting() {
    std::size_t count = 0;
    for (std::size_t i = 0; i < world_.shard_count(); ++i) count += world_.shard(i).notification_count();
    return count;
  }
  std::uint64_t counted(std::uint64_t Statistics::* counter) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < world_.shard_count(); ++i) sum += world_.shard(i).statistics().*counter;
    return sum;
  }
  std::size_t subscribed() {
    std::size_t count = 0;
    for (std::size_t i = 0; i < world_.shard_count(); ++i) count += world_.shard(i).notifier_subscriptions();
    return count;
  }
  [[nodiscard]] bool says_deld() const { return GetParam().version >= 10; }

  EngineWorld world_;
  TestClient alice_{world_, 0, GetParam().version};
  TestClient bob_{world_, GetParam().shards - 1, GetParam().version};
  TestClient first_{world_, GetParam().shards / 2, GetParam().version};
  TestClient second_{world_, 0, GetParam().version};
};

INSTANTIATE_TEST_SUITE_P(Relay, NotificationStories,
                         ::testing::Values(Setting{1, 6}, Setting{1, 20}, Setting{2, 15}, Setting{3, 9},
                                           Setting{5, 18}),
                         [](const auto& setting) {
                           return "Shards" + std::to_string(setting.param.shards) + "Version" +
                                  std::to_string(setting.param.version);
                         });

TEST_P(NotificationStories, ANotifierIsToldOfEachMessageUntilAnotherTakesOver) {
  auto about = notified();
  const auto replaced = about.notifier_id;
  add_notifier(about);
  EXPECT_NE(about.notifier_id, replaced);
  const auto wrong = alice_.new_key();
  EXPECT_TRUE(first_.call(command::Nsub{}, about.notifier_id, &wrong).is_error(errors::Auth{}));
  EXPECT_TRUE(first_.call(command::Nsub{}, replaced, &about.notifier_key).is_error(errors::Auth{}));
  nsub(first_, about);
  EXPECT_EQ(first_.subscriptions(), 1u);

  send(about, "hello");
  const auto hello = alice_.event();
  EXPECT_FALSE(first_.event()) << "notifications travel together, at an interval";
  world_.deliver_notifications();
  EXPECT_THAT(told(first_, about), ::testing::ElementsAre(to_bytes(hello->as<broker::Msg>().id.view())));
  alice_.acknowledge(about.queue, *hello);

  nsub(second_, about);
  const auto end = first_.event();
  ASSERT_TRUE(end && end->is<broker::End>());
  EXPECT_EQ(end->entity_id, about.notifier_id);
  EXPECT_EQ(first_.subscriptions(), 0u);
  send(about, "again");
  alice_.acknowledge(about.queue, *alice_.event());
  world_.deliver_notifications();
  EXPECT_THAT(told(second_, about), SizeIs(1)) << "acknowledged or not, it is told";
  EXPECT_THAT(first_.inbox, IsEmpty());

  alice_.call(command::Ndel{}, about.queue.recipient_id, &about.queue.recipient_key);
  const auto deleted = second_.event();
  ASSERT_TRUE(deleted);
  EXPECT_TRUE(says_deld() ? deleted->is<broker::Deld>() : deleted->is<broker::End>());
  EXPECT_EQ(second_.subscriptions(), 0u);
  EXPECT_EQ(subscribed(), 0u);
  send(about, "silently");
  world_.deliver_notifications();
  EXPECT_THAT(second_.inbox, IsEmpty());
  EXPECT_EQ(waiting(), 0u);

  add_notifier(about);
  nsub(first_, about);
  nsub(first_, about);
  EXPECT_EQ(first_.subscriptions(), 1u);
  send(about, "one more");
  world_.deliver_notifications();
  EXPECT_THAT(told(first_, about), SizeIs(1));
  EXPECT_EQ(counted(&Statistics::notifications), 3u);
  EXPECT_EQ(counted(&Statistics::notifier_subscriptions), 3u);
  EXPECT_EQ(counted(&Statistics::notifier_subscriptions_duplicate), 1u);
}

TEST_P(NotificationStories, TheyWaitInOrderForASubscriber) {
  const auto about = notified();
  std::vector<Bytes> sent;
  for (int i = 0; i < 5; ++i) {
    send(about, std::to_string(i));
    const auto message = alice_.event();
    sent.push_back(to_bytes(message->as<broker::Msg>().id.view()));
    alice_.acknowledge(about.queue, *message);
  }
  world_.deliver_notifications();
  EXPECT_EQ(waiting(), 5u);
  nsub(first_, about);
  EXPECT_FALSE(first_.event());
  world_.deliver_notifications();
  EXPECT_EQ(told(first_, about), sent);
  EXPECT_EQ(waiting(), 0u);

  first_.disconnect();
  EXPECT_EQ(subscribed(), 0u);
  send(about, "later");
  world_.deliver_notifications();
  EXPECT_EQ(waiting(), 1u);
  nsub(second_, about);
  world_.deliver_notifications();
  EXPECT_THAT(told(second_, about), SizeIs(1));
}

TEST_P(NotificationStories, OnlyMessagesWithTheFlagHaveThem) {
  world_.settings.queue_quota = 2;
  const auto about = notified(alice_.create(SubscriptionMode::only_create));
  send(about, "quiet", false);
  EXPECT_EQ(waiting(), 0u);
  send(about, "loud");
  EXPECT_TRUE(send(about, "too much").is_error(errors::Quota{}));
  EXPECT_EQ(waiting(), 1u);
}

TEST_P(NotificationStories, TheyEndWithTheirNotifierAndTheirQueue) {
  const auto one = notified();
  auto two = notified();
  const auto three = notified();
  for (const auto* each : std::initializer_list<const Notified*>{&one, &two, &three}) {
    send(*each, "hello");
    nsub(first_, *each);
  }
  EXPECT_EQ(waiting(), 3u);
  alice_.call(command::Del{}, one.queue.recipient_id, &one.queue.recipient_key);
  EXPECT_EQ(waiting(), 2u);
  const auto old = two.notifier_id;
  add_notifier(two);
  EXPECT_EQ(waiting(), 1u);
  for (const auto& id : {one.notifier_id, old}) {
    const auto event = first_.event();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->is<broker::Deld>(), says_deld());
    EXPECT_EQ(event->entity_id, id);
  }
  EXPECT_EQ(first_.subscriptions(), 1u);
  world_.deliver_notifications();
  EXPECT_THAT(told(first_, three), SizeIs(1));
}

TEST_P(NotificationStories, TheyExpire) {
  const auto about = notified();
  send(about, "old");
  world_.clock.seconds += 20 * 3'600;
  send(about, "new");
  world_.clock.seconds += 5 * 3'600;
  for (std::size_t i = 0; i < world_.shard_count(); ++i) {
    while (!world_.shard(i).expire_notifications(1)) {
    }
  }
  EXPECT_EQ(waiting(), 1u);
  EXPECT_EQ(counted(&Statistics::notifications_expired), 1u);
}

// ---- attacks

TEST_P(NotificationStories, ANotifierThatNobodyReadsIsBounded) {
  world_.settings.notifications.per_notifier = 3;
  const auto about = notified();
  std::vector<Bytes> sent;
  for (int i = 0; i < 10; ++i) {
    send(about, "x");
    const auto message = alice_.event();
    sent.push_back(to_bytes(message->as<broker::Msg>().id.view()));
    alice_.acknowledge(about.queue, *message);
  }
  EXPECT_EQ(waiting(), 3u);
  EXPECT_EQ(counted(&Statistics::notifications_lost), 7u);
  nsub(first_, about);
  world_.deliver_notifications();
  EXPECT_THAT(told(first_, about), ::testing::ElementsAre(sent[7], sent[8], sent[9]));
}

TEST_P(NotificationStories, AllNotifiersTogetherAreBounded) {
  world_.settings.notifications.in_all = 4 * GetParam().shards;
  std::vector<Notified> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(notified());
    send(all.back(), "x");
  }
  EXPECT_LE(waiting(), 4 * GetParam().shards);
  EXPECT_EQ(waiting() + counted(&Statistics::notifications_lost), 20u);
  for (const auto& each : all) nsub(first_, each);
  world_.deliver_notifications();
  EXPECT_EQ(waiting(), 0u);
  send(all.front(), "there is room again");
  EXPECT_EQ(waiting(), 1u);
}

TEST_P(NotificationStories, ASubscriberThatDoesNotReadGetsNoMoreUntilItHasRead) {
  world_.settings.notifications.per_notifier = 700;
  world_.settings.queue_quota = 100'000;
  const auto busy = notified(alice_.create(SubscriptionMode::only_create));
  const auto other = notified(alice_.create(SubscriptionMode::only_create));
  nsub(first_, busy);
  nsub(first_, other);
  first_.reads = false;
  for (int i = 0; i < 600; ++i) send(busy, "x");
  world_.deliver_notifications();
  EXPECT_EQ(first_.inbox.size(), 600u);
  first_.inbox.clear();
  for (int i = 0; i < 10; ++i) {
    send(busy, "x");
    world_.deliver_notifications();
  }
  EXPECT_THAT(first_.inbox, IsEmpty());
  EXPECT_EQ(waiting(), 10u);
  first_.reads = true;
  world_.shard(GetParam().shards / 2).caught_up(first_.id());
  world_.run();
  EXPECT_THAT(told(first_, busy), SizeIs(10));
}

TEST_P(NotificationStories, AStormOfSubscriptionsLeavesOne) {
  const auto about = notified();
  send(about, "x");
  for (int i = 0; i < 500; ++i) {
    nsub(first_, about);
    nsub(second_, about);
  }
  EXPECT_EQ(subscribed(), 1u);
  EXPECT_EQ(first_.subscriptions(), 0u);
  EXPECT_EQ(second_.subscriptions(), 1u);
  world_.deliver_notifications();
  first_.inbox.clear();
  std::erase_if(second_.inbox, [](const Got& got) { return got.is<broker::End>(); });
  EXPECT_THAT(told(second_, about), SizeIs(1)) << "once";
}

// ---- stop and start

TEST_P(NotificationStories, TheyAreRestoredAndLookedUp) {
  const auto kept = notified();
  const auto deleted = notified();
  send(kept, "one");
  send(kept, "two");
  send(deleted, "three");
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < world_.shard_count(); ++i) {
    world_.shard(i).for_each_notification([&](const NotifierId& id, const Notification& notification) {
      lines.push_back(format_notification(id, notification));
    });
  }
  EXPECT_THAT(lines, SizeIs(3));
  alice_.call(command::Ndel{}, deleted.queue.recipient_id, &deleted.queue.recipient_key);
  nsub(first_, kept);
  world_.deliver_notifications();
  first_.inbox.clear();
  EXPECT_EQ(waiting(), 0u);

  for (const auto& line : lines) {
    auto parsed = parse_notification(line).value();
    const auto home = Shard::home_of(parsed.notifier.view(), world_.shard_count());
    world_.shard(home).restore(std::move(parsed));
  }
  EXPECT_EQ(waiting(), 3u);
  world_.deliver_notifications();
  world_.deliver_notifications();
  EXPECT_EQ(waiting(), 0u) << "of a notifier that is no more, they are dropped";
  nsub(first_, kept);
  EXPECT_THAT(told(first_, kept), SizeIs(2));
}

TEST(NotificationLog, IsWrittenAndReadInTheReferencesFormat) {
  const Notification notification{*MessageId::from(Bytes(24, 7)), 1'795'391'022, crypto::cb_nonce(Bytes(24, 9)),
                                  Bytes(144, 0xFB)};
  const auto id = *NotifierId::from(Bytes(24, 5));
  const auto line = format_notification(id, notification);
  EXPECT_EQ(line.substr(0, 36), "v1 BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF ");
  EXPECT_EQ(std::ranges::count(line, ' '), 5);
  const auto parsed = parse_notification(line);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->notifier, id);
  EXPECT_EQ(format_notification(parsed->notifier, parsed->notification), line);
  for (const auto* bad : {"", "v1", "v2 BQUF BwcH 1 CQkJ +/", "v1 BQUF BwcH x CQkJ AA", "v1 BQUF BwcH 1 CQkJ"}) {
    EXPECT_FALSE(parse_notification(bad)) << bad;
  }
  EXPECT_FALSE(parse_notification("v1 BQUF BwcH 1 CQkJ " + base64url(Bytes(256, 1)))) << "too long for NMSG";
  EXPECT_FALSE(parse_notification(line + " more"));
}

TEST(NotificationLog, LinesThatCannotBeUsedAreKeptAside) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / "ntfs_log_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const auto file = folder / "smp-server-ntfs.log";
  const Notification notification{*MessageId::from(Bytes(24, 7)), 5, {}, Bytes(144, 1)};
  {
    auto writer = NotificationLogWriter::begin(file);
    ASSERT_TRUE(writer && writer->add(*NotifierId::from(Bytes(24, 5)), notification) && writer->commit());
    std::ofstream(file, std::ios::app) << "nonsense\nv1 cut";
  }
  std::size_t seen = 0;
  const auto read = read_notifications(file, [&](const NotificationLine&) { ++seen; });
  ASSERT_TRUE(read);
  EXPECT_EQ(seen, 1u);
  EXPECT_EQ(read->rejected, 2u);
  EXPECT_TRUE(std::filesystem::exists(folder / "smp-server-ntfs.log.rejected"));
  EXPECT_EQ(read_notifications(folder / "none", [](const NotificationLine&) {})->lines, 0u);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace simplex::smp::server
