// The SMP client and the relay's engine together: one queue, its recipient and its sender, over every version of SMP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simplex/crypto/dh.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/smp/client/client.hpp"
#include "simplex/smp/client/received_message.hpp"
#include "folder.hpp"
#include "relay.hpp"

namespace simplex::world {
namespace {

using namespace std::chrono_literals;
using namespace smp;
using smp::client::Client;
using smp::client::Outcome;
using ::testing::ElementsAre;

// Somebody with a connection to the relay.
struct Party {
  Party(std::string party, Scheduler& time, SimNetwork& network)
      : name(std::move(party)), loop(time), connector(network.connector(name)) {}

  void connect(const protocol::ServerAddress& address, SmpVersionRange versions = supported_versions) {
    client.reset();
    client::Options options;
    options.versions = versions;
    client::Handlers handlers;
    handlers.pushed = [this](const EntityId&, const BrokerMessage& message) { pushed_message(message); };
    handlers.disconnected = [this](const client::Failure&) { ++disconnected; };
    handlers.violation = [](const Error& error) { ADD_FAILURE() << error.message; };
    attempt = Client::connect({loop, random, log, *connector}, address, options, std::move(handlers),
                              [this](Outcome<std::unique_ptr<Client>> made) {
                                ASSERT_TRUE(made) << made.error().error.message;
                                client = std::move(*made);
                              });
    loop.scheduler().run_until([&] { return client != nullptr; }, 1min);
    ASSERT_TRUE(client);
  }
  void pushed_message(const BrokerMessage& message) {
    const auto* msg = std::get_if<broker::Msg>(&message);
    if (msg == nullptr) {
      seen.push_back(std::string(smp::name_of(message)));
      return;
    }
    const auto opened = client::open_message(*message_key, *msg);
    ASSERT_TRUE(opened);
    last_message = msg->id;
    if (const auto* text = std::get_if<client::QueueMessageReceived>(&*opened)) {
      seen.emplace_back(as_text(text->body));
    } else {
      seen.push_back("(the queue was full)");
    }
  }
  auto note() {
    return [this](const auto& outcome) {
      results.push_back(outcome                       ? "ok"
                        : outcome.error().relay_error ? smp::wire_text(*outcome.error().relay_error, current_version)
                                                      : std::string(client::name_of(outcome.error().kind)));
    };
  }

  std::string name;
  SimLoop loop;
  testing::SeededRandom random{42};
  NullLogger log;
  std::unique_ptr<transport::Connector> connector;
  std::unique_ptr<Client::Attempt> attempt;
  std::unique_ptr<Client> client;
  std::optional<crypto::BoxKey> message_key;
  std::optional<MessageId> last_message;
  std::vector<std::string> seen;
  std::vector<std::string> results;
  int disconnected = 0;
};

class QueuesTest : public ::testing::Test {
 protected:
  void start(SmpVersionRange versions = supported_versions) {
    relay_ = std::make_unique<Relay>("relay", folder_.path() / "relay", time_, network_, 5, versions);
    relay_->start();
    recipient_.random = testing::SeededRandom(43);
    address_ = *protocol::parse_server_address(relay_->address());
    recipient_.connect(address_);
    sender_.connect(address_);
  }
  void settle() { time_.advance(5s); }

  void create_queue() {
    const bool old = recipient_.client->session().version < authenticator_version;
    if (old) {
      auto pair = crypto::generate_ed25519(recipient_.random);
      recipient_key_ = std::move(pair.private_key);
      auto theirs = crypto::generate_ed25519(sender_.random);
      sender_key_ = std::move(theirs.private_key);
    } else {
      auto pair = crypto::generate_x25519(recipient_.random);
      recipient_key_ = std::move(pair.private_key);
      auto theirs = crypto::generate_x25519(sender_.random);
      sender_key_ = std::move(theirs.private_key);
    }
    const auto dh = crypto::generate_x25519(recipient_.random);
    command::New request;
    request.recipient_key = crypto::public_key(recipient_key_);
    request.recipient_dh_key = dh.public_key;
    request.mode = command::New::Messaging{};
    recipient_.client->create_queue(request, recipient_key_, [&](Outcome<broker::Ids> ids) {
      ASSERT_TRUE(ids) << ids.error().error.message;
      ids_ = std::move(*ids);
    });
    settle();
    ASSERT_TRUE(ids_);
    recipient_.message_key = *crypto::box_key(ids_->relay_dh_key, dh.private_key);
  }
  void secure() {
    recipient_.client->secure(ids_->recipient_id, recipient_key_, crypto::public_key(sender_key_), recipient_.note());
    settle();
  }
  void send(std::string_view text) {
    sender_.client->send_message(ids_->sender_id, &sender_key_, {}, as_bytes(text), sender_.note());
    settle();
  }
  void acknowledge() {
    recipient_.client->acknowledge(ids_->recipient_id, recipient_key_, *recipient_.last_message, recipient_.note());
    settle();
  }
  void subscribe() {
    recipient_.client->subscribe(ids_->recipient_id, recipient_key_, recipient_.note());
    settle();
  }

  TemporaryFolder folder_;
  Scheduler time_;
  SimNetwork network_{time_, 3};
  std::unique_ptr<Relay> relay_;
  protocol::ServerAddress address_;
  Party recipient_{"recipient", time_, network_};
  Party sender_{"sender", time_, network_};
  crypto::AuthPrivateKey recipient_key_;
  crypto::AuthPrivateKey sender_key_;
  std::optional<broker::Ids> ids_;
};

TEST_F(QueuesTest, MessagesGoThroughAQueueInEveryVersion) {
  for (std::uint16_t version = 6; version <= 20; ++version) {
    SCOPED_TRACE(version);
    start({SmpVersion(6), SmpVersion(version)});
    ids_.reset();
    recipient_.seen.clear();
    recipient_.results.clear();
    sender_.results.clear();
    create_queue();
    secure();
    send("one");
    send("two");
    send("three");
    EXPECT_THAT(sender_.results, ElementsAre("ok", "ok", "ok"));
    EXPECT_THAT(recipient_.seen, ElementsAre("one")) << "the next one comes after ACK";
    acknowledge();
    acknowledge();
    acknowledge();
    EXPECT_THAT(recipient_.seen, ElementsAre("one", "two", "three"));
    EXPECT_THAT(recipient_.results, ElementsAre("ok", "ok", "ok", "ok"));
    EXPECT_EQ(relay_->messages(), 0U);
    recipient_.client.reset();
    sender_.client.reset();
    settle();
    relay_->stop();
    relay_.reset();
    std::filesystem::remove_all(folder_.path() / "relay");
  }
}

TEST_F(QueuesTest, OnlyTheOwnersOfTheKeysMayUseIt) {
  start();
  create_queue();
  secure();
  const crypto::AuthPrivateKey other = crypto::generate_x25519(sender_.random).private_key;
  const crypto::AuthPrivateKey signing = crypto::generate_ed25519(sender_.random).private_key;
  sender_.client->send_message(ids_->sender_id, &other, {}, as_bytes("x"), sender_.note());
  sender_.client->send_message(ids_->sender_id, &signing, {}, as_bytes("x"), sender_.note());
  sender_.client->send_message(ids_->sender_id, nullptr, {}, as_bytes("x"), sender_.note());
  sender_.client->send_message(SenderId(sender_.random.bytes(24)), &sender_key_, {}, as_bytes("x"), sender_.note());
  sender_.client->subscribe(ids_->recipient_id, other, sender_.note());
  sender_.client->delete_queue(ids_->recipient_id, sender_key_, sender_.note());
  sender_.client->subscribe(RecipientId(ids_->sender_id.view()), recipient_key_, sender_.note());
  settle();
  EXPECT_THAT(sender_.results, ElementsAre("AUTH", "AUTH", "AUTH", "AUTH", "AUTH", "AUTH", "AUTH"));
  EXPECT_TRUE(recipient_.seen.empty());
  sender_.client->secure_as_sender(ids_->sender_id, other, sender_.note());
  settle();
  EXPECT_EQ(sender_.results.back(), "AUTH") << "secured with another key already";
}

TEST_F(QueuesTest, SenderSecuresItAndMayRepeatThat) {
  start();
  create_queue();
  sender_.client->secure_as_sender(ids_->sender_id, sender_key_, sender_.note());
  sender_.client->secure_as_sender(ids_->sender_id, sender_key_, sender_.note());
  settle();
  send("hello");
  EXPECT_THAT(sender_.results, ElementsAre("ok", "ok", "ok"));
  EXPECT_THAT(recipient_.seen, ElementsAre("hello"));
}

TEST_F(QueuesTest, NotAcknowledgedMessagesComeAgainToTheNextSubscriber) {
  start();
  create_queue();
  secure();
  send("one");
  send("two");
  Party phone("phone", time_, network_);
  phone.message_key = recipient_.message_key->clone();
  phone.connect(address_);
  phone.client->subscribe(ids_->recipient_id, recipient_key_, phone.note());
  settle();
  EXPECT_THAT(phone.results, ElementsAre("ok"));
  EXPECT_THAT(phone.seen, ElementsAre("one"));
  EXPECT_THAT(recipient_.seen, ElementsAre("one", "END"));
  phone.client->acknowledge(ids_->recipient_id, recipient_key_, *phone.last_message, phone.note());
  settle();
  EXPECT_THAT(phone.seen, ElementsAre("one", "two"));
  send("three");
  EXPECT_THAT(recipient_.seen, ElementsAre("one", "END"));
}

TEST_F(QueuesTest, RestartKeepsQueuesAndMessages) {
  start();
  create_queue();
  secure();
  send("one");
  acknowledge();
  send("two");
  send("three");
  relay_->stop();
  settle();
  EXPECT_EQ(recipient_.disconnected, 1);
  EXPECT_EQ(sender_.disconnected, 1);
  relay_->start();
  EXPECT_EQ(relay_->queues(), 1U);
  EXPECT_EQ(relay_->messages(), 2U);
  recipient_.connect(address_);
  sender_.connect(address_);
  subscribe();
  acknowledge();
  send("four");
  acknowledge();
  acknowledge();
  EXPECT_THAT(recipient_.seen, ElementsAre("one", "two", "two", "three", "four"))
      << "two was delivered, not acknowledged, before the restart";
  EXPECT_THAT(sender_.results, ElementsAre("ok", "ok", "ok", "ok"));
  EXPECT_THAT(recipient_.results, ElementsAre("ok", "ok", "ok", "ok", "ok", "ok"));
}

TEST_F(QueuesTest, FullQueueRefusesUntilItIsRead) {
  start();
  create_queue();
  secure();
  for (int i = 0; i < 130; ++i)
    sender_.client->send_message(ids_->sender_id, &sender_key_, {}, as_bytes(std::to_string(i)), sender_.note());
  settle();
  EXPECT_EQ(std::ranges::count(sender_.results, "ok"), 128);
  EXPECT_EQ(std::ranges::count(sender_.results, "QUOTA"), 2);
  for (int i = 0; i < 129; ++i) acknowledge();
  EXPECT_EQ(recipient_.seen.size(), 129U);
  EXPECT_EQ(recipient_.seen.back(), "(the queue was full)");
  send("again");
  EXPECT_EQ(sender_.results.back(), "ok");
}

TEST_F(QueuesTest, SuspendedAndDeletedQueues) {
  start();
  create_queue();
  secure();
  recipient_.client->suspend(ids_->recipient_id, recipient_key_, recipient_.note());
  settle();
  send("too late");
  EXPECT_THAT(sender_.results, ElementsAre("AUTH"));
  recipient_.client->delete_queue(ids_->recipient_id, recipient_key_, recipient_.note());
  settle();
  recipient_.client->subscribe(ids_->recipient_id, recipient_key_, recipient_.note());
  settle();
  EXPECT_THAT(recipient_.results, ElementsAre("ok", "ok", "ok", "AUTH"));
  EXPECT_EQ(relay_->queues(), 0U);
}

TEST_F(QueuesTest, LargestMessageOfEveryVersionFits) {
  for (const std::uint16_t version : std::initializer_list<std::uint16_t>{6, 7, 8, 11, 15, 20}) {
    SCOPED_TRACE(version);
    start({SmpVersion(6), SmpVersion(version)});
    ids_.reset();
    sender_.results.clear();
    recipient_.seen.clear();
    create_queue();
    secure();
    const std::string largest(max_message_length(SmpVersion(version)), 'x');
    send(largest);
    send(largest + "y");
    EXPECT_THAT(sender_.results, ElementsAre("ok", ::testing::AnyOf("LARGE_MSG", "too_large")));
    EXPECT_THAT(recipient_.seen, ElementsAre(largest));
    recipient_.client.reset();
    sender_.client.reset();
    settle();
    relay_->stop();
    relay_.reset();
    std::filesystem::remove_all(folder_.path() / "relay");
  }
}

}  // namespace
}  // namespace simplex::world
