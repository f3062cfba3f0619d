// Stories of services: clients that are known by a certificate.
#include <set>

#include "engine_world.hpp"

namespace simplex::smp::server {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Setting {
  std::size_t shards;
  std::uint16_t version;
};

ServiceQueues of(std::initializer_list<BytesView> ids) {
  ServiceQueues made{.count = 0, .hash = {}};
  for (const auto id : ids) add(made, id);
  return made;
}

class ServiceStories : public ::testing::TestWithParam<Setting> {
 protected:
  ServiceStories() : world_(GetParam().shards) {}

  std::unique_ptr<TestClient> client(std::size_t shard = 0) {
    return std::make_unique<TestClient>(world_, shard % GetParam().shards, GetParam().version);
  }
  std::unique_ptr<TestClient> service(std::size_t shard = 0, ServiceRole role = ServiceRole::messaging,
                                      int number = 1) {
    auto made = client(shard);
    made->become_service(role, Bytes(32, static_cast<std::uint8_t>(number)));
    return made;
  }
  [[nodiscard]] ServiceQueues expected(std::initializer_list<BytesView> ids) const {
    return GetParam().version >= 19 ? of(ids) : ServiceQueues{};
  }
  // The answer has no hash below 19.
  void expect_soks(const Got& got, std::initializer_list<BytesView> ids) {
    ASSERT_TRUE(got.is<broker::Soks>()) << got;
    EXPECT_EQ(got.as<broker::Soks>().queues.count, static_cast<std::int64_t>(ids.size()));
    if (GetParam().version >= 19) EXPECT_EQ(got.as<broker::Soks>().queues, of(ids));
  }
  void expect_sok(const Got& got, const TestClient& service) {
    ASSERT_TRUE(got.is<broker::Sok>()) << got;
    ASSERT_TRUE(got.as<broker::Sok>().service_id);
    EXPECT_TRUE(std::ranges::equal(got.as<broker::Sok>().service_id->view(), service.service_id));
  }
  ServiceStatistics counts(ServiceStatistics Statistics::* party = &Statistics::recipient_services) {
    ServiceStatistics sum;
    for (std::size_t i = 0; i < world_.shard_count(); ++i) {
      const auto& each = world_.shard(i).statistics().*party;
      sum.assoc_new += each.assoc_new;
      sum.assoc_duplicate += each.assoc_duplicate;
      sum.assoc_updated += each.assoc_updated;
      sum.assoc_removed += each.assoc_removed;
      sum.sub_count += each.sub_count;
      sum.sub_queues += each.sub_queues;
      sum.sub_ok += each.sub_ok;
      sum.sub_more += each.sub_more;
      sum.sub_fewer += each.sub_fewer;
      sum.sub_diff += each.sub_diff;
    }
    return sum;
  }
  ServiceBook& book() { return *world_.settings.services; }

  EngineWorld world_;
  TestClient bob_{world_, GetParam().shards - 1, GetParam().version};
};

INSTANTIATE_TEST_SUITE_P(Relay, ServiceStories,
                         ::testing::Values(Setting{1, 16}, Setting{1, 20}, Setting{2, 19}, Setting{3, 18},
                                           Setting{5, 20}),
                         [](const auto& setting) {
                           return "Shards" + std::to_string(setting.param.shards) + "Version" +
                                  std::to_string(setting.param.version);
                         });

TEST_P(ServiceStories, CreateQueuesAndSubscribeToAllAfterReconnecting) {
  auto chat = service();
  {
    // Without the service's signature it is not the service's command.
    const auto key = std::exchange(chat->service_key, std::nullopt);
    const auto own = chat->new_key();
    const auto dh = crypto::generate_x25519(world_.random());
    EXPECT_TRUE(chat->call(command::New{crypto::public_key(own), dh.public_key, {}, {}, command::New::Messaging{}, {}},
                           {}, &own)
                    .is_error(errors::Service{}));
    chat->service_key = key->clone();
  }
  const auto queue = chat->create();
  EXPECT_EQ(chat->subscriptions(), 1u) << "a service with its seat is not inactive";
  bob_.send(queue, "hello");
  bob_.send(queue, "hello 2");
  const auto first = chat->event();
  EXPECT_EQ(TestClient::text(queue, first), "hello");
  const auto second = chat->acknowledge(queue, *first);
  EXPECT_EQ(TestClient::text(queue, second), "hello 2");
  EXPECT_TRUE(chat->acknowledge(queue, *first).is_error(errors::NoMsg{}));
  EXPECT_TRUE(chat->acknowledge(queue, second).is<broker::Ok>());
  bob_.send(queue, "hello 3");
  EXPECT_EQ(TestClient::text(queue, chat->event()), "hello 3");
  chat->disconnect();

  chat = service(1);
  const crypto::AuthPrivateKey wrong = chat->new_key();
  EXPECT_TRUE(chat->call(command::Subs{expected({})}, chat->service_id, &wrong).is_error(errors::Service{}));
  EXPECT_TRUE(chat->call(command::Subs{expected({})}, Bytes(24, 3), &wrong).is_error(errors::Service{}));
  const auto soks = chat->subscribe_all(command::Subs{expected({queue.recipient_id})});
  EXPECT_EQ(soks.entity_id, chat->service_id);
  expect_soks(soks, {queue.recipient_id});
  const auto third = chat->event();
  EXPECT_EQ(TestClient::text(queue, third), "hello 3");
  const auto alls = chat->event();
  ASSERT_TRUE(alls && alls->is<broker::Alls>());
  EXPECT_THAT(chat->inbox, IsEmpty());
  EXPECT_TRUE(chat->acknowledge(queue, *third).is<broker::Ok>());
  bob_.send(queue, "hello 4");
  EXPECT_EQ(TestClient::text(queue, chat->event()), "hello 4");

  // Again: the same answer, and nothing is delivered twice.
  expect_soks(chat->subscribe_all(command::Subs{expected({queue.recipient_id})}), {queue.recipient_id});
  EXPECT_THAT(chat->inbox, IsEmpty());
  EXPECT_EQ(counts().sub_ok, 1u);
}

TEST_P(ServiceStories, AQueueBecomesAServicesAndAPersonsAgain) {
  auto alice = client();
  const auto one = alice->create();
  const auto two = alice->create();
  bob_.send(one, "hello");
  EXPECT_EQ(TestClient::text(one, alice->event()), "hello");

  auto chat = service(1);
  const auto unsigned_key = std::exchange(chat->service_key, std::nullopt);
  EXPECT_TRUE(chat->subscribe(one).is_error(errors::Service{}));
  chat->service_key = unsigned_key->clone();
  expect_sok(chat->subscribe(one), *chat);
  const auto end = alice->event();
  ASSERT_TRUE(end && end->is<broker::End>());
  EXPECT_EQ(end->entity_id, one.recipient_id);
  EXPECT_EQ(alice->subscriptions(), 1u);
  const auto hello = chat->event();
  EXPECT_EQ(TestClient::text(one, hello), "hello");
  expect_sok(chat->subscribe(two), *chat);
  chat->acknowledge(one, *hello);
  EXPECT_EQ(counts().assoc_new, 2u);
  EXPECT_EQ(alice->subscriptions(), 0u);

  expect_sok(chat->subscribe(two), *chat);
  EXPECT_EQ(counts().assoc_duplicate, 1u);
  bob_.send(two, "for the service");
  EXPECT_EQ(TestClient::text(two, chat->event()), "for the service");

  // Back: the service hears of it, and does not count the queue any more.
  alice->inbox.clear();
  const auto sok = alice->subscribe(two);
  ASSERT_TRUE(sok.is<broker::Sok>()) << sok;
  EXPECT_FALSE(sok.as<broker::Sok>().service_id);
  EXPECT_EQ(TestClient::text(two, alice->event()), "for the service");
  const auto ended = chat->event();
  ASSERT_TRUE(ended && ended->is<broker::End>());
  EXPECT_EQ(ended->entity_id, two.recipient_id);
  EXPECT_EQ(counts().assoc_removed, 1u);
  EXPECT_EQ(book().counters().recipient_queues, 1u);
  chat->disconnect();
  bob_.send(one, "hello 2");

  chat = service(2);
  expect_soks(chat->subscribe_all(command::Subs{expected({one.recipient_id})}), {one.recipient_id});
  EXPECT_EQ(TestClient::text(one, chat->event()), "hello 2");
  EXPECT_TRUE(chat->event()->is<broker::Alls>());
}

TEST_P(ServiceStories, AnotherConnectionTakesTheSeat) {
  auto chat = service();
  const auto one = chat->create();
  const auto two = chat->create();
  bob_.send(one, "hello");
  EXPECT_EQ(TestClient::text(one, chat->event()), "hello");

  auto again = service(1);
  expect_soks(again->subscribe_all(command::Subs{expected({one.recipient_id, two.recipient_id})}),
              {one.recipient_id, two.recipient_id});
  const auto ends = chat->event();
  ASSERT_TRUE(ends && ends->is<broker::Ends>());
  EXPECT_EQ(ends->entity_id, chat->service_id);
  EXPECT_EQ(ends->as<broker::Ends>().queues.count, 2);
  if (GetParam().version >= 19) EXPECT_EQ(ends->as<broker::Ends>().queues, of({one.recipient_id, two.recipient_id}));
  EXPECT_EQ(chat->subscriptions(), 0u);
  const auto hello = again->event();
  EXPECT_EQ(TestClient::text(one, hello), "hello") << "what the other did not acknowledge";
  EXPECT_TRUE(chat->acknowledge(one, *hello).is_error(errors::NoMsg{}));
  EXPECT_TRUE(again->acknowledge(one, *hello).is<broker::Ok>());

  // One queue is enough to take it back.
  expect_sok(chat->subscribe(one), *chat);
  again->inbox.pop_front();  // ALLS
  ASSERT_TRUE(again->inbox.front().is<broker::Ends>());
  bob_.send(two, "for whoever sits there");
  EXPECT_EQ(TestClient::text(two, chat->event()), "for whoever sits there");
}

TEST_P(ServiceStories, AnotherServiceTakesTheQueue) {
  auto chat = service(0, ServiceRole::messaging, 1);
  auto bot = service(1, ServiceRole::messaging, 2);
  const auto queue = chat->create();
  bob_.send(queue, "hello");
  EXPECT_EQ(TestClient::text(queue, chat->event()), "hello");
  expect_sok(bot->subscribe(queue), *bot);
  EXPECT_EQ(TestClient::text(queue, bot->event()), "hello");
  EXPECT_TRUE(chat->event()->is<broker::End>());
  EXPECT_THAT(chat->inbox, IsEmpty());
  EXPECT_EQ(counts().assoc_updated, 1u);
  expect_soks(chat->subscribe_all(command::Subs{expected({})}), {});
  expect_soks(bot->subscribe_all(command::Subs{expected({queue.recipient_id})}), {queue.recipient_id});
}

TEST_P(ServiceStories, DeletedQueuesAreNotTheirsAnyMore) {
  auto chat = service();
  const auto one = chat->create();
  auto two = chat->create();
  auto alice = client(1);
  EXPECT_TRUE(alice->call(command::Del{}, one.recipient_id, &one.recipient_key).is<broker::Ok>());
  const auto deleted = chat->event();
  ASSERT_TRUE(deleted && deleted->is<broker::Deld>());
  EXPECT_EQ(deleted->entity_id, one.recipient_id);
  EXPECT_TRUE(chat->call(command::Del{}, two.recipient_id, &two.recipient_key).is<broker::Ok>());
  EXPECT_FALSE(chat->event()) << "it deleted it itself";
  EXPECT_EQ(book().counters().recipient_queues, 0u);
  chat->disconnect();
  chat = service();
  expect_soks(chat->subscribe_all(command::Subs{expected({one.recipient_id})}), {});
  EXPECT_EQ(counts().sub_fewer, GetParam().version >= 19 ? 1u : 0u);
}

TEST_P(ServiceStories, EachRoleHasItsCommands) {
  auto chat = service(0, ServiceRole::messaging, 1);
  auto notifier = service(0, ServiceRole::notifier, 2);
  auto proxy = service(0, ServiceRole::proxy, 3);
  auto alice = client();
  const auto queue = alice->create();
  const auto prohibited = ErrorType(CommandError::prohibited);
  EXPECT_TRUE(notifier->send(queue, "x").is_error(prohibited));
  EXPECT_TRUE(notifier->subscribe(queue).is_error(prohibited));
  EXPECT_TRUE(notifier->subscribe_all(command::Subs{}).is_error(prohibited));
  EXPECT_TRUE(chat->subscribe_all(command::Nsubs{}).is_error(prohibited));
  EXPECT_TRUE(proxy->send(queue, "x").is_error(prohibited));
  for (auto* each : {chat.get(), notifier.get(), proxy.get()})
    EXPECT_TRUE(each->call(command::Ping{}).is<broker::Pong>());
  // A queue of a service that it does not subscribe to.
  const auto own = chat->new_key();
  const auto dh = crypto::generate_x25519(world_.random());
  EXPECT_TRUE(chat->call(command::New{crypto::public_key(own),
                                      dh.public_key,
                                      {},
                                      SubscriptionMode::only_create,
                                      command::New::Messaging{},
                                      {}},
                         {}, &own)
                  .is_error(prohibited));
  // A certificate has one role; a service's signature needs a service's session.
  EXPECT_EQ(book().enter(ServiceRole::notifier, {}, Bytes(32, 1), Date(), world_.random()), nullptr);
  alice->service_key = crypto::generate_ed25519(world_.random());
  EXPECT_TRUE(alice->subscribe(queue).is_error(errors::Service{}));
  alice->service_id = Bytes(24, 1);
  EXPECT_TRUE(alice->subscribe_all(command::Subs{}).is_error(errors::Service{}));
}

TEST_P(ServiceStories, NotificationsOfAService) {
  auto alice = client();
  auto push = service(1, ServiceRole::notifier);
  std::vector<TestQueue> queues;
  std::vector<Bytes> ids;
  std::vector<crypto::AuthPrivateKey> keys;
  for (int i = 0; i < 3; ++i) {
    queues.push_back(alice->create());
    keys.push_back(alice->new_key());
    const auto dh = crypto::generate_x25519(world_.random());
    const auto nid = alice->call(command::Nkey{{crypto::public_key(keys.back()), dh.public_key}},
                                 queues.back().recipient_id, &queues.back().recipient_key);
    ids.push_back(to_bytes(nid.as<broker::Nid>().notifier_id.view()));
  }
  const auto nsub = [&](TestClient& by, std::size_t which) {
    return by.call(command::Nsub{}, ids[which], &keys[which]);
  };
  const auto send = [&](std::size_t which) {
    EXPECT_TRUE(bob_.send(queues[which], "x").is<broker::Ok>());
    alice->acknowledge(queues[which], *alice->event());
  };
  const auto key = std::exchange(push->service_key, std::nullopt);
  EXPECT_TRUE(nsub(*push, 0).is_error(errors::Service{}));
  push->service_key = key->clone();
  expect_sok(nsub(*push, 0), *push);
  expect_sok(nsub(*push, 0), *push);
  EXPECT_EQ(push->subscriptions(), 1u);
  send(0);
  world_.deliver_notifications();
  const auto nmsg = push->event();
  ASSERT_TRUE(nmsg && nmsg->is<broker::Nmsg>());
  EXPECT_EQ(nmsg->entity_id, ids[0]);

  auto other = service(0, ServiceRole::notifier);
  expect_sok(nsub(*other, 0), *other);
  const auto ends = push->event();
  ASSERT_TRUE(ends && ends->is<broker::Ends>());
  EXPECT_EQ(ends->as<broker::Ends>().queues.count, 1);
  send(0);
  world_.deliver_notifications();
  EXPECT_TRUE(other->event()->is<broker::Nmsg>());
  EXPECT_THAT(push->inbox, IsEmpty());

  expect_sok(nsub(*other, 1), *other);
  expect_sok(nsub(*other, 2), *other);
  alice->call(command::Ndel{}, queues[2].recipient_id, &queues[2].recipient_key);
  const auto deleted = other->event();
  ASSERT_TRUE(deleted && deleted->is<broker::Deld>());
  EXPECT_EQ(deleted->entity_id, ids[2]);

  send(1);
  const auto soks = push->subscribe_all(command::Nsubs{expected({ids[0], ids[1]})});
  expect_soks(soks, {ids[0], ids[1]});
  ASSERT_TRUE(other->event()->is<broker::Ends>());
  world_.deliver_notifications();
  EXPECT_EQ(push->event()->entity_id, ids[1]) << "what waits goes to who has the seat now";
  EXPECT_FALSE(push->event()) << "no ALLS for notifications";
  EXPECT_EQ(counts(&Statistics::notifier_services).sub_ok, 1u);

  // A client that is no service takes one back.
  auto plain = client(2);
  const auto sok = nsub(*plain, 0);
  ASSERT_TRUE(sok.is<broker::Sok>()) << sok;
  EXPECT_FALSE(sok.as<broker::Sok>().service_id);
  EXPECT_TRUE(push->event()->is<broker::End>());
  send(0);
  send(1);
  world_.deliver_notifications();
  EXPECT_EQ(plain->event()->entity_id, ids[0]);
  EXPECT_EQ(push->event()->entity_id, ids[1]);
  EXPECT_THAT(plain->inbox, IsEmpty());
  EXPECT_THAT(push->inbox, IsEmpty());
}

TEST_P(ServiceStories, ManyQueuesAreDeliveredAsFastAsTheyAreRead) {
  auto chat = service();
  std::vector<TestQueue> queues;
  for (int i = 0; i < 300; ++i) {
    queues.push_back(chat->create());
    bob_.send(queues.back(), "x");
  }
  chat->disconnect();
  chat = service(1);
  chat->reads = false;
  const auto soks = chat->subscribe_all(command::Subs{});
  EXPECT_EQ(soks.as<broker::Soks>().queues.count, 300);
  EXPECT_LE(chat->inbox.size(), 128u) << "the rest waits until these are read";
  std::set<Bytes> delivered;
  const auto home = 1 % GetParam().shards;
  for (int round = 0; round < 100; ++round) {
    while (!chat->inbox.empty() && chat->inbox.front().is<broker::Msg>()) {
      EXPECT_TRUE(delivered.insert(chat->inbox.front().entity_id).second);
      chat->inbox.pop_front();
    }
    if (!chat->inbox.empty()) break;
    world_.shard(home).caught_up(chat->id());
    world_.run();
  }
  EXPECT_THAT(delivered, SizeIs(300));
  ASSERT_THAT(chat->inbox, SizeIs(1));
  EXPECT_TRUE(chat->inbox.front().is<broker::Alls>());
}

// ---- attacks

TEST_P(ServiceStories, AFloodOfCertificatesCostsNothingThatLasts) {
  world_.settings.services->set_limits({.services = 3, .unproven = 10});
  for (int i = 0; i < 200; ++i) {
    auto visitor = client(static_cast<std::size_t>(i));
    Bytes hash(32);
    hash[0] = static_cast<std::uint8_t>(i);
    hash[1] = 1;
    visitor->become_service(ServiceRole::messaging, hash);
    expect_soks(visitor->subscribe_all(command::Subs{expected({})}), {});
  }
  auto counters = book().counters();
  EXPECT_EQ(counters.unproven, 10u);
  EXPECT_EQ(counters.forgotten, 190u);
  EXPECT_EQ(counters.recipient_services, 0u);
  EXPECT_EQ(counters.recipient_seats, 0u);

  // With a queue of its own a service is stored, up to the limit.
  std::vector<std::unique_ptr<TestClient>> all;
  for (int i = 1; i <= 4; ++i) all.push_back(service(static_cast<std::size_t>(i), ServiceRole::messaging, i));
  for (int i = 0; i < 3; ++i) all[static_cast<std::size_t>(i)]->create();
  const auto own = all[3]->new_key();
  const auto dh = crypto::generate_x25519(world_.random());
  EXPECT_TRUE(
      all[3]
          ->call(command::New{crypto::public_key(own), dh.public_key, {}, {}, command::New::Messaging{}, {}}, {}, &own)
          .is_error(errors::Service{}));
  EXPECT_EQ(book().counters().recipient_services, 3u);
  EXPECT_EQ(book().enter(ServiceRole::messaging, {}, Bytes(32, 99), Date(), world_.random()), nullptr);
  EXPECT_NE(book().enter(ServiceRole::messaging, {}, Bytes(32, 1), Date(), world_.random()), nullptr);
}

TEST_P(ServiceStories, AConnectionThatEndedKeepsNoSeat) {
  auto chat = service();
  const auto queue = chat->create();
  chat->disconnect();
  EXPECT_EQ(book().counters().recipient_seats, 0u);
  bob_.send(queue, "x");
  chat = service(1);
  chat->subscribe_all(command::Subs{});
  EXPECT_EQ(TestClient::text(queue, chat->event()), "x");
}

// ---- stores

// The certificate of a service is stored once, before the first queue that is its own, and when that fails nothing is.
TEST(ServiceStore, ComesBeforeItsQueues) {
  SlowStore first;
  SlowStore second;
  EngineWorld world({&first, &second});
  TestClient one(world, 0, 20);
  TestClient two(world, 1, 20);
  for (auto* each : {&one, &two}) each->become_service(ServiceRole::messaging, Bytes(32, 1));
  const auto create = [&](TestClient& by) {
    const auto key = by.new_key();
    const auto dh = crypto::generate_x25519(world.random());
    const auto corr_id = CorrId::generate(world.random());
    by.post(by.transmission(command::New{crypto::public_key(key), dh.public_key, {}, {}, command::New::Messaging{}, {}},
                            {}, &key, corr_id));
    return corr_id;
  };
  const auto store_all = [&](const Result<>& result = {}) {
    for (int i = 0; i < 4; ++i) {
      first.answer_all(result);
      second.answer_all(result);
      world.run();
    }
  };
  const auto refused = create(one);
  store_all(fail(ErrorKind::storage, "the disk is full"));
  EXPECT_TRUE(std::holds_alternative<errors::Store>(one.response(refused).as<broker::Err>().error.kind));
  EXPECT_EQ(world.settings.services->counters().recipient_services, 0u);
  first.records.clear();
  second.records.clear();

  const auto a = create(one);
  const auto b = create(two);
  auto all = first.records;
  all.insert(all.end(), second.records.begin(), second.records.end());
  ASSERT_THAT(all, SizeIs(1)) << "one of them writes the service, and both wait";
  EXPECT_TRUE(all.front().starts_with("NEW_SERVICE service_id="));
  store_all();
  EXPECT_TRUE(one.response(a).is<broker::Ids>());
  EXPECT_TRUE(two.response(b).is<broker::Ids>());
  EXPECT_TRUE(first.records.back().find(" rsrv=") != std::string::npos);
}

}  // namespace
}  // namespace simplex::smp::server
