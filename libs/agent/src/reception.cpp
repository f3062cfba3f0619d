#include "reception.hpp"

#include <fmt/format.h>

#include "failures.hpp"

namespace simplex::agent {
namespace {

constexpr std::int64_t most_answers_waiting = 16;
// What nobody can read and anybody who has the link can send, of each invitation or address.
constexpr std::int64_t most_garbage_known = 256;

LayerKeys keys_of(const RcvQueue& queue) {
  LayerKeys keys{queue.relay_key.clone(), std::nullopt, std::nullopt};
  if (queue.e2e_key) keys.e2e = queue.e2e_key->clone();
  return keys;
}

}  // namespace

void Reception::pushed(Relay& relay, const smp::EntityId& entity, const smp::BrokerMessage& message) {
  const smp::RecipientId id(entity.view());
  if (const auto* arrived = std::get_if<smp::broker::Msg>(&message)) {
    arrivals_.add(relay, id, *arrived);
  } else if (std::holds_alternative<smp::broker::End>(message) || std::holds_alternative<smp::broker::Deld>(message)) {
    subscriptions_.ended(relay, id);
  }
}

void Reception::arrived(Relay& relay, const smp::RecipientId& id, const smp::broker::Msg& message,
                        std::optional<MessageLayers> layers) {
  const auto done = core_.turn.run([&] { return receive(relay, id, message, std::move(layers)); });
  if (done || early_.hold()) return;
  if (!Redeliveries::concerns_one(done.error())) return core_.storage_failed(done.error());
  const auto noted = core_.turn.run([&] { return failed(relay, id, message, done.error()); });
  if (!noted) core_.storage_failed(noted.error());
}

Result<> Reception::receive(Relay& relay, const smp::RecipientId& id, const smp::broker::Msg& message,
                            std::optional<MessageLayers> ahead) {
  SIMPLEX_ASSIGN(const auto queue, core_.queues.rcv_queue(relay.name(), id));
  if (!queue) return {};
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(queue->conn));
  if (connection.deleted) return {};
  relay.counts().add(RelayCounter::received_messages);
  if (queue->purpose == QueuePurpose::retired) commands_.heard_from(queue->key);
  auto layers = ahead ? std::move(*ahead) : take_off(message, keys_of(*queue));
  Ack ack = Ack::now;
  if (!layers.received) {
    const smp::client::QueueMessageReceived nothing{message.id, {}, {}, {}};
    SIMPLEX_ASSIGN(ack, unreadable({connection, *queue, nothing, layers, relay.counts()}, Failure::relay_protocol,
                                   layers.received.error()));
  } else if (const auto* received = std::get_if<smp::client::QueueMessageReceived>(&*layers.received)) {
    SIMPLEX_ASSIGN(ack, read({connection, *queue, *received, layers, relay.counts()}));
  } else {
    SIMPLEX_ASSIGN(ack, queue_was_full(connection, *queue));
  }
  if (ack == Ack::now) acknowledge(relay, *queue, message.id);
  redeliveries_.received(queue->key);
  return early_.received(*queue);
}

Result<> Reception::failed(Relay& relay, const smp::RecipientId& id, const smp::broker::Msg& message,
                           const Error& why) {
  SIMPLEX_ASSIGN(const auto queue, core_.queues.rcv_queue(relay.name(), id));
  if (!queue) return {};
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(queue->conn));
  SIMPLEX_ASSIGN(const bool enough, redeliveries_.failed(connection, *queue, message.id));
  if (!enough) {
    core_.outbox.passing(AgentProblem{connection.id, failure_of(why), why});
    return {};
  }
  const smp::client::QueueMessageReceived nothing{message.id, {}, {}, {}};
  MessageLayers layers{std::unexpected(why), outer_hash(message.encrypted_body.bytes), std::nullopt, keys_of(*queue)};
  SIMPLEX_TRY(unreadable({connection, *queue, nothing, layers, relay.counts()}, failure_of(why), why));
  acknowledge(relay, *queue, message.id);
  return {};
}

void Reception::acknowledge(Relay& relay, const RcvQueue& queue, const smp::MessageId& message) {
  core_.turn.after_commit([&relay, id = queue.recipient_id, key = crypto::clone(queue.recipient_key), message] {
    tell(relay, id, key, message);
  });
}

void Reception::tell(Relay& relay, const RcvQueue& queue, const smp::MessageId& message) {
  tell(relay, queue.recipient_id, queue.recipient_key, message);
}

void Reception::tell(Relay& relay, const smp::RecipientId& queue, const crypto::AuthPrivateKey& key,
                     const smp::MessageId& message) {
  auto* client = relay.client();
  if (client == nullptr) return;
  relay.counts().add(RelayCounter::acknowledge_attempts);
  client->acknowledge(queue, key, message, [&counts = relay.counts()](const smp::client::Outcome<>& outcome) {
    if (outcome) {
      counts.add(RelayCounter::acknowledged);
    } else if (outcome.error().is<smp::errors::NoMsg>()) {
      counts.add(RelayCounter::acknowledge_no_message_errors);
    } else if (!is_temporary(outcome.error())) {
      counts.add(RelayCounter::acknowledge_other_errors);
    }
  });
}

Result<Reception::Ack> Reception::queue_was_full(const Connection& connection, const RcvQueue& queue) {
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
  if (sending && connection.may_send()) {
    // The relay may say it as often as it likes, and the peer's may take nothing.
    SIMPLEX_ASSIGN(const auto waiting, core_.messages.waiting(sending->key, DeliveryKind::other));
    if (waiting >= most_answers_waiting) return Ack::now;
    SIMPLEX_TRY(deliveries_.enqueue(connection, *sending, DeliveryKind::other,
                                    message::QueueContinue{{queue.server, queue.sender_id}}));
  }
  return Ack::now;
}

Result<Reception::Ack> Reception::read(const Incoming& incoming) {
  const auto envelope = smp::decode_client_message_envelope(incoming.message.body);
  if (!envelope) return unreadable(incoming, Failure::peer_protocol, envelope.error());
  const auto version = envelope->header.version;
  if (!core_.config.versions.smp_client.contains(version) && version > incoming.queue.client_version) {
    return unreadable(
        incoming, Failure::version,
        {ErrorKind::version, "The peer's program is too new for this one. Update this program.", Advice::ask_user});
  }
  return incoming.queue.e2e_key ? in_connection(incoming, *envelope) : first_contact(incoming, *envelope);
}

// Nothing was agreed yet: the key in the header opens the message.
Result<Reception::Ack> Reception::first_contact(const Incoming& incoming, const smp::ClientMessageEnvelope& envelope) {
  if (!carries_messages(incoming.queue.purpose)) return prohibited(incoming, "a message before its keys");
  if (!envelope.header.dh_key) return prohibited(incoming, "a message before the confirmation");
  const auto e2e_key = crypto::box_key(*envelope.header.dh_key, incoming.queue.dh_key);
  if (!e2e_key) return unreadable(incoming, Failure::encryption, e2e_key.error());
  const auto plain = smp::open_client_message(*e2e_key, envelope);
  if (!plain) return unreadable(incoming, Failure::encryption, plain.error());
  auto message = smp::decode_client_message(*plain);
  if (!message) return unreadable(incoming, Failure::peer_protocol, message.error());
  const auto inside = decode_envelope(message->body.bytes);
  if (!inside) return unreadable(incoming, Failure::peer_protocol, inside.error());
  if (incoming.connection.role == Role::address) {
    const auto* invitation = std::get_if<AgentInvitation>(&*inside);
    if (invitation == nullptr || message->sender_key) return prohibited(incoming, "something else than a request");
    return request(incoming, *invitation);
  }
  const auto* from_peer = std::get_if<AgentConfirmation>(&*inside);
  if (from_peer == nullptr) return prohibited(incoming, "something else than a confirmation");
  if (!message->sender_key && !protocol::sender_can_secure(incoming.queue.mode)) {
    return prohibited(incoming, "a confirmation without a key");
  }
  return confirmation(incoming, {*from_peer, message->sender_key, *e2e_key, envelope.header.version});
}

Result<Reception::Ack> Reception::in_connection(const Incoming& incoming, const smp::ClientMessageEnvelope& envelope) {
  auto& layers = incoming.layers;
  // A message before it may have brought the key.
  if (!layers.client_message || layers.keys.e2e != incoming.queue.e2e_key) {
    layers.client_message = smp::open_client_message(*incoming.queue.e2e_key, envelope);
    layers.keys.ratchet.reset();
  }
  const auto& plain = *layers.client_message;
  if (!plain) return unreadable(incoming, Failure::encryption, plain.error());
  const auto message = smp::decode_client_message(*plain);
  if (!message) return unreadable(incoming, Failure::peer_protocol, message.error());
  const auto inside = decode_envelope(message->body.bytes);
  if (!inside) return unreadable(incoming, Failure::peer_protocol, inside.error());
  if (envelope.header.dh_key) {
    // The same confirmation again: its acknowledgement was lost.
    if (std::holds_alternative<AgentConfirmation>(*inside)) {
      incoming.counts.add(RelayCounter::received_duplicates);
      return Ack::now;
    }
    return prohibited(incoming, "a key after the confirmation");
  }
  if (is_replacement(incoming.queue.purpose)) {
    SIMPLEX_ASSIGN(const bool works, rotation_.works(incoming.connection, incoming.queue));
    if (!works) return prohibited(incoming, "a message in a queue that it was not asked to use");
  }
  if (const auto* ratchet = std::get_if<AgentMessageEnvelope>(&*inside); ratchet != nullptr && !message->sender_key) {
    return ratchet_message(incoming, *ratchet);
  }
  if (const auto* keys = std::get_if<AgentRatchetKey>(&*inside); keys != nullptr && !message->sender_key) {
    return ratchet_keys(incoming, *keys);
  }
  return prohibited(incoming, "an envelope that has no place in a connection");
}

Result<Reception::Ack> Reception::unreadable(const Incoming& incoming, const crypto::Sha256& hash, Failure failure,
                                             Error error) {
  incoming.counts.add(failure == Failure::encryption ? RelayCounter::received_crypto_errors
                                                     : RelayCounter::received_errors);
  SIMPLEX_ASSIGN(const bool first, core_.messages.insert_hash(incoming.connection.key, hash, core_.now()));
  if (first && !incoming.connection.connected) {
    SIMPLEX_TRY(core_.messages.forget_hashes_above(incoming.connection.key, most_garbage_known));
  }
  if (first) SIMPLEX_TRY(core_.outbox.durable(ReceptionFailed{incoming.connection.id, failure, std::move(error)}));
  return Ack::now;
}

Result<Reception::Ack> Reception::prohibited(const Incoming& incoming, std::string_view what) {
  return unreadable(incoming, Failure::peer_protocol,
                    {ErrorKind::malformed, fmt::format("The peer sent what the protocol does not allow: {}.", what),
                     Advice::give_up});
}

}  // namespace simplex::agent
