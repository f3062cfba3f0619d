// An agent's parts on a desk, without a network: a test makes the rows of a connection, takes what it would send, and
// puts what a relay would deliver before it.
#pragma once

#include <gtest/gtest.h>

#include "simplex/smp/message_body.hpp"
#include "simplex/testing/random.hpp"
#include "by_hand_loop.hpp"
#include "reception.hpp"
#include "schema.hpp"

namespace simplex::agent {

class NoNetwork final : public transport::Connector {
 public:
  std::unique_ptr<Attempt> connect(async::Loop&, transport::ConnectOptions,
                                   std::move_only_function<void(Result<transport::ChannelPtr>)>) override {
    return std::make_unique<Attempt>();
  }
};

inline const char* const relay_address = "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@relay.example";

class Desk {
 public:
  explicit Desk(std::uint64_t seed, Versions versions = {}) : random_(seed) {
    Config config;
    config.versions = versions;
    config.servers = {relay_address};
    auto database = store::Database::open({.path = ":memory:", .passphrase = SecretBytes()});
    EXPECT_TRUE(store::migrate(*database, agent_migrations(), loop));
    core.emplace(Dependencies{loop, random_, log_, network_}, std::move(config),
                 UserServers({*read_server({.address = relay_address})}), std::move(*database),
                 [](const Error& error) { ADD_FAILURE() << error.message; });
    relays.emplace(core->dependencies, core->config, core->statistics);
    routes.emplace(*core, *relays);
    deliveries.emplace(*core, *relays, *routes);
    commands.emplace(*core, *relays, *routes, *deliveries);
    subscriptions.emplace(*core, *relays);
    ratchet_sync.emplace(*core, *deliveries);
    rotation.emplace(*core, *deliveries, *commands);
    covers.emplace(*core, *deliveries);
    reception.emplace(*core, *commands, *deliveries, *subscriptions, *ratchet_sync, *rotation, *covers);
    user = *core->connections.insert_user(core->now());
    EXPECT_TRUE(core->outbox.start([this](const Event& event) { events.push_back(event); }));
    loop.run();
  }

  // An invitation, as after NEW.
  protocol::InvitationLink invite(bool pq = true) {
    connection = new_connection(Role::inviter, core->config.versions.agent.max,
                                pq ? crypto::PqSupport::on : crypto::PqSupport::off);
    const auto keys = crypto::generate_receiver_params(random_, core->config.versions.e2e.max, crypto::PqSupport::off);
    EXPECT_TRUE(core->ratchets.insert_x3dh_keys(connection.key, keys.keys));
    return make_link(new_rcv_queue(), keys.keys, core->config.versions);
  }

  // The joining party, as after SKEY and NEW; its confirmation waits to be taken.
  void join(const protocol::InvitationLink& link, std::string_view info, bool pq = true) {
    const auto agreed = agree(link, core->config.versions, pq);
    ASSERT_TRUE(agreed);
    connection = new_connection(Role::joiner, agreed->agent, agreed->pq);
    const auto ratchet = make_sending_ratchet(random_, link, *agreed, core->config.versions.e2e.max);
    ASSERT_TRUE(ratchet && core->ratchets.insert_sending(connection.key, ratchet->state, ratchet->params));
    auto queue = make_snd_queue(random_, connection.key, agreed->queue, agreed->client);
    ASSERT_TRUE(queue);
    queue->key = *core->queues.insert(*queue);
    const auto reply = new_rcv_queue();
    ASSERT_TRUE(core->turn.run([&] {
      return deliveries->enqueue_confirmation(
          connection, *queue, AgentConnInfoReply{{{agreed->client, reply.address()}}, Content(as_bytes(info))});
    }));
    loop.run();
  }

  void say(AMessage message, DeliveryKind kind = DeliveryKind::user) {
    ASSERT_TRUE(
        core->turn.run([&] { return deliveries->enqueue(now_connection(), sending(), kind, std::move(message)); }));
    loop.run();
  }
  void say(std::string_view text) { say(message::User{Content(as_bytes(text))}); }

  // The next body that would be sent.
  Bytes take(QueuePurpose purpose = QueuePurpose::messages) {
    auto delivery = next(purpose);
    EXPECT_TRUE(delivery);
    auto body = deliveries->body_of(*delivery, sending(purpose));
    EXPECT_TRUE(body && core->messages.erase(delivery->key));
    return *body;
  }
  // The same, and the relay takes it; events say what the application was told.
  Bytes send(QueuePurpose purpose = QueuePurpose::messages) {
    auto delivery = next(purpose);
    EXPECT_TRUE(delivery);
    auto body = deliveries->body_of(*delivery, sending(purpose));
    EXPECT_TRUE(body && core->turn.run([&] { return deliveries->sent(*delivery); }));
    loop.run();
    return *body;
  }
  std::optional<Delivery> next(QueuePurpose purpose = QueuePurpose::messages) {
    const auto queue = core->queues.snd_queue_of(connection.key, purpose);
    EXPECT_TRUE(queue);
    if (!queue || !*queue) return std::nullopt;
    auto delivery = core->messages.first_of((*queue)->key, DeliveryKey(), DeliveryKey(1'000'000));
    EXPECT_TRUE(delivery);
    return std::move(*delivery);
  }

  // As MSG of the relay. Returns what the application was told.
  std::vector<Event> deliver(BytesView body, QueuePurpose purpose = QueuePurpose::messages) {
    return deliver(body, receiving(purpose));
  }
  std::vector<Event> deliver(BytesView body, const RcvQueue& queue) {
    push(body, queue);
    loop.run();
    return std::exchange(events, {});
  }
  // One of several that come together: the loop is left where it is.
  void push(BytesView body, const RcvQueue& queue) {
    smp::MessageId id(random_.bytes(24));
    auto encrypted = smp::encrypt_queue_message(
        queue.relay_key, id, smp::MessageBody{from_seconds_since_epoch(1'700'000'000), {}, Content(body)});
    EXPECT_TRUE(encrypted);
    push(id, *encrypted, queue);
  }
  void push(const smp::MessageId& id, BytesView encrypted, const RcvQueue& queue) {
    reception->pushed(relays->get({user, SessionEntity()}, queue.server), smp::entity_id(queue.recipient_id),
                      smp::broker::Msg{id, Content(encrypted)});
  }
  std::vector<Event> deliver(const smp::MessageId& id, BytesView encrypted) {
    return deliver(id, encrypted, receiving());
  }
  std::vector<Event> deliver(const smp::MessageId& id, BytesView encrypted, const RcvQueue& queue) {
    push(id, encrypted, queue);
    loop.run();
    return std::exchange(events, {});
  }

  Connection now_connection() { return *core->connections.by_key(connection.key); }
  RcvQueue receiving(QueuePurpose purpose = QueuePurpose::messages) {
    return std::move(**core->queues.rcv_queue_of(connection.key, purpose));
  }
  SndQueue sending(QueuePurpose purpose = QueuePurpose::messages) {
    return std::move(**core->queues.snd_queue_of(connection.key, purpose));
  }
  std::int64_t count(const std::string& table) {
    auto rows = core->database.prepare("SELECT count(*) FROM " + table);
    EXPECT_TRUE(rows && *rows->step());
    return rows->integer(0);
  }

  ByHandLoop loop;
  std::optional<Core> core;
  std::optional<Relays> relays;
  std::optional<Routes> routes;
  std::optional<DeliveryQueues> deliveries;
  std::optional<Commands> commands;
  std::optional<Subscriptions> subscriptions;
  std::optional<RatchetSync> ratchet_sync;
  std::optional<Rotation> rotation;
  std::optional<Covers> covers;
  std::optional<Reception> reception;
  UserId user;
  Connection connection;
  std::vector<Event> events;

  Connection new_connection(Role role, AgentVersion version, crypto::PqSupport pq) {
    Connection made{.key = {},
                    .id = new_connection_id(random_),
                    .user = user,
                    .role = role,
                    .agent_version = version,
                    .pq = pq,
                    .link = {}};
    made.key = *core->connections.insert(made, core->now());
    return made;
  }
  RcvQueue new_rcv_queue(protocol::QueueMode mode = protocol::QueueMode::messaging,
                         QueuePurpose purpose = QueuePurpose::messages) {
    RcvQueue queue;
    queue.purpose = purpose;
    queue.conn = connection.key;
    queue.server = *protocol::parse_server_address(relay_address);
    queue.recipient_id = smp::RecipientId(random_.bytes(24));
    queue.sender_id = protocol::SenderId(random_.bytes(24));
    queue.recipient_key = crypto::generate_ed25519(random_).private_key;
    queue.relay_key =
        *crypto::box_key(crypto::generate_x25519(random_).public_key, crypto::generate_x25519(random_).private_key);
    queue.dh_key = crypto::generate_x25519(random_).private_key;
    queue.mode = mode;
    queue.client_version = core->config.versions.smp_client.max;
    queue.key = *core->queues.insert(queue);
    return queue;
  }

 private:
  testing::SeededRandom random_;
  NullLogger log_;
  NoNetwork network_;
};

}  // namespace simplex::agent
