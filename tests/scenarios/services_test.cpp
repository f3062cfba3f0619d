// The SMP client and the relay's engine together: services that show a certificate, and notifications, over disconnections
// and restarts of the relay.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simplex/crypto/hash.hpp"
#include "simplex/smp/client/client.hpp"
#include "simplex/smp/client/received_message.hpp"
#include "simplex/smp/message_body.hpp"
#include "folder.hpp"
#include "relay.hpp"

namespace simplex::world {
namespace {

using namespace std::chrono_literals;
using namespace smp;
using smp::client::Client;
using smp::client::Outcome;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using transport::SmpServiceRole;

struct Keys {
  crypto::AuthPrivateKey key;
  RecipientId recipient;
  SenderId sender;
  crypto::BoxKey box;
};

struct Party {
  Party(std::string party, Scheduler& time, SimNetwork& network, std::optional<SmpServiceRole> role = std::nullopt)
      : random(std::hash<std::string>{}(party)), loop(time) {
    if (role) {
      auto own = transport::make_credentials(transport::SignatureAlgorithm::ed25519, time.wall(), random);
      auto credentials = std::make_shared<client::ServiceCredentials>();
      credentials->role = *role;
      credentials->chain = own.chain;
      credentials->key = std::move(own.key);
      service = std::move(credentials);
    }
    connector = network.connector(std::move(party), service ? service->chain : std::vector<Bytes>());
  }

  // Why it failed, or "".
  std::string connect(const std::string& address, SmpVersionRange versions = supported_versions) {
    client.reset();
    client::Options options;
    options.versions = versions;
    options.service = service;
    client::Handlers handlers;
    handlers.pushed = [this](const EntityId& entity, const BrokerMessage& message) { pushed(entity, message); };
    handlers.disconnected = [](const client::Failure&) {};
    handlers.violation = [](const Error& error) { ADD_FAILURE() << error.message; };
    std::optional<std::string> failed;
    attempt = Client::connect({loop, random, log, *connector}, *protocol::parse_server_address(address), options,
                              std::move(handlers), [&](Outcome<std::unique_ptr<Client>> made) {
                                failed = made ? "" : made.error().error.message;
                                if (made) client = std::move(*made);
                              });
    loop.scheduler().run_until([&] { return failed.has_value(); }, 2min);
    return failed.value_or("no answer");
  }
  void pushed(const EntityId& entity, const BrokerMessage& message) {
    const auto* msg = std::get_if<broker::Msg>(&message);
    const auto queue = msg == nullptr ? queues.end() : std::ranges::find_if(queues, [&](const Keys& keys) {
      return entity_id(keys.recipient) == entity;
    });
    if (queue == queues.end()) {
      seen.push_back(std::string(smp::name_of(message)));
      return;
    }
    const auto opened = client::open_message(queue->box, *msg);
    ASSERT_TRUE(opened);
    const auto* text = std::get_if<client::QueueMessageReceived>(&*opened);
    ASSERT_NE(text, nullptr);
    seen.emplace_back(as_text(text->body));
    client->acknowledge(queue->recipient, queue->key, msg->id, note());
  }
  std::size_t create() {
    auto own = crypto::generate_ed25519(random);
    auto dh = crypto::generate_x25519(random);
    command::New request;
    request.recipient_key = own.public_key;
    request.recipient_dh_key = dh.public_key;
    request.mode = command::New::Messaging{};
    const crypto::AuthPrivateKey key = std::move(own.private_key);
    std::optional<broker::Ids> ids;
    client->create_queue(request, key, [&](Outcome<broker::Ids> made) {
      ASSERT_TRUE(made) << made.error().error.message;
      ids = *made;
    });
    settle();
    EXPECT_TRUE(ids);
    EXPECT_EQ(ids->service_id, client->session().service);
    queues.push_back({crypto::clone(key), ids->recipient_id, ids->sender_id,
                      crypto::box_key(ids->relay_dh_key, dh.private_key).value()});
    return queues.size() - 1;
  }
  client::Done<> note() {
    return [this](Outcome<> outcome) {
      if (!outcome) failures.push_back(outcome.error().error.message);
    };
  }
  void send(const SenderId& to, std::string_view text) {
    client->send_message(to, nullptr, MessageFlags{true}, as_bytes(text), note());
    settle();
  }
  // What the relay has.
  ServiceQueues subscribe_all(const ServiceQueues& expected) {
    std::optional<ServiceQueues> had;
    const auto done = [&](Outcome<broker::Soks> soks) {
      ASSERT_TRUE(soks) << soks.error().error.message;
      had = soks->queues;
    };
    if (service->role == SmpServiceRole::messaging) {
      client->subscribe_all(expected, done);
    } else {
      client->subscribe_all_notifications(expected, done);
    }
    settle();
    EXPECT_TRUE(had);
    return had.value_or(ServiceQueues());
  }
  void settle() { loop.scheduler().advance(5s); }

  testing::SeededRandom random;
  SimLoop loop;
  NullLogger log;
  std::shared_ptr<const client::ServiceCredentials> service;
  std::unique_ptr<transport::Connector> connector;
  std::unique_ptr<Client::Attempt> attempt;
  std::unique_ptr<Client> client;
  std::vector<Keys> queues;
  std::vector<std::string> seen;
  std::vector<std::string> failures;
};

ServiceQueues of(std::initializer_list<BytesView> ids) {
  ServiceQueues made{.count = 0, .hash = {}};
  for (const auto id : ids) {
    ++made.count;
    made.hash = combine(made.hash, IdsHash(crypto::md5(id).array()));
  }
  return made;
}

class ServicesTest : public ::testing::Test {
 protected:
  ServicesTest() : relay_("relay", folder_.path() / "relay", time_, network_, 5, supported_versions) { relay_.start(); }
  void restart() {
    relay_.stop();
    relay_.start();
  }

  TemporaryFolder folder_;
  Scheduler time_;
  SimNetwork network_{time_, 8};
  Relay relay_;
  Party bob_{"bob", time_, network_};
};

TEST_F(ServicesTest, AServiceFindsItsQueuesAgainAfterARestart) {
  Party chat("chat", time_, network_, SmpServiceRole::messaging);
  ASSERT_EQ(chat.connect(relay_.address()), "");
  ASSERT_EQ(bob_.connect(relay_.address()), "");
  ASSERT_TRUE(chat.client->session().service);
  const auto id = *chat.client->session().service;
  const auto& one = chat.queues[chat.create()].sender;
  const auto first = one;
  const auto second = chat.queues[chat.create()].sender;
  bob_.send(first, "hello");
  EXPECT_THAT(chat.seen, ElementsAre("hello"));
  chat.client.reset();
  bob_.send(first, "later");
  bob_.send(second, "too");
  restart();

  ASSERT_EQ(chat.connect(relay_.address()), "");
  ASSERT_EQ(bob_.connect(relay_.address()), "");
  EXPECT_EQ(chat.client->session().service, id);
  chat.seen.clear();
  const auto expected = of({chat.queues[0].recipient.view(), chat.queues[1].recipient.view()});
  EXPECT_EQ(chat.subscribe_all(expected), expected);
  EXPECT_THAT(chat.seen, UnorderedElementsAre("later", "too", "ALLS"));
  EXPECT_EQ(chat.seen.back(), "ALLS");
  bob_.send(second, "now");
  EXPECT_EQ(chat.seen.back(), "now");
  EXPECT_THAT(chat.failures, IsEmpty());
  EXPECT_EQ(relay_.messages(), 0u);
}

TEST_F(ServicesTest, ANotificationServerIsToldOverRestarts) {
  Party alice("alice", time_, network_);
  Party push("push", time_, network_, SmpServiceRole::notifier);
  for (auto* each : {&alice, &push, &bob_}) ASSERT_EQ(each->connect(relay_.address()), "");
  alice.create();
  const auto& queue = alice.queues.front();
  auto own = crypto::generate_ed25519(alice.random);
  const crypto::AuthPrivateKey key = std::move(own.private_key);
  std::optional<NotifierId> notifier;
  alice.client->enable_notifications(queue.recipient, queue.key,
                                     {own.public_key, crypto::generate_x25519(alice.random).public_key},
                                     [&](Outcome<broker::Nid> nid) {
                                       ASSERT_TRUE(nid);
                                       notifier = nid->notifier_id;
                                     });
  alice.settle();
  std::optional<ServiceId> service;
  push.client->subscribe_notifications(*notifier, key, [&](Outcome<std::optional<ServiceId>> sok) {
    ASSERT_TRUE(sok) << sok.error().error.message;
    service = *sok;
  });
  push.settle();
  ASSERT_TRUE(service);
  EXPECT_EQ(service, push.client->session().service);
  bob_.send(queue.sender, "hello");
  EXPECT_THAT(push.seen, ElementsAre("NMSG"));

  for (int i = 0; i < 2; ++i) {
    push.client.reset();
    push.settle();
    push.seen.clear();
    bob_.send(queue.sender, "while it is away");
    restart();
    for (auto* each : {&alice, &push, &bob_}) ASSERT_EQ(each->connect(relay_.address()), "");
    alice.client->subscribe(queue.recipient, queue.key, alice.note());
    const auto expected = of({notifier->view()});
    EXPECT_EQ(push.subscribe_all(expected), expected);
    time_.advance(10s);
    EXPECT_THAT(push.seen, ElementsAre("NMSG")) << "it was kept, and it is known whose it is";
    bob_.send(queue.sender, "and now");
    EXPECT_THAT(push.seen, ElementsAre("NMSG", "NMSG"));
  }
  EXPECT_THAT(alice.failures, IsEmpty());
}

TEST_F(ServicesTest, ACertificateHasOneRoleAndOldRelaysKnowNone) {
  Party chat("chat", time_, network_, SmpServiceRole::messaging);
  ASSERT_EQ(chat.connect(relay_.address()), "");
  chat.create();
  auto other = std::make_shared<client::ServiceCredentials>();
  other->role = SmpServiceRole::notifier;
  other->chain = chat.service->chain;
  other->key = std::visit([](const auto& own) { return crypto::SignaturePrivateKey(own.clone()); }, chat.service->key);
  const auto own = std::exchange(chat.service, std::move(other));
  EXPECT_THAT(chat.connect(relay_.address()), ::testing::HasSubstr("BAD_SERVICE"));

  // As a recipient it is one from version 19, as a notification server from 16.
  chat.service = own;
  ASSERT_EQ(chat.connect(relay_.address(), {SmpVersion(6), SmpVersion(18)}), "");
  EXPECT_FALSE(chat.client->session().service);
  std::optional<client::Failure::Kind> failure;
  chat.client->subscribe_all({}, [&](Outcome<broker::Soks> soks) { failure = soks.error().kind; });
  chat.settle();
  EXPECT_EQ(failure, client::Failure::Kind::unexpected);
  Party push("push", time_, network_, SmpServiceRole::notifier);
  ASSERT_EQ(push.connect(relay_.address(), {SmpVersion(6), SmpVersion(16)}), "");
  EXPECT_TRUE(push.client->session().service);
  EXPECT_EQ(push.subscribe_all({}).count, 0);
}

// Another certificate in the handshake than the one in TLS.
TEST_F(ServicesTest, ACertificateHasToBeShownInTls) {
  Party chat("chat", time_, network_, SmpServiceRole::messaging);
  chat.connector = network_.connector("chat");
  EXPECT_THAT(chat.connect(relay_.address()), ::testing::HasSubstr("BAD_AUTH"));
}

}  // namespace
}  // namespace simplex::world
