// Services: clients that relays know by a certificate, which get their queues back with one command.
#include "relay_place.hpp"

namespace simplex::stories {
namespace {

std::vector<std::string> said_on_reconnecting(Caller& service, const ServiceQueues& expected) {
  const auto soks = service.subscribe_all(expected);
  const auto* had = soks.as<broker::Soks>();
  EXPECT_NE(had, nullptr) << soks.text();
  if (had != nullptr) EXPECT_EQ(had->queues, expected) << "number and hash of the queues";
  EXPECT_EQ(soks.entity_id, to_bytes(service.service_id()->view()));
  return {soks.text()};
}

// Messages that wait, each acknowledged, up to ALLS.
std::vector<std::string> what_waited(Caller& service, std::initializer_list<const Queue*> queues) {
  std::vector<std::string> heard;
  for (;;) {
    const auto got = service.event();
    if (got.as<broker::Msg>() == nullptr) {
      EXPECT_EQ(got.text(), "ALLS");
      EXPECT_THAT(got.entity_id, IsEmpty());
      return heard;
    }
    for (const auto* queue : queues) {
      if (got.entity_id != to_bytes(queue->recipient.view())) continue;
      heard.push_back(got.text(*queue));
      EXPECT_EQ(service.acknowledge(*queue, got).text(), "OK");
    }
  }
}

TEST_P(ServiceStories, AServiceMakesQueuesAndFindsThemAgain) {
  const auto identity = service(SmpServiceRole::messaging);
  const auto chat = caller("chat", identity);
  const auto bob = caller("bob");
  ASSERT_TRUE(chat->service_id());
  const auto id = *chat->service_id();
  // In a service's session a queue is made by both its key and the service's.
  chat->signs_as_service = false;
  const auto key = chat->new_key();
  const auto dh = crypto::generate_x25519(random_).public_key;
  EXPECT_EQ(chat->call(command::New{crypto::public_key(key), dh, {}, {}, command::New::Messaging{}, {}}, {}, &key),
            "ERR SERVICE");
  chat->signs_as_service = true;
  const auto queue = chat->create();
  EXPECT_EQ(queue.service, id);
  const auto bobs_key = bob->new_key();
  EXPECT_EQ(bob->secure_as_sender(queue.sender, bobs_key), "OK");
  EXPECT_EQ(bob->send(queue.sender, "one", &bobs_key), "OK");
  EXPECT_EQ(bob->send(queue.sender, "two", &bobs_key), "OK");
  const auto one = chat->event();
  EXPECT_EQ(one.text(queue), "one");
  const auto two = chat->acknowledge(queue, one);
  EXPECT_EQ(two.text(queue), "two");
  EXPECT_EQ(chat->acknowledge(queue, one).text(), "ERR NO_MSG");
  EXPECT_EQ(chat->acknowledge(queue, two).text(), "OK");
  EXPECT_EQ(bob->send(queue.sender, "three", &bobs_key), "OK");

  const auto all = queues_of(queue.recipient);
  for (const bool whole_relay : {false, true, true}) {
    if (whole_relay) {
      restart({chat.get(), bob.get()});
    } else {
      ASSERT_EQ(chat->connect(), "");
    }
    EXPECT_EQ(chat->service_id(), id) << "it is known again";
    const crypto::AuthPrivateKey session_key = chat->session().service->private_key->clone();
    EXPECT_EQ(chat->call(command::Subs{all}, {}, &session_key), "ERR CMD NO_AUTH");
    EXPECT_THAT(said_on_reconnecting(*chat, all), ElementsAre("SOKS 1"));
    EXPECT_THAT(what_waited(*chat, {&queue}), ElementsAre("three"));
    EXPECT_EQ(bob->send(queue.sender, "four", &bobs_key), "OK");
    EXPECT_EQ(chat->receive(queue), "four");
    chat->disconnect();
    EXPECT_EQ(bob->send(queue.sender, "three", &bobs_key), "OK");
  }
}

TEST_P(ServiceStories, QueuesOfAPersonBecomeAServicesAndComeBack) {
  const auto bob = caller("bob");
  auto alice = caller("alice");
  const auto one = alice->create();
  EXPECT_EQ(bob->send(one.sender, "hello"), "OK");
  EXPECT_EQ(alice->receive(one), "hello");
  EXPECT_EQ(bob->send(one.sender, "hello 2"), "OK");
  const auto two = alice->create();
  const auto three = alice->create();
  alice->disconnect();

  const auto identity = service(SmpServiceRole::messaging);
  const auto chat = caller("chat", identity);
  chat->signs_as_service = false;
  EXPECT_EQ(chat->subscribe(one), "ERR SERVICE");
  chat->signs_as_service = true;
  const auto sok = chat->ask(command::Sub{}, one.recipient.view(), &one.key);
  ASSERT_NE(sok.as<broker::Sok>(), nullptr) << sok.text();
  EXPECT_EQ(sok.as<broker::Sok>()->service_id, chat->service_id());
  EXPECT_EQ(chat->receive(one), "hello 2");
  EXPECT_EQ(chat->subscribe(two), "SOK");
  EXPECT_EQ(chat->subscribe(three), "SOK");
  chat->disconnect();

  EXPECT_EQ(bob->send(one.sender, "for one"), "OK");
  EXPECT_EQ(bob->send(two.sender, "for two"), "OK");
  restart({bob.get(), chat.get()});
  EXPECT_THAT(said_on_reconnecting(*chat, queues_of(one.recipient, two.recipient, three.recipient)),
              ElementsAre("SOKS 3"));
  EXPECT_THAT(what_waited(*chat, {&one, &two, &three}), UnorderedElementsAre("for one", "for two"));
  chat->disconnect();
  EXPECT_EQ(bob->send(one.sender, "hello 4"), "OK");

  // Without the certificate: the queue is a person's again, and the service's no more.
  ASSERT_EQ(alice->connect(), "");
  const auto key = alice->new_key();
  EXPECT_EQ(alice->call(command::Subs{queues_of()}, chat->connected() ? Bytes() : Bytes(24, 1), &key), "ERR SERVICE");
  const auto back = alice->ask(command::Sub{}, one.recipient.view(), &one.key);
  ASSERT_NE(back.as<broker::Sok>(), nullptr) << back.text();
  EXPECT_FALSE(back.as<broker::Sok>()->service_id);
  EXPECT_EQ(alice->receive(one), "hello 4");
  EXPECT_EQ(alice->subscribe(two), "SOK");
  EXPECT_EQ(bob->send(two.sender, "hello 5"), "OK");
  EXPECT_EQ(alice->receive(two), "hello 5");
  restart({bob.get(), chat.get()});
  EXPECT_THAT(said_on_reconnecting(*chat, queues_of(three.recipient)), ElementsAre("SOKS 1"));
  EXPECT_THAT(what_waited(*chat, {&three}), IsEmpty());
}

TEST_P(ServiceStories, OneConnectionOfAServiceGetsAll) {
  const auto identity = service(SmpServiceRole::messaging);
  const auto first = caller("first", identity);
  const auto bob = caller("bob");
  const auto one = first->create();
  const auto two = first->create();
  const auto all = queues_of(one.recipient, two.recipient);
  const auto second = caller("second", identity);
  EXPECT_EQ(second->service_id(), first->service_id());
  EXPECT_THAT(said_on_reconnecting(*second, all), ElementsAre("SOKS 2"));
  EXPECT_EQ(second->event().text(), "ALLS");
  const auto ends = first->event();
  ASSERT_NE(ends.as<broker::Ends>(), nullptr) << ends.text();
  EXPECT_EQ(ends.as<broker::Ends>()->queues, all);
  EXPECT_EQ(ends.entity_id, to_bytes(first->service_id()->view()));
  EXPECT_EQ(bob->send(one.sender, "hello"), "OK");
  EXPECT_EQ(second->receive(one), "hello");
  EXPECT_THAT(first->events_until_now(), IsEmpty());

  // With what it believes wrong, the relay says what it has, and delivers that.
  const auto soks = first->subscribe_all(queues_of(one.recipient));
  ASSERT_NE(soks.as<broker::Soks>(), nullptr) << soks.text();
  EXPECT_EQ(soks.as<broker::Soks>()->queues, all);
  EXPECT_EQ(first->event().text(), "ALLS");
  EXPECT_EQ(second->event().text(), "ENDS 2");
  EXPECT_EQ(first->remove(two), "OK");
  restart({first.get(), second.get(), bob.get()});
  EXPECT_THAT(said_on_reconnecting(*second, queues_of(one.recipient)), ElementsAre("SOKS 1"));
  EXPECT_EQ(second->event().text(), "ALLS");
}

TEST_P(ServiceStories, ACertificateHasOneRoleForever) {
  auto identity = service(SmpServiceRole::messaging);
  {
    const auto chat = caller("chat", identity);
    chat->create();
  }
  identity.role = SmpServiceRole::notifier;
  caller::Options options;
  options.service = identity;
  for (int round = 0; round < 2; ++round) {
    Caller impostor(place_->line("impostor", identity.credentials), place_->address(), options);
    EXPECT_FALSE(impostor.connected());
    EXPECT_THAT(impostor.error(), ::testing::HasSubstr("BAD_SERVICE"));
    restart({});
  }
  // One that is not shown in TLS is nobody's.
  identity.role = SmpServiceRole::messaging;
  options.service = identity;
  const Caller stranger(place_->line("stranger", nullptr), place_->address(), options);
  EXPECT_FALSE(stranger.connected());
}

}  // namespace
}  // namespace simplex::stories
