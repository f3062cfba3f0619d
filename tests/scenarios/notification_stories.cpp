// Notification servers: told of messages, without the messages.
#include "relay_place.hpp"

namespace simplex::stories {
namespace {

// A message goes to its recipient, and the notification to whoever is asked.
void deliver(Caller& from, Caller& to, const Queue& queue, std::string_view text) {
  ASSERT_EQ(from.send(queue.sender, text), "OK");
  ASSERT_EQ(to.receive(queue), text);
}
void expect_notification(Caller& server, const caller::Notifier& about) {
  const auto told = server.event();
  EXPECT_EQ(told.text(), "NMSG");
  EXPECT_EQ(told.entity_id, to_bytes(about.id.view()));
}

TEST_P(NotificationStories, ANotifierIsReplacedTakenOverAndRemoved) {
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  const auto first = caller("first");
  const auto second = caller("second");
  const auto queue = alice->create();
  const auto replaced = alice->add_notifier(queue);
  const auto notifier = alice->add_notifier(queue);
  ASSERT_TRUE(replaced && notifier);
  EXPECT_NE(replaced->id, notifier->id);
  EXPECT_EQ(first->subscribe(*replaced), "ERR AUTH");
  EXPECT_EQ(first->subscribe(*notifier), "SOK");
  deliver(*bob, *alice, queue, "hello");
  expect_notification(*first, *notifier);

  EXPECT_EQ(second->subscribe(*notifier), "SOK");
  const auto end = first->event();
  EXPECT_EQ(end.text(), "END");
  EXPECT_EQ(end.entity_id, to_bytes(notifier->id.view()));
  deliver(*bob, *alice, queue, "hello again");
  expect_notification(*second, *notifier);
  EXPECT_THAT(first->events_until_now(), IsEmpty());

  EXPECT_EQ(alice->remove_notifier(queue), "OK");
  const auto deleted = second->event();
  EXPECT_EQ(deleted.text(), "DELD");
  EXPECT_EQ(deleted.entity_id, to_bytes(notifier->id.view()));
  deliver(*bob, *alice, queue, "silently");
  EXPECT_THAT(second->events_until_now(), IsEmpty());

  const auto anew = alice->add_notifier(queue);
  ASSERT_TRUE(anew);
  EXPECT_EQ(first->subscribe(*anew), "SOK");
  deliver(*bob, *alice, queue, "one more");
  expect_notification(*first, *anew);
  EXPECT_THAT(second->events_until_now(), IsEmpty());
}

TEST_P(NotificationStories, ANotificationServerIsAService) {
  const auto identity = service(SmpServiceRole::notifier);
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  const auto first = caller("first", identity);
  const auto queue = alice->create();
  const auto notifier = alice->add_notifier(queue);
  ASSERT_TRUE(notifier);
  first->signs_as_service = false;
  EXPECT_EQ(first->subscribe(*notifier), "ERR SERVICE");
  first->signs_as_service = true;
  for (int i = 0; i < 2; ++i) {  // the answer may have been lost
    const auto sok = first->ask(command::Nsub{}, notifier->id.view(), &notifier->key);
    ASSERT_NE(sok.as<broker::Sok>(), nullptr) << sok.text();
    EXPECT_EQ(sok.as<broker::Sok>()->service_id, first->service_id());
  }
  deliver(*bob, *alice, queue, "hello");
  expect_notification(*first, *notifier);

  const auto second = caller("second", identity);
  EXPECT_EQ(second->subscribe(*notifier), "SOK");
  const auto ends = first->event();
  EXPECT_EQ(ends.text(), "ENDS 1");
  EXPECT_EQ(ends.entity_id, to_bytes(first->service_id()->view()));
  deliver(*bob, *alice, queue, "hello again");
  expect_notification(*second, *notifier);
  EXPECT_THAT(first->events_until_now(), IsEmpty());

  EXPECT_EQ(alice->remove_notifier(queue), "OK");
  EXPECT_EQ(second->event().text(), "DELD");
  deliver(*bob, *alice, queue, "silently");
  const auto anew = alice->add_notifier(queue);
  ASSERT_TRUE(anew);
  EXPECT_EQ(second->subscribe(*anew), "SOK");
  const auto other_queue = alice->create();
  const auto other = alice->add_notifier(other_queue);
  ASSERT_TRUE(other);
  EXPECT_EQ(second->subscribe(*other), "SOK");
  deliver(*bob, *alice, queue, "to one");
  expect_notification(*second, *anew);
  deliver(*bob, *alice, other_queue, "to the other");
  expect_notification(*second, *other);

  // All at once by the first connection; no ALLS, as there is nothing to wait for.
  const auto all = queues_of(anew->id, other->id);
  const auto soks = first->subscribe_all(all);
  ASSERT_NE(soks.as<broker::Soks>(), nullptr) << soks.text();
  EXPECT_EQ(soks.as<broker::Soks>()->queues, all);
  EXPECT_EQ(second->event().text(), "ENDS 2");
  deliver(*bob, *alice, queue, "to one again");
  expect_notification(*first, *anew);
  deliver(*bob, *alice, other_queue, "to the other again");
  expect_notification(*first, *other);
  EXPECT_THAT(second->events_until_now(), IsEmpty());
}

TEST_P(NotificationStories, AServiceIsKnownAfterTwoRestarts) {
  const auto identity = service(SmpServiceRole::notifier);
  const auto alice = caller("alice");
  const auto bob = caller("bob");
  const auto push = caller("push", identity);
  const auto queue = alice->create();
  const auto notifier = alice->add_notifier(queue);
  ASSERT_TRUE(notifier);
  EXPECT_EQ(push->subscribe(*notifier), "SOK");
  const auto id = push->service_id();
  deliver(*bob, *alice, queue, "hello");
  expect_notification(*push, *notifier);
  for (int i = 0; i < 2; ++i) {
    restart({alice.get(), bob.get(), push.get()});
    EXPECT_EQ(push->service_id(), id);
    const auto soks = push->subscribe_all(queues_of(notifier->id));
    ASSERT_NE(soks.as<broker::Soks>(), nullptr) << soks.text();
    EXPECT_EQ(soks.as<broker::Soks>()->queues, queues_of(notifier->id));
    EXPECT_EQ(alice->subscribe(queue), "SOK");
    deliver(*bob, *alice, queue, "hello after it");
    expect_notification(*push, *notifier);
  }
}

}  // namespace
}  // namespace simplex::stories
