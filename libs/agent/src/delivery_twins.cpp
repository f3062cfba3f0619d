// Two ways for a message, while one queue replaces another. Since the peer has our key for the new queue, each message
// is stored for both: the old queue sends it at once, the new one when the peer asks to use it. So both carry the same
// row of messages from there on, and the peer reads them in order, whichever it reads from; what comes twice it knows by
// its hash. The new queue alone would do for peers of ours, which read the old one to its end. Others delete it at the
// first message in the new one, with what they have not read.
//
// Where the peer has two queues for good (redundancy, docs/agent.md), each message is stored for both, too. The application
// is told of the first that is taken, and the other is tried until it is, or is too old. A queue that replaces one of the
// two takes its place as soon as the peer asks for it, and with it all that waits there.
#include "delivery.hpp"

namespace simplex::agent {

Result<> DeliveryQueues::store_twin(Delivery delivery) {
  SIMPLEX_ASSIGN(const auto replacement, core_.queues.companion_of(delivery.conn));
  if (!replacement || replacement->key == delivery.queue) return {};
  // Before its own keys nobody can read anything there.
  if (delivery.kind == DeliveryKind::queue_keys && is_replacement(replacement->purpose)) return {};
  const auto first = delivery.key;
  delivery.queue = replacement->key;
  delivery.twin = first;
  SIMPLEX_ASSIGN(delivery.key, core_.messages.insert(delivery));
  SIMPLEX_TRY(core_.messages.set_twin(first, delivery.key));
  core_.turn.after_commit([this, key = delivery.key, replacement = *replacement] {
    committed_ = std::max(committed_, key);
    if (!replacement.parked) kick(replacement.key);
  });
  return {};
}

Result<> DeliveryQueues::drop_replacement(const Connection& connection) {
  SIMPLEX_ASSIGN(const auto replacement, core_.queues.snd_replacement_of(connection.key));
  SIMPLEX_ASSIGN(const auto current, core_.queues.snd_queue_of(connection.key));
  if (!replacement || !current) return {};
  SIMPLEX_ASSIGN(const auto second, core_.queues.other_of(*current));
  if (!second) {
    SIMPLEX_TRY(core_.messages.move(replacement->key, current->key));
    SIMPLEX_TRY(core_.messages.forget_twins(current->key));
  }
  SIMPLEX_TRY(core_.queues.erase(replacement->key));  // and the copies in it
  core_.turn.after_commit([this, gone = replacement->key] { forget(gone); });
  wake(current->key);
  return {};
}

Result<> DeliveryQueues::take_over(const Connection& connection, const SndQueue& replacement) {
  SIMPLEX_ASSIGN(const auto old, core_.queues.snd_queue_of(connection.key));
  if (old) {
    SIMPLEX_TRY(core_.messages.move(old->key, replacement.key));
    SIMPLEX_TRY(core_.messages.forget_twins(replacement.key));
    SIMPLEX_TRY(core_.queues.erase(old->key));
    core_.turn.after_commit([this, gone = old->key] { forget(gone); });
  }
  SIMPLEX_TRY(core_.queues.set_purpose(replacement.key, QueuePurpose::messages));
  SIMPLEX_TRY(core_.queues.set_status(replacement.key, QueueStatus::active));
  SIMPLEX_TRY(core_.outbox.durable(QueueSwitched{connection.id, QueueDirection::sending, SwitchPhase::completed}));
  wake(replacement.key);
  return {};
}

// What was there before QKEY has no twin. The peer may have closed the old queue before its relay has answered us.
Result<bool> DeliveryQueues::hand_over(const Delivery& delivery) {
  SIMPLEX_ASSIGN(const auto replacement, core_.queues.replacement_of(delivery.conn));
  if (!replacement || replacement->parked || replacement->key == delivery.queue) return false;
  SIMPLEX_TRY(core_.messages.move(delivery.queue, replacement->key));
  SIMPLEX_ASSIGN(const bool moved, core_.messages.is_in(replacement->key, delivery.key));
  if (moved) wake(replacement->key);
  return moved;
}

Result<> DeliveryQueues::arrived(const Connection& connection, MessageId message) {
  SIMPLEX_ASSIGN(const auto queue, core_.queues.snd_queue_of(connection.key));
  if (!queue) return {};
  SIMPLEX_ASSIGN(const auto companion, core_.queues.companion_of(connection.key));
  const bool two = companion && companion->purpose == QueuePurpose::second;
  const auto read = [&](SndQueueKey key) {
    const auto found = queues_.find(key);
    if (found == queues_.end() || message > found->second.taken) return;
    auto& sending = found->second;
    sending.unread = std::min(sending.unread, sending.taken.value() - message.value());
  };
  read(queue->key);
  if (two) read(companion->key);
  if (two) SIMPLEX_TRY(core_.messages.erase_told(queue->key, message));
  return companion ? core_.messages.erase_told(companion->key, message) : Result<>();
}

// The peer may never ask to use the queue: it does not tell when it has changed its mind.
Result<> DeliveryQueues::clean_up() {
  const auto expired = core_.now() - core_.config.timeouts.message_expiry;
  SIMPLEX_ASSIGN(const auto parked, core_.queues.parked());
  for (const auto& queue : parked) {
    SIMPLEX_TRY(core_.messages.erase_told_before(queue.key, expired));
    // What the old queue gave up, and is too old by now, is given up there for good.
    SIMPLEX_ASSIGN(const auto current, core_.queues.snd_queue_of(queue.conn));
    if (!current) continue;
    SIMPLEX_TRY(core_.messages.move_before(queue.key, current->key, expired));
    wake(current->key);
  }
  return {};
}

// ---- two queues, for good -------------------------------------------------------------------------------------------

// The new one has no copies: the other one has all messages, and the peer reads none before those that it follows.
Result<bool> DeliveryQueues::take_place_of_one(const Connection& connection, const SndQueue& replacement) {
  const auto purpose = replaced_by(replacement.purpose);
  SIMPLEX_ASSIGN(const auto second, core_.queues.snd_queue_of(connection.key, QueuePurpose::second));
  if (purpose == QueuePurpose::messages && !second) return false;
  SIMPLEX_ASSIGN(const auto old, core_.queues.snd_queue_of(connection.key, purpose));
  if (old) {
    SIMPLEX_TRY(core_.messages.move_all(old->key, replacement.key));
    SIMPLEX_TRY(core_.queues.erase(old->key));
    core_.turn.after_commit([this, gone = old->key] { forget(gone); });
  }
  SIMPLEX_TRY(core_.queues.set_purpose(replacement.key, purpose));
  SIMPLEX_TRY(core_.queues.set_status(replacement.key, QueueStatus::active));
  return true;
}

Result<> DeliveryQueues::drop_one_of_two(const SndQueue& queue) {
  SIMPLEX_ASSIGN(const auto other, core_.queues.other_of(queue));
  if (!other) return {};
  SIMPLEX_TRY(core_.messages.move(queue.key, other->key));
  SIMPLEX_TRY(core_.messages.forget_twins(other->key));
  SIMPLEX_TRY(core_.queues.erase(queue.key));  // and the copies in it
  if (other->purpose == QueuePurpose::second) {
    SIMPLEX_TRY(core_.queues.set_purpose(other->key, QueuePurpose::messages));
  }
  core_.turn.after_commit([this, gone = queue.key] { forget(gone); });
  wake(other->key);
  return {};
}

Result<bool> DeliveryQueues::refused_by_one_of_two(const Delivery& delivery, const Connection& connection,
                                                   Failure failure) {
  SIMPLEX_ASSIGN(const auto queue, core_.queues.snd_queue(delivery.queue));
  if (!queue || connection.deleted) return false;
  SIMPLEX_ASSIGN(const auto other, core_.queues.other_of(*queue));
  if (!other) return false;
  const bool first_message = delivery.kind == DeliveryKind::info || delivery.kind == DeliveryKind::info_reply;
  if (first_message) {
    // Without it the peer can read nothing that comes there.
    if (other->parked()) return false;
    SIMPLEX_TRY(
        core_.outbox.durable(QueueLost{connection.id, QueueDirection::sending, protocol::format(queue->server)}));
    SIMPLEX_TRY(drop_one_of_two(*queue));
    return true;
  }
  if (failure == Failure::authorization && queue->status != QueueStatus::lost) {
    SIMPLEX_TRY(core_.queues.set_status(queue->key, QueueStatus::lost));
    SIMPLEX_TRY(
        core_.outbox.durable(QueueLost{connection.id, QueueDirection::sending, protocol::format(queue->server)}));
  }
  return false;
}

void DeliveryQueues::wake(SndQueueKey queue) {
  core_.turn.after_commit([this, queue] {
    const auto found = queues_.find(queue);
    if (found != queues_.end() && found->second.in_flight > 0) found->second.settling = true;
    kick(queue);
  });
}

}  // namespace simplex::agent
