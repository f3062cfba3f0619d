#include "simplex/smp/client/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simplex/testing/vectors.hpp"
#include "scripted_relay.hpp"

namespace simplex::smp::client {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class ClientTest : public ::testing::Test {
 protected:
  void start(SmpVersionRange relay_versions = supported_versions) {
    relay_ = std::make_unique<ScriptedRelay>(time_, network_, relay_versions);
  }
  void connect(std::optional<protocol::ServerAddress> address = std::nullopt) {
    Handlers handlers;
    handlers.pushed = [this](const EntityId& entity, const BrokerMessage& message) {
      pushed_.push_back(std::string(as_text(entity.view())) + " " + std::string(smp::name_of(message)));
      if (on_pushed_) on_pushed_();
    };
    handlers.disconnected = [this](const Failure& failure) { ends_.push_back(failure); };
    handlers.violation = [this](const Error& error) { violations_.push_back(error.message); };
    attempt_ = Client::connect({loop_, random_, log_, *connector_}, address ? *address : relay_->address(), options_,
                               std::move(handlers), [this](Outcome<std::unique_ptr<Client>> result) {
                                 if (result) {
                                   client_ = std::move(*result);
                                 } else {
                                   failure_ = std::move(result).error();
                                 }
                                 attempt_.reset();
                               });
    EXPECT_FALSE(client_);
    time_.run_until([&] { return client_ || failure_; }, 5min);
  }
  void connect_to_new_relay() {
    start();
    connect();
    ASSERT_TRUE(client_) << (failure_ ? failure_->error.message : "");
  }

  // A callback that notes how the command ended.
  auto note(std::string name) {
    return [this, name](const auto& outcome) {
      notes_.push_back(name + ": " + (outcome ? "ok" : std::string(client::name_of(outcome.error().kind))));
    };
  }
  static EntityId queue(std::string_view name) { return EntityId(as_bytes(name)); }
  static RecipientId recipient(std::string_view name) { return RecipientId(as_bytes(name)); }

  world::Scheduler time_;
  world::SimLoop loop_{time_};
  world::SimNetwork network_{time_, 1};
  testing::SeededRandom random_{3};
  NullLogger log_;
  std::unique_ptr<transport::Connector> connector_ = network_.connector("alice");
  Options options_;
  crypto::AuthPrivateKey key_ = crypto::generate_ed25519(random_).private_key;
  std::unique_ptr<ScriptedRelay> relay_;
  std::unique_ptr<Client::Attempt> attempt_;
  std::unique_ptr<Client> client_;
  std::optional<Failure> failure_;
  std::vector<std::string> pushed_;
  std::function<void()> on_pushed_;
  std::vector<Failure> ends_;
  std::vector<std::string> violations_;
  std::vector<std::string> notes_;
};

TEST_F(ClientTest, AgreesOnTheHighestCommonVersion) {
  for (std::uint16_t version = 6; version <= 20; ++version) {
    start({SmpVersion(6), SmpVersion(version)});
    connect();
    ASSERT_TRUE(client_) << version;
    EXPECT_EQ(client_->session().version, SmpVersion(version));
    EXPECT_EQ(client_->session().can_authenticate, version >= 7);
    relay_->on_command = [&](const SeenCommand& command) { relay_->answer(command, broker::Pong{}); };
    client_->ping(note("ping"));
    time_.advance(1s);
    EXPECT_THAT(notes_, ElementsAre("ping: ok"));
    client_.reset();
    notes_.clear();
    relay_.reset();
  }
}

TEST_F(ClientTest, ConnectingSaysWhyItFailed) {
  start({SmpVersion(21), SmpVersion(25)});
  connect();
  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->kind, Failure::Kind::version);

  auto wrong = relay_->address();
  wrong.key_hash = protocol::KeyHash(Bytes(32, 1));
  failure_.reset();
  connect(wrong);
  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->kind, Failure::Kind::untrusted);
  EXPECT_FALSE(failure_->temporary());

  wrong.key_hash = protocol::KeyHash(Bytes(3, 1));
  failure_.reset();
  connect(wrong);
  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->kind, Failure::Kind::malformed);

  failure_.reset();
  network_.cut("alice", "relay");
  connect(relay_->address());
  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->kind, Failure::Kind::timeout);
  EXPECT_TRUE(failure_->temporary());
  network_.restore("alice", "relay");

  failure_.reset();
  relay_->stop_listening();
  connect();
  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->kind, Failure::Kind::network);
}

TEST_F(ClientTest, HandshakeThatNeverComesTimesOut) {
  transport::ServerCredentials credentials =
      transport::make_credentials(transport::SignatureAlgorithm::ed25519, time_.wall(), random_);
  world::SimLoop silent(time_);
  transport::ChannelPtr kept;
  const auto listener =
      network_.listen(silent, "relay", {.certificates = credentials.chain, .key_hash = credentials.identity},
                      [&](transport::ChannelPtr channel) { kept = std::move(channel); });
  protocol::ServerAddress address;
  address.hosts = {*protocol::Host::parse("relay")};
  address.key_hash = protocol::KeyHash(credentials.identity.view());
  const Instant before = time_.now();
  connect(address);
  ASSERT_TRUE(failure_);
  EXPECT_EQ(failure_->kind, Failure::Kind::timeout);
  EXPECT_LE(time_.now() - before, 46s);
}

TEST_F(ClientTest, DroppedAttemptIsSilent) {
  start();
  bool called = false;
  attempt_ = Client::connect({loop_, random_, log_, *connector_}, relay_->address(), options_, {},
                             [&](const auto&) { called = true; });
  time_.advance(5ms);
  attempt_.reset();
  time_.advance(5min);
  EXPECT_FALSE(called);
  EXPECT_EQ(network_.open_connections(), 0U);
}

TEST_F(ClientTest, AnswersFindTheirCommandsInAnyOrder) {
  connect_to_new_relay();
  client_->suspend(recipient("a"), key_, note("a"));
  client_->suspend(recipient("b"), key_, note("b"));
  client_->suspend(recipient("c"), key_, note("c"));
  EXPECT_TRUE(relay_->seen.empty()) << "nothing is sent inside the call";
  time_.advance(1s);
  ASSERT_EQ(relay_->seen.size(), 3U);
  EXPECT_THAT(relay_->block_sizes, ElementsAre(3U)) << "commands of one turn share a block";
  EXPECT_TRUE(relay_->seen[0].authorized);
  EXPECT_EQ(relay_->seen[0].corr_id.view().size(), 24U);
  EXPECT_NE(relay_->seen[0].corr_id, relay_->seen[1].corr_id);
  relay_->answer(relay_->seen[2], broker::Ok{});
  relay_->answer(relay_->seen[0], broker::Err{errors::Auth{}});
  relay_->answer(relay_->seen[1], broker::Ok{});
  time_.advance(1s);
  EXPECT_THAT(notes_, ElementsAre("c: ok", "a: refused", "b: ok"));
  EXPECT_TRUE(violations_.empty());
}

TEST_F(ClientTest, KeepsTheExactErrorOfTheRelay) {
  connect_to_new_relay();
  relay_->on_command = [&](const SeenCommand& command) { relay_->answer(command, broker::Err{errors::Quota{}}); };
  std::optional<Failure> failure;
  client_->send_message(SenderId(as_bytes("s")), nullptr, {}, as_bytes("text"),
                        [&](const Outcome<>& outcome) { failure = outcome.error(); });
  time_.advance(1s);
  ASSERT_TRUE(failure);
  EXPECT_TRUE(failure->is<errors::Quota>());
  EXPECT_FALSE(failure->is<errors::Auth>());
  EXPECT_FALSE(failure->temporary());
  EXPECT_FALSE(relay_->seen[0].authorized);
}

TEST_F(ClientTest, ManyCommandsFillBlocksAndStayBounded) {
  options_.max_in_flight = 100;
  options_.max_waiting = 500;
  connect_to_new_relay();
  for (int i = 0; i < 600; ++i) client_->suspend(recipient("q"), key_, note("off"));
  EXPECT_EQ(client_->counters().waiting, 500U);
  time_.advance(1s);
  EXPECT_EQ(relay_->seen.size(), 100U);
  EXPECT_EQ(notes_.size(), 100U) << "what is over the limit fails at once";
  EXPECT_EQ(notes_.front(), "off: too_large");
  relay_->on_command = [&](const SeenCommand& command) { relay_->answer(command, broker::Ok{}); };
  for (std::size_t i = 0; i < 100; ++i) relay_->answer(relay_->seen[i], broker::Ok{});
  time_.advance(10s);
  EXPECT_EQ(relay_->seen.size(), 500U);
  EXPECT_EQ(std::ranges::count(notes_, "off: ok"), 500);
}

TEST_F(ClientTest, LargestMessageGoesAndALargerOneDoesNot) {
  connect_to_new_relay();
  relay_->on_command = [&](const SeenCommand& command) { relay_->answer(command, broker::Ok{}); };
  client_->send_message(SenderId(Bytes(24, 1)), &key_, {.notification = true}, testing::pattern(16'048), note("fits"));
  client_->send_message(SenderId(Bytes(24, 1)), &key_, {}, testing::pattern(16'400), note("does not"));
  time_.advance(1s);
  EXPECT_THAT(notes_, ::testing::UnorderedElementsAre("does not: too_large", "fits: ok"));
}

TEST_F(ClientTest, MessagesComeWithAndWithoutCommands) {
  connect_to_new_relay();
  const broker::Msg message{MessageId(Bytes(24, 5)), Content(as_bytes("sealed"))};
  relay_->on_command = [&](const SeenCommand& command) { relay_->answer(command, message); };
  on_pushed_ = [&] { notes_.push_back("pushed"); };
  client_->subscribe(recipient("q"), key_, note("sub"));
  time_.advance(1s);
  client_->acknowledge(recipient("q"), key_, message.id, note("ack"));
  time_.advance(1s);
  relay_->push(queue("q"), message);
  relay_->push(queue("q"), broker::End{});
  time_.advance(1s);
  EXPECT_THAT(notes_, ElementsAre("sub: ok", "pushed", "ack: ok", "pushed", "pushed", "pushed"));
  EXPECT_THAT(pushed_, ElementsAre("q MSG", "q MSG", "q MSG", "q END"));
}

TEST_F(ClientTest, DisconnectedByItsOwnerItEndsAsIfTheConnectionWereLost) {
  connect_to_new_relay();
  client_->ping(note("waiting"));
  client_->disconnect({ErrorKind::timeout, "the network has changed", Advice::retry});
  client_->disconnect({ErrorKind::timeout, "once more", Advice::retry});
  EXPECT_TRUE(notes_.empty()) << "not inside the call";
  EXPECT_TRUE(client_->connected());
  time_.advance(1s);
  EXPECT_THAT(notes_, ElementsAre("waiting: network"));
  ASSERT_EQ(ends_.size(), 1u);
  EXPECT_EQ(ends_[0].kind, Failure::Kind::network);
  EXPECT_EQ(ends_[0].error.message, "the network has changed");
  client_->ping(note("late"));
  client_->disconnect({});
  time_.advance(1s);
  EXPECT_THAT(notes_, ElementsAre("waiting: network", "late: network"));
  EXPECT_EQ(ends_.size(), 1u);
}

TEST_F(ClientTest, CommandsTimeOutAndLateAnswersDoNoHarm) {
  connect_to_new_relay();
  client_->suspend(recipient("a"), key_, note("off"));
  client_->subscribe(recipient("b"), key_, note("sub"));
  time_.advance(29s);
  EXPECT_TRUE(notes_.empty());
  time_.advance(2s);
  EXPECT_THAT(notes_, ElementsAre("off: timeout", "sub: timeout"));
  ASSERT_EQ(relay_->seen.size(), 2U);
  relay_->answer(relay_->seen[0], broker::Ok{});
  relay_->answer(relay_->seen[1], broker::Msg{MessageId(Bytes(24, 5)), Content(as_bytes("sealed"))});
  time_.advance(1s);
  EXPECT_EQ(notes_.size(), 2U);
  EXPECT_THAT(pushed_, ElementsAre("b MSG")) << "the relay counts it as delivered";
  EXPECT_TRUE(violations_.empty());
  EXPECT_TRUE(client_->connected());
}

TEST_F(ClientTest, EndOfTheConnectionFailsWhatIsOpenAndIsToldOnce) {
  connect_to_new_relay();
  client_->suspend(recipient("a"), key_, note("a"));
  client_->suspend(recipient("b"), key_, note("b"));
  time_.advance(1s);
  relay_->disconnect();
  time_.advance(1s);
  EXPECT_THAT(notes_, ElementsAre("a: network", "b: network"));
  ASSERT_EQ(ends_.size(), 1U);
  EXPECT_TRUE(ends_[0].temporary());
  EXPECT_FALSE(client_->connected());
  client_->suspend(recipient("c"), key_, note("c"));
  EXPECT_EQ(notes_.size(), 2U);
  time_.advance(10min);
  EXPECT_THAT(notes_, ElementsAre("a: network", "b: network", "c: network"));
  EXPECT_EQ(ends_.size(), 1U);
}

TEST_F(ClientTest, DestroyedInACallbackItFallsSilent) {
  connect_to_new_relay();
  client_->suspend(recipient("a"), key_, [&](const Outcome<>&) { client_.reset(); });
  client_->suspend(recipient("b"), key_, note("b"));
  time_.advance(1s);
  // Both answers and an event in one block.
  protocol::Batch batch;
  ASSERT_TRUE(batch.add(relay_->transmission(relay_->seen[0].corr_id, relay_->seen[0].entity, broker::Ok{})));
  ASSERT_TRUE(batch.add(relay_->transmission(relay_->seen[1].corr_id, relay_->seen[1].entity, broker::Ok{})));
  ASSERT_TRUE(batch.add(relay_->transmission({}, queue("q"), broker::End{})));
  relay_->send_content(batch.take());
  time_.advance(1min);
  EXPECT_FALSE(client_);
  EXPECT_TRUE(notes_.empty());
  EXPECT_TRUE(pushed_.empty());
  EXPECT_TRUE(ends_.empty());
  EXPECT_EQ(relay_->ends, 1);
}

TEST_F(ClientTest, WhatWasQueuedGoesBeforeTheConnectionCloses) {
  connect_to_new_relay();
  client_->suspend(recipient("a"), key_, note("a"));
  client_.reset();
  time_.advance(1min);
  ASSERT_EQ(relay_->seen.size(), 1U);
  EXPECT_EQ(relay_->ends, 1);
  EXPECT_TRUE(notes_.empty());
}

TEST_F(ClientTest, PingsAQuietRelayAndLeavesASilentOne) {
  connect_to_new_relay();
  time_.advance(1h);
  EXPECT_TRUE(relay_->seen.empty()) << "no pings without a subscription";
  relay_->on_command = [&](const SeenCommand& command) {
    relay_->answer(command, command.name == "PING" ? BrokerMessage(broker::Pong{}) : BrokerMessage(broker::Ok{}));
  };
  client_->subscribe(recipient("q"), key_, note("sub"));
  time_.advance(25min);
  ASSERT_EQ(relay_->seen.size(), 3U);
  EXPECT_EQ(relay_->seen[1].name, "PING");
  EXPECT_EQ(relay_->seen[1].entity, EntityId());
  EXPECT_FALSE(relay_->seen[1].authorized);

  relay_->on_command = nullptr;
  time_.advance(40min);
  ASSERT_EQ(ends_.size(), 1U);
  EXPECT_EQ(ends_[0].kind, Failure::Kind::timeout);
  EXPECT_TRUE(violations_.empty());
}

TEST_F(ClientTest, CommandOfANewerVersionIsNotSent) {
  start({SmpVersion(6), SmpVersion(8)});
  connect();
  client_->secure_as_sender(SenderId(as_bytes("s")), key_, note("skey"));
  client_->get_link(LinkId(as_bytes("l")), note("lget"));
  time_.advance(1s);
  EXPECT_THAT(notes_, ElementsAre("skey: version", "lget: version"));
  EXPECT_TRUE(relay_->seen.empty());
}

TEST_F(ClientTest, KeyOfTheWrongKindForAnOldRelayIsNotSent) {
  start({SmpVersion(6), SmpVersion(6)});
  connect();
  const crypto::AuthPrivateKey dh_key = crypto::generate_x25519(random_).private_key;
  client_->suspend(recipient("a"), dh_key, note("off"));
  time_.advance(1s);
  EXPECT_THAT(notes_, ElementsAre("off: version"));
}

// ---- relays that do not follow the protocol

TEST_F(ClientTest, UnknownAndRepeatedCorrelationIdsAreReportedAndIgnored) {
  connect_to_new_relay();
  client_->suspend(recipient("a"), key_, note("a"));
  client_->suspend(recipient("b"), key_, note("b"));
  time_.advance(1s);
  relay_->send(CorrId::generate(random_), queue("a"), broker::Ok{});
  relay_->answer(relay_->seen[0], broker::Ok{});
  relay_->answer(relay_->seen[0], broker::Err{errors::Auth{}});
  time_.advance(1s);
  EXPECT_THAT(notes_, ElementsAre("a: ok"));
  EXPECT_EQ(violations_.size(), 2U);
  relay_->answer(relay_->seen[1], broker::Ok{});
  time_.advance(1s);
  EXPECT_THAT(notes_, ElementsAre("a: ok", "b: ok"));
  EXPECT_TRUE(client_->connected());
}

TEST_F(ClientTest, AnswersThatDoNotFitAreFailures) {
  connect_to_new_relay();
  client_->suspend(recipient("a"), key_, note("a"));
  client_->suspend(recipient("b"), key_, note("b"));
  client_->suspend(recipient("c"), key_, note("c"));
  time_.advance(1s);
  relay_->answer(relay_->seen[0], broker::Pong{});
  relay_->send(relay_->seen[1].corr_id, queue("other"), broker::Ok{});
  Bytes unreadable = relay_->transmission(relay_->seen[2].corr_id, relay_->seen[2].entity, broker::Ok{});
  unreadable.back() = '?';
  relay_->send_transmission(unreadable);
  time_.advance(1s);
  // PONG with an entity id is unreadable already.
  ASSERT_EQ(notes_.size(), 3U);
  EXPECT_EQ(notes_[1], "b: unexpected");
  EXPECT_EQ(notes_[2], "c: malformed");
  EXPECT_TRUE(client_->connected());
}

TEST_F(ClientTest, UnreadableBlocksAreReportedAndIgnored) {
  connect_to_new_relay();
  client_->suspend(recipient("a"), key_, note("a"));
  time_.advance(1s);
  relay_->send_content(Bytes{});
  relay_->send_content(Bytes(100, 0xFF));
  relay_->send_content(Bytes(16'000, 0));
  relay_->send_transmission(Bytes(50, 'x'));
  relay_->send_transmission(Bytes{});
  time_.advance(1s);
  EXPECT_EQ(violations_.size(), 5U);
  relay_->answer(relay_->seen[0], broker::Ok{});
  time_.advance(1s);
  EXPECT_THAT(notes_, ElementsAre("a: ok"));
}

TEST_F(ClientTest, MessageOfAnotherSessionIsIgnored) {
  start({SmpVersion(6), SmpVersion(6)});
  connect();
  client_->suspend(recipient("a"), key_, note("a"));
  time_.advance(1s);
  const Bytes other_session(32, 9);
  relay_->send_transmission(encode_broker_transmission({SmpVersion(6), other_session}, relay_->seen[0].corr_id,
                                                       relay_->seen[0].entity.view(), broker::Ok{}));
  time_.advance(1s);
  EXPECT_TRUE(notes_.empty());
  EXPECT_EQ(violations_.size(), 1U);
  relay_->answer(relay_->seen[0], broker::Ok{});
  time_.advance(1s);
  EXPECT_THAT(notes_, ElementsAre("a: ok"));
}

TEST_F(ClientTest, RelayThatOnlyBreaksRulesIsLeft) {
  connect_to_new_relay();
  client_->suspend(recipient("a"), key_, note("a"));
  time_.advance(1s);
  for (int i = 0; i < 150; ++i) relay_->send(CorrId::generate(random_), queue("a"), broker::Ok{});
  time_.advance(1s);
  EXPECT_EQ(violations_.size(), 100U);
  EXPECT_EQ(ends_.size(), 1U);
  EXPECT_THAT(notes_, ElementsAre("a: network"));
}

TEST_F(ClientTest, ManyLostConnectionsNeverLeaveACommandWithoutAnEnd) {
  network_.set_loss_of_connection(0.02);
  int ended = 0;
  int given = 0;
  for (int round = 0; round < 50; ++round) {
    start();
    client_.reset();
    failure_.reset();
    connect();
    if (client_) {
      relay_->on_command = [&](const SeenCommand& command) { relay_->answer(command, broker::Ok{}); };
      for (int i = 0; i < 20; ++i) {
        ++given;
        client_->suspend(recipient("a"), key_, [&](const Outcome<>&) { ++ended; });
        time_.advance(5ms);
      }
      time_.advance(1min);
    }
    relay_.reset();
  }
  EXPECT_EQ(ended, given);
  EXPECT_GT(network_.connections_lost(), 5U);
}

}  // namespace
}  // namespace simplex::smp::client
