// Messages of a connection, out of the ratchet.
#include "failures.hpp"
#include "integrity.hpp"
#include "reception.hpp"

namespace simplex::agent {
namespace {

// Undoes what reading it has done.
std::unexpected<Error> too_early() {
  return fail(ErrorKind::conflict, "The message has to wait for those before it.", Advice::retry);
}

}  // namespace

Result<Reception::Ack> Reception::ratchet_message(const Incoming& incoming, const AgentMessageEnvelope& envelope) {
  const auto& connection = incoming.connection;
  const auto hash = crypto::sha256(envelope.encrypted_message.bytes);
  SIMPLEX_ASSIGN(const bool known, core_.messages.has_hash(connection.key, hash));
  if (known) {
    incoming.counts.add(RelayCounter::received_duplicates);
    // While the application has not acknowledged it, the relay has to wait too.
    SIMPLEX_ASSIGN(const bool waits, core_.messages.waits_for_application(incoming.queue.key, incoming.message.id));
    if (!waits) return Ack::now;
    SIMPLEX_ASSIGN(const bool given_up, redeliveries_.given_up(incoming.queue, incoming.message.id));
    return given_up ? Ack::now : Ack::later;
  }
  SIMPLEX_TRY(agree_on_newer_version(connection, envelope.version));
  if (incoming.queue.status != QueueStatus::active) {
    SIMPLEX_TRY(core_.queues.set_status(incoming.queue.key, QueueStatus::active));
  }
  SIMPLEX_ASSIGN(auto opened, core_.ratchets.decrypt(connection.key, envelope.encrypted_message.bytes,
                                                     std::move(incoming.layers.keys.ratchet)));
  if (!opened) {
    SIMPLEX_ASSIGN(const bool waits, early_.has_to_wait(connection, incoming.queue, std::nullopt));
    if (waits) return too_early();
    if (connection.connected) SIMPLEX_TRY(ratchet_sync_.failed(connection, opened.error()));
    return unreadable(incoming, hash, Failure::encryption, crypto::to_error(opened.error()));
  }
  SIMPLEX_TRY(ratchet_sync_.succeeded(connection));
  SIMPLEX_TRY(covers_.heard_from(connection));
  if (connection.sync == RatchetSyncState::agreed) {
    SIMPLEX_ASSIGN(const auto renewed, core_.connections.by_key(connection.key));
    SIMPLEX_TRY(rotation_.keys_agreed(renewed));
  }
  SIMPLEX_ASSIGN(const bool first, core_.messages.insert_hash(connection.key, hash, core_.now()));
  if (!first) return Ack::now;
  const auto content = decode_ratchet_content(opened->plaintext);
  if (!content) return unreadable(incoming, Failure::peer_protocol, content.error());
  const auto* message = std::get_if<AgentMessage>(&*content);
  if (message == nullptr) return prohibited(incoming, "connection information in a message");
  return agent_message(incoming, *message, *opened);
}

Result<Reception::Ack> Reception::ratchet_keys(const Incoming& incoming, const AgentRatchetKey& keys) {
  const auto& connection = incoming.connection;
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
  if (!sending || !connection.connected) return prohibited(incoming, "new keys before the connection was made");
  SIMPLEX_TRY(agree_on_newer_version(connection, keys.version));
  auto taken = ratchet_sync_.key_received(connection, keys.e2e);
  if (taken) return Ack::now;
  if (taken.error().kind == ErrorKind::storage) return std::unexpected(taken.error());
  return unreadable(incoming, failure_of(taken.error()), taken.error());
}

Result<Reception::Ack> Reception::agent_message(const Incoming& incoming, const AgentMessage& message,
                                                const RatchetTable::Opened& opened) {
  const BytesView encoded = opened.plaintext;
  const bool pq = opened.pq;
  const auto& connection = incoming.connection;
  SIMPLEX_ASSIGN(const auto numbers, core_.connections.next_to_receive(connection.key));
  const auto integrity = check_integrity(numbers.previous_number, message.number, numbers.previous, message.previous);
  if (std::holds_alternative<IntegritySkipped>(integrity)) {
    SIMPLEX_ASSIGN(const bool waits, early_.has_to_wait(connection, incoming.queue, message.number));
    if (waits) return too_early();
  }
  SIMPLEX_TRY(core_.connections.set_received(connection.key, message.number, hash_of(encoded)));

  if (const auto* user = std::get_if<message::User>(&message.message)) {
    MessageReceived event{.connection = connection.id,
                          .message = numbers.message,
                          .sender_message = message.number,
                          .body = to_bytes(user->body.bytes),
                          .integrity = integrity,
                          .relay_time = incoming.message.received,
                          .received_time = core_.now(),
                          .pq_encryption = pq,
                          .notify = incoming.message.flags.notification};
    StoredMessage stored{connection.key, incoming.queue.key, incoming.message.id, {}, hash_of(encoded), event};
    SIMPLEX_ASSIGN(stored.event, core_.outbox.durable(std::move(event)));
    SIMPLEX_TRY(core_.messages.insert(stored));
    return Ack::later;
  }
  if (std::holds_alternative<message::Hello>(message.message)) {
    SIMPLEX_TRY(hello(incoming, pq));
  } else if (const auto* go_on = std::get_if<message::QueueContinue>(&message.message)) {
    SIMPLEX_TRY(queue_continues(connection, go_on->queue));
  } else if (const auto* receipts = std::get_if<message::Receipts>(&message.message)) {
    SIMPLEX_TRY(messages_delivered(connection, *receipts));
  } else if (std::holds_alternative<message::RatchetReady>(message.message)) {
    SIMPLEX_TRY(ratchet_sync_.ready_received(connection, opened.could_send));
  } else if (const auto* add = std::get_if<message::QueueAdd>(&message.message)) {
    return rotation(incoming, *add);
  } else if (const auto* keys = std::get_if<message::QueueKeys>(&message.message)) {
    return rotation(incoming, *keys);
  } else if (const auto* use = std::get_if<message::QueueUse>(&message.message)) {
    return rotation(incoming, *use);
  } else if (const auto* test = std::get_if<message::QueueTest>(&message.message)) {
    return rotation(incoming, *test);
  }
  return Ack::now;
}

template <class RotationMessage>
Result<Reception::Ack> Reception::rotation(const Incoming& incoming, const RotationMessage& message) {
  // This message may have shown that the ratchets are well again.
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(incoming.connection.key));
  auto done = rotation_.received(connection, message);
  if (done) return Ack::now;
  if (done.error().kind == ErrorKind::storage) return std::unexpected(done.error());
  return unreadable(incoming, failure_of(done.error()), std::move(done.error()));
}

Result<> Reception::hello(const Incoming& incoming, bool pq) {
  const auto& connection = incoming.connection;
  if (incoming.queue.status == QueueStatus::active) return {};  // a repetition
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
  if (!sending) return {};
  if (connection.role == Role::inviter && sending->status != QueueStatus::active) {
    SIMPLEX_TRY(deliveries_.enqueue(connection, *sending, DeliveryKind::hello, message::Hello{}));
    return {};
  }
  // The answer to our HELLO. It may come before the relay's answer to ours, and a second HELLO would be an error there.
  if (connection.connected) return {};
  return core_.now_connected(connection, pq);
}

// Of messages that are not known, or not any more, nothing is said: the peer may repeat a receipt, and may say anything.
Result<> Reception::messages_delivered(const Connection& connection, const message::Receipts& receipts) {
  for (const auto& receipt : receipts.receipts) {
    SIMPLEX_ASSIGN(const auto sent, core_.messages.sent(connection.key, receipt.message));
    if (!sent) continue;
    const bool same = sent->hash == receipt.hash;
    if (same) SIMPLEX_TRY(deliveries_.arrived(connection, sent->message));
    SIMPLEX_TRY(core_.messages.erase_sent(connection.key, receipt.message));
    SIMPLEX_TRY(core_.outbox.durable(
        MessageDelivered{connection.id, sent->message, same ? ReceiptStatus::ok : ReceiptStatus::bad_hash}));
  }
  return {};
}

Result<> Reception::queue_continues(const Connection& connection, const SenderQueue& queue) {
  SIMPLEX_ASSIGN(const auto queues, core_.queues.snd_queues_of(connection.key));
  for (const auto& sending : queues) {
    if (!protocol::same_server(sending.server, queue.server) || sending.sender_id != queue.sender_id) continue;
    core_.turn.after_commit([this, key = sending.key] { deliveries_.continue_sending(key); });
  }
  return {};
}

// A message announces the highest version of the peer's program: it may have been updated.
Result<> Reception::agree_on_newer_version(const Connection& connection, AgentVersion theirs) {
  const auto& ours = core_.config.versions.agent;
  const auto common = std::min(theirs, ours.max);
  if (common < ours.min || common <= connection.agent_version) return {};
  return core_.connections.set_agent_version(connection.key, common);
}

}  // namespace simplex::agent
