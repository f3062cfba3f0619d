// Queues: who may do what with them, and what becomes of their messages.
#include "relay_place.hpp"

#include "simplex/smp/version.hpp"

namespace simplex::stories {
namespace {

enum class Kind : std::uint8_t { ed25519, ed448, x25519 };

crypto::AuthPrivateKey key_of(Kind kind, Random& random) {
  if (kind == Kind::ed25519) return crypto::generate_ed25519(random).private_key;
  if (kind == Kind::ed448) return crypto::generate_ed448(random).private_key;
  return crypto::generate_x25519(random).private_key;
}

TEST_P(RelayStories, ARecipientSecuresTheQueueForOneSender) {
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  for (const auto kind : {Kind::ed25519, Kind::ed448, Kind::x25519}) {
    const auto queue = alice->create();
    EXPECT_EQ(bob->send(queue.sender, "hello"), "OK");
    const auto hello = alice->event();
    EXPECT_EQ(hello.text(queue), "hello");
    EXPECT_EQ(alice->acknowledge(queue, hello).text(), "OK");
    EXPECT_EQ(alice->acknowledge(queue, hello).text(), "ERR NO_MSG");

    const auto key = key_of(kind, random_);
    const auto other = key_of(kind, random_);
    const command::Key secure{crypto::public_key(key)};
    EXPECT_EQ(bob->send(queue.sender, "too early", &key), "ERR AUTH");
    EXPECT_EQ(alice->call(secure, queue.recipient.view(), &other), "ERR AUTH");
    EXPECT_EQ(alice->call(secure, queue.sender.view(), &queue.key), "ERR AUTH");
    EXPECT_EQ(alice->secure(queue, key), "OK");
    EXPECT_EQ(alice->secure(queue, key), "OK") << "the answer may have been lost";
    EXPECT_EQ(alice->secure(queue, other), "ERR AUTH");

    EXPECT_EQ(bob->send(queue.sender, "hello again", &key), "OK");
    EXPECT_EQ(alice->receive(queue), "hello again");
    EXPECT_EQ(bob->send(queue.sender, "by nobody"), "ERR AUTH");
    EXPECT_EQ(bob->send(queue.sender, "by somebody else", &other), "ERR AUTH");
    const std::string longest(max_message_length(bob->version()), '-');
    EXPECT_EQ(bob->send(queue.sender, longest, &key), "OK");
    EXPECT_EQ(alice->receive(queue), longest);
    EXPECT_EQ(bob->send(queue.sender, longest + "-", &key), "ERR LARGE_MSG");
  }
  EXPECT_THAT(alice->events_until_now(), IsEmpty());
}

TEST_P(RelayStories, ASenderSecuresTheQueueItself) {
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  for (const auto kind : {Kind::ed25519, Kind::ed448, Kind::x25519}) {
    const auto queue = alice->create();
    const auto key = key_of(kind, random_);
    const auto other = key_of(kind, random_);
    const command::Skey secure{crypto::public_key(key)};
    EXPECT_EQ(bob->call(secure, queue.sender.view(), &other), "ERR AUTH") << "authorized with another key";
    EXPECT_EQ(bob->call(secure, queue.recipient.view(), &key), "ERR AUTH");
    EXPECT_EQ(bob->secure_as_sender(queue.sender, key), "OK");
    EXPECT_EQ(bob->secure_as_sender(queue.sender, other), "ERR AUTH");
    EXPECT_EQ(bob->secure_as_sender(queue.sender, key), "OK");
    EXPECT_EQ(bob->send(queue.sender, "hello", &key), "OK");
    EXPECT_EQ(alice->receive(queue), "hello");
    EXPECT_EQ(bob->send(queue.sender, "by nobody"), "ERR AUTH");
    const std::string longest(max_message_length(bob->version()), '-');
    EXPECT_EQ(bob->send(queue.sender, longest, &key), "OK");
    EXPECT_EQ(alice->receive(queue), longest);
    EXPECT_EQ(bob->send(queue.sender, longest + "-", &key), "ERR LARGE_MSG");
  }
  // An address that many send to is secured by nobody.
  const auto contact = alice->create(command::New::Contact{});
  EXPECT_EQ(bob->secure_as_sender(contact.sender, key_of(Kind::x25519, random_)), "ERR AUTH");
}

TEST_P(RelayStories, RecipientsKeysComeAndGo) {
  const auto alice = caller("alice");
  const auto queue = alice->create(command::New::Contact{});
  const auto second = alice->new_key();
  const auto one = crypto::public_key(queue.key);
  const auto two = crypto::public_key(second);
  const auto use = [&](std::vector<crypto::AuthPublicKey> keys, const crypto::AuthPrivateKey& by) {
    return alice->call(command::Rkey{std::move(keys)}, queue.recipient.view(), &by);
  };
  const auto state = [&](const crypto::AuthPrivateKey& by) {
    return alice->call(command::Que{}, queue.recipient.view(), &by);
  };
  EXPECT_EQ(use({one, two}, second), "ERR AUTH");
  EXPECT_EQ(use({one, two}, queue.key), "OK");
  EXPECT_EQ(state(queue.key), "INFO");
  EXPECT_EQ(state(second), "INFO");
  EXPECT_EQ(use({two}, second), "OK");
  EXPECT_EQ(state(queue.key), "ERR AUTH");
  restart({alice.get()});
  EXPECT_EQ(state(queue.key), "ERR AUTH");
  EXPECT_EQ(use({one, two}, second), "OK");
  EXPECT_EQ(state(queue.key), "INFO");
  EXPECT_EQ(use({two}, queue.key), "OK") << "a key may remove itself";
  EXPECT_EQ(state(queue.key), "ERR AUTH");
  EXPECT_EQ(state(second), "INFO");
}

TEST_P(RelayStories, AQueueIsSuspendedAndDeleted) {
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  const auto queue = alice->create();
  const auto key = bob->new_key();
  const auto other = alice->new_key();
  EXPECT_EQ(alice->secure(queue, key), "OK");
  EXPECT_EQ(bob->send(queue.sender, "one", &key), "OK");
  EXPECT_EQ(bob->send(queue.sender, "two", &key), "OK");
  const auto one = alice->event();
  EXPECT_EQ(one.text(queue), "one");

  EXPECT_EQ(alice->call(command::Off{}, queue.recipient.view(), &other), "ERR AUTH");
  EXPECT_EQ(alice->call(command::Off{}, queue.sender.view(), &queue.key), "ERR AUTH");
  EXPECT_EQ(alice->suspend(queue), "OK");
  EXPECT_EQ(bob->send(queue.sender, "late", &key), "ERR AUTH");
  EXPECT_EQ(bob->send(queue.sender, "late"), "ERR AUTH");
  EXPECT_EQ(alice->suspend(queue), "OK");
  EXPECT_EQ(alice->subscribe(queue), "SOK");
  EXPECT_EQ(alice->event_of(queue), "one") << "again, as it was not acknowledged";
  restart({alice.get(), bob.get()});
  EXPECT_EQ(bob->send(queue.sender, "still late", &key), "ERR AUTH");
  EXPECT_EQ(alice->subscribe(queue), "SOK");
  EXPECT_EQ(alice->event_of(queue), "one");

  EXPECT_EQ(alice->call(command::Del{}, queue.recipient.view(), &other), "ERR AUTH");
  EXPECT_EQ(alice->call(command::Del{}, queue.sender.view(), &queue.key), "ERR AUTH");
  EXPECT_EQ(alice->remove(queue), "OK");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(bob->send(queue.sender, "x", &key), "ERR AUTH");
    EXPECT_EQ(bob->send(queue.sender, "x"), "ERR AUTH");
    EXPECT_EQ(alice->acknowledge(queue, one).text(), "ERR AUTH");
    EXPECT_EQ(alice->suspend(queue), "ERR AUTH");
    EXPECT_EQ(alice->subscribe(queue), "ERR AUTH");
    EXPECT_EQ(alice->get(queue), "ERR AUTH");
    EXPECT_EQ(alice->remove(queue), "ERR AUTH");
    EXPECT_THAT(alice->events_until_now(), IsEmpty());
    restart({alice.get(), bob.get()});
  }
}

TEST_P(RelayStories, ManyQueuesGoFromConnectionToConnection) {
  const auto first = caller("first");
  std::vector<Queue> queues;
  for (int i = 0; i < 50; ++i) queues.push_back(first->create());
  first->disconnect();
  const auto second = caller("second");
  for (const auto& queue : queues) EXPECT_EQ(second->subscribe(queue), "SOK");
  second->disconnect();
  const auto third = caller("third");
  for (const auto& queue : queues) EXPECT_EQ(third->subscribe(queue), "SOK");
  const auto bob = caller("bob");
  for (const auto& queue : queues) {
    EXPECT_EQ(bob->send(queue.sender, "x"), "OK");
    EXPECT_EQ(third->receive(queue), "x");
  }
}

// Each gets a queue of the other through the first queue, as the agents of two people do.
TEST_P(RelayStories, TwoPeopleIntroduceThemselves) {
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  const auto to_alice = alice->create();
  const auto bobs_key = bob->new_key();
  EXPECT_EQ(bob->send(to_alice.sender, "this is my key"), "OK");
  EXPECT_EQ(alice->receive(to_alice), "this is my key");
  EXPECT_EQ(alice->secure(to_alice, bobs_key), "OK");

  const auto to_bob = bob->create();
  EXPECT_EQ(bob->send(to_alice.sender, "and this my queue", &bobs_key), "OK");
  EXPECT_EQ(alice->receive(to_alice), "and this my queue");
  const auto alices_key = alice->new_key();
  EXPECT_EQ(alice->send(to_bob.sender, "here is mine"), "OK");
  EXPECT_EQ(bob->receive(to_bob), "here is mine");
  EXPECT_EQ(bob->secure(to_bob, alices_key), "OK");

  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(bob->send(to_alice.sender, "hi alice", &bobs_key), "OK");
    EXPECT_EQ(alice->receive(to_alice), "hi alice");
    EXPECT_EQ(alice->send(to_bob.sender, "how are you", &alices_key), "OK");
    EXPECT_EQ(bob->receive(to_bob), "how are you");
  }
}

TEST_P(RelayStories, ASubscriptionGoesToAnotherConnection) {
  const auto first = caller("first");
  const auto second = caller("second");
  const auto bob = caller("bob");
  const auto queue = first->create();
  EXPECT_EQ(bob->send(queue.sender, "one"), "OK");
  EXPECT_EQ(bob->send(queue.sender, "two"), "OK");
  EXPECT_EQ(first->receive(queue), "one");
  const auto two = first->event();
  EXPECT_EQ(two.text(queue), "two");

  EXPECT_EQ(second->subscribe(queue), "SOK");
  const auto again = second->event();
  EXPECT_EQ(again.text(queue), "two");
  EXPECT_EQ(caller::message_id(two), caller::message_id(again));
  EXPECT_EQ(second->acknowledge(queue, again).text(), "OK");
  const auto end = first->event();
  EXPECT_EQ(end.text(), "END");
  EXPECT_EQ(end.entity_id, to_bytes(queue.recipient.view()));

  EXPECT_EQ(bob->send(queue.sender, "three"), "OK");
  const auto three = second->event();
  EXPECT_EQ(three.text(queue), "three");
  EXPECT_EQ(first->acknowledge(queue, three).text(), "ERR NO_MSG") << "it is not delivered to this one";
  EXPECT_EQ(second->acknowledge(queue, three).text(), "OK");

  EXPECT_EQ(first->remove(queue), "OK");
  const auto deleted = second->event();
  EXPECT_EQ(deleted.text(), "DELD");
  EXPECT_EQ(deleted.entity_id, to_bytes(queue.recipient.view()));
  EXPECT_THAT(first->events_until_now(), IsEmpty());
}

TEST_P(RelayStories, OneReadsWithGetWhileAnotherIsSubscribed) {
  const auto phone = caller("phone");
  const auto extension = caller("extension");
  const auto bob = caller("bob");
  const auto queue = phone->create();
  for (const auto* text : {"1", "2", "3", "4"}) EXPECT_EQ(bob->send(queue.sender, text), "OK");
  const auto get = [&] { return extension->ask_get(queue); };

  const auto one = phone->event();
  EXPECT_EQ(one.text(queue), "1");
  const auto same = get();
  EXPECT_EQ(same.text(queue), "1");
  EXPECT_EQ(caller::message_id(one), caller::message_id(same));
  EXPECT_EQ(phone->get(queue), "ERR CMD PROHIBITED");
  EXPECT_EQ(extension->subscribe(queue), "ERR CMD PROHIBITED");

  const auto two = phone->acknowledge(queue, one);
  EXPECT_EQ(two.text(queue), "2");
  const auto unknown = MessageId(random_.bytes(24));
  EXPECT_EQ(extension->call(command::Ack{unknown}, queue.recipient.view(), &queue.key), "ERR NO_MSG");
  EXPECT_EQ(extension->acknowledge(queue, same).text(), "OK") << "the other one was faster";
  EXPECT_EQ(get().text(queue), "2") << "delivered, but not acknowledged";
  EXPECT_EQ(extension->acknowledge(queue, two).text(), "OK") << "who gets messages asks for the next";
  const auto three = get();
  EXPECT_EQ(three.text(queue), "3");
  const auto next = phone->acknowledge(queue, two);
  EXPECT_EQ(next.text(queue), "3") << "the second is gone already, and the third is not lost";
  const auto four = phone->acknowledge(queue, next);
  EXPECT_EQ(four.text(queue), "4");
  EXPECT_EQ(phone->acknowledge(queue, four).text(), "OK");
  EXPECT_EQ(get().text(), "OK");
}

TEST_P(RelayStories, AFullQueueStaysFullUntilItIsReadToItsEnd) {
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  const auto queue = alice->create(command::New::Messaging{}, SubscriptionMode::only_create);
  constexpr int quota = 128;
  for (int i = 0; i < quota; ++i) ASSERT_EQ(bob->send(queue.sender, std::to_string(i)), "OK");
  EXPECT_EQ(bob->send(queue.sender, "over"), "ERR QUOTA");
  EXPECT_EQ(alice->state(queue), "129");
  restart({alice.get(), bob.get()});
  EXPECT_EQ(bob->send(queue.sender, "over"), "ERR QUOTA");
  EXPECT_EQ(alice->state(queue), "129") << "one marker is enough";
  EXPECT_EQ(alice->subscribe(queue), "SOK");
  for (int i = 0; i < quota; ++i) {
    ASSERT_EQ(alice->receive(queue), std::to_string(i));
    if (i == quota / 2) {
      restart({alice.get(), bob.get()});
      EXPECT_EQ(alice->subscribe(queue), "SOK");
    }
    if (i % 16 == 0) EXPECT_EQ(bob->send(queue.sender, "over"), "ERR QUOTA");
  }
  const auto marker = alice->event();
  EXPECT_EQ(marker.text(queue), "(quota)");
  EXPECT_EQ(bob->send(queue.sender, "over"), "ERR QUOTA");
  EXPECT_EQ(alice->acknowledge(queue, marker).text(), "OK");
  EXPECT_EQ(bob->send(queue.sender, "room again"), "OK");
  EXPECT_EQ(alice->receive(queue), "room again");
  EXPECT_EQ(alice->state(queue), "0");
}

TEST_P(RelayStories, TwoSendersAtOnceLoseNothing) {
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  const auto carol = caller("carol");
  const auto queue = alice->create();
  const auto key = bob->new_key();
  EXPECT_EQ(alice->secure(queue, key), "OK");
  const auto send = [&](Caller& by, std::string_view text) {
    return by.post(command::Send{{}, Content(as_bytes(text))}, queue.sender.view(), &key);
  };
  for (int round = 0; round < 50; ++round) {
    const auto one = send(*bob, "by bob");
    const auto two = send(*carol, "by carol");
    std::vector<std::string> heard{alice->receive(queue)};
    EXPECT_EQ(bob->answer(one).text(), "OK");
    EXPECT_EQ(carol->answer(two).text(), "OK");
    heard.push_back(alice->receive(queue));
    ASSERT_THAT(heard, UnorderedElementsAre("by bob", "by carol")) << round;
  }
  EXPECT_EQ(alice->state(queue), "0 secured");
}

TEST_P(RelayStories, WhatIsNoCommandIsAnsweredSo) {
  const auto alice = caller("alice");
  const auto key = alice->new_key();
  const Bytes id(8, 'q');
  const auto say = [&](const std::string& words, bool with_id, bool authorized) {
    return alice->say(as_bytes(words), with_id ? BytesView(id) : BytesView(), authorized ? &key : nullptr);
  };
  const auto octets = [](const ClientCommand& command) {
    const auto encoded = encode(command, current_version);
    return std::string(as_text(encoded));
  };
  const auto auth = crypto::public_key(alice->new_key());
  const auto dh = crypto::generate_x25519(random_).public_key;
  const auto create = octets(command::New{auth, dh, {}, SubscriptionMode::subscribe, command::New::Messaging{}, {}});
  const auto secure = octets(command::Key{auth});
  const auto ack = octets(command::Ack{MessageId(as_bytes("1234"))});

  EXPECT_EQ(say("HELLO", true, false), "ERR CMD UNKNOWN");
  EXPECT_EQ(say("OK", true, true), "ERR CMD UNKNOWN") << "what relays say";
  EXPECT_EQ(say("NEW", false, true), "ERR CMD SYNTAX");
  EXPECT_EQ(say("NEW \x01" + std::string("A") + create.substr(4), false, true), "ERR CMD SYNTAX");
  EXPECT_EQ(say(create, false, false), "ERR CMD NO_AUTH");
  EXPECT_EQ(say(create, true, true), "ERR CMD HAS_AUTH");
  EXPECT_EQ(say(secure, true, true), "ERR AUTH");
  EXPECT_EQ(say("KEY", true, true), "ERR CMD SYNTAX");
  EXPECT_EQ(say("KEY \x01" + std::string("A") + secure.substr(4), true, true), "ERR CMD SYNTAX");
  EXPECT_EQ(say(secure, true, false), "ERR CMD NO_AUTH");
  EXPECT_EQ(say(secure, false, true), "ERR CMD NO_AUTH");
  for (const std::string word : {"SUB", "OFF", "DEL"}) {
    EXPECT_EQ(say(word, true, true), "ERR AUTH");
    EXPECT_EQ(say(word + "=", true, true), "ERR CMD UNKNOWN");
    EXPECT_EQ(say(word, true, false), "ERR CMD NO_AUTH");
    EXPECT_EQ(say(word, false, true), "ERR CMD NO_AUTH");
  }
  EXPECT_EQ(say("SEND F hello", true, true), "ERR AUTH");
  EXPECT_EQ(say("SEND", true, true), "ERR CMD SYNTAX");
  EXPECT_EQ(say("SEND F hello", false, true), "ERR CMD NO_ENTITY");
  EXPECT_EQ(say(ack, true, true), "ERR AUTH");
  EXPECT_EQ(say("ACK", true, true), "ERR CMD SYNTAX");
  EXPECT_EQ(say(ack, false, true), "ERR CMD NO_AUTH");
  EXPECT_EQ(say(ack, true, false), "ERR CMD NO_AUTH");
  EXPECT_EQ(say("PING", false, false), "PONG");
}

// The whole life of a queue, with the relay ending at every turn of it.
TEST_P(RelayStories, NothingIsLostOrDoubledWhereverTheRelayEnds) {
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  const auto push = caller("push");
  const auto again = [&] { restart({alice.get(), bob.get(), push.get()}); };
  const auto queue = alice->create();
  again();
  const auto key = bob->new_key();
  EXPECT_EQ(bob->secure_as_sender(queue.sender, key), "OK");
  again();
  const auto notifier = alice->add_notifier(queue);
  ASSERT_TRUE(notifier);
  again();
  EXPECT_EQ(push->subscribe(*notifier), "SOK");
  for (const auto* text : {"one", "two", "three"}) EXPECT_EQ(bob->send(queue.sender, text, &key), "OK");
  EXPECT_EQ(push->event().text(), "NMSG");
  again();
  EXPECT_EQ(alice->state(queue), "3 secured notifications");
  EXPECT_EQ(alice->subscribe(queue), "SOK");
  const auto one = alice->event();
  EXPECT_EQ(one.text(queue), "one");
  again();
  EXPECT_EQ(alice->subscribe(queue), "SOK");
  const auto same = alice->event();
  EXPECT_EQ(same.text(queue), "one");
  EXPECT_EQ(caller::message_id(one), caller::message_id(same));
  EXPECT_EQ(alice->acknowledge(queue, same).text(queue), "two");
  again();
  EXPECT_EQ(alice->subscribe(queue), "SOK");
  EXPECT_EQ(alice->receive(queue), "two");
  EXPECT_EQ(alice->receive(queue), "three");
  again();
  EXPECT_EQ(alice->subscribe(queue), "SOK");
  EXPECT_THAT(alice->events_until_now(), IsEmpty());
  EXPECT_EQ(alice->state(queue), "0 secured notifications");
  EXPECT_EQ(push->subscribe(*notifier), "SOK");
  EXPECT_EQ(bob->send(queue.sender, "four", &key), "OK");
  EXPECT_EQ(alice->receive(queue), "four");
  const auto told = push->event();
  EXPECT_EQ(told.text(), "NMSG");
  EXPECT_EQ(told.entity_id, to_bytes(notifier->id.view()));
  EXPECT_EQ(alice->remove_notifier(queue), "OK");
  again();
  EXPECT_EQ(push->subscribe(*notifier), "ERR AUTH");
  EXPECT_EQ(alice->remove(queue), "OK");
  again();
  EXPECT_EQ(bob->send(queue.sender, "five", &key), "ERR AUTH");
  EXPECT_EQ(alice->subscribe(queue), "ERR AUTH");
}

}  // namespace
}  // namespace simplex::stories
