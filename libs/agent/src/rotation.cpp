#include "rotation.hpp"

#include <algorithm>
#include <limits>

#include "simplex/crypto/key_encoding.hpp"
#include "failures.hpp"

namespace simplex::agent {
namespace {

std::unexpected<Error> not_allowed(std::string what) {
  return fail(ErrorKind::malformed, "The peer sent what the protocol does not allow: " + std::move(what) + ".");
}

bool is(const SenderQueue& name, const protocol::ServerAddress& server, const protocol::SenderId& id) {
  return name.sender_id == id && protocol::same_server(name.server, server);
}

}  // namespace

// ---- the recipient --------------------------------------------------------------------------------------------------

Result<bool> Rotation::under_way(const Connection& connection) {
  SIMPLEX_ASSIGN(const auto replacement, core_.queues.rcv_replacement_of(connection.key));
  if (replacement) return true;
  return core_.commands.exists(connection.key, CommandKind::switch_queue);
}

Result<bool> Rotation::can_abort(const Connection& connection) {
  SIMPLEX_ASSIGN(const auto replacement, core_.queues.rcv_replacement_of(connection.key));
  if (!replacement) return core_.commands.exists(connection.key, CommandKind::switch_queue);
  if (replacement->status < QueueStatus::secured) return true;
  return core_.commands.exists(connection.key, CommandKind::secure_replacement);
}

Result<> Rotation::start(const Connection& connection) {
  SIMPLEX_ASSIGN(const bool already, under_way(connection));
  if (already) return {};
  SIMPLEX_ASSIGN(const auto receiving, core_.queues.rcv_queue_of(connection.key));
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
  if (!connection.connected || !receiving || !sending) {
    return fail(ErrorKind::conflict, "Only a connection that is established can move to another relay.", Advice::retry);
  }
  if (!connection.may_send()) {
    return fail(ErrorKind::conflict,
                "The connection cannot move to another relay before the two sides have agreed on new encryption keys.",
                Advice::retry);
  }
  SIMPLEX_ASSIGN(auto server, commands_.pick_server_for_switch(connection.key, {}));
  if (server.empty()) {
    return fail(ErrorKind::not_found, "No relay is configured: name one with its smp:// address.", Advice::ask_user);
  }
  SIMPLEX_TRY(core_.connections.set_queue_since(connection.key, core_.now()));
  SIMPLEX_ASSIGN(const auto leaving, commands_.queue_to_leave(connection.key));
  Writer argument;
  argument.i64(leaving.key.value());
  return commands_.enqueue(connection.key, CommandKind::switch_queue, std::move(server), std::move(argument).take());
}

Result<> Rotation::replace_lost() {
  if (!core_.config.redundancy) return {};
  SIMPLEX_ASSIGN(const auto connections, core_.queues.with_lost_queues());
  for (const auto key : connections) {
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(key));
    if (connection.deleted || !connection.may_send()) continue;
    const auto begun = start(connection);
    if (!begun && begun.error().kind == ErrorKind::storage) return begun;
  }
  return {};
}

Result<> Rotation::begin_due() {
  SIMPLEX_TRY(replace_lost());
  const auto& wanted = core_.config.rotation;
  if (!wanted.after_age && !wanted.after_messages) return {};
  const ConnectionTable::Worn worn{
      .since_before = wanted.after_age ? core_.now() - *wanted.after_age : WallTime::min(),
      .messages = wanted.after_messages.value_or(std::numeric_limits<std::int64_t>::max())};
  SIMPLEX_ASSIGN(const auto due, core_.connections.with_worn_queues(worn, wanted.at_once));
  for (const auto key : due) {
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(key));
    const auto begun = start(connection);
    if (!begun && begun.error().kind == ErrorKind::storage) return begun;
    // One that cannot move now does not keep others from moving.
    SIMPLEX_TRY(core_.connections.set_queue_since(key, core_.now()));
  }
  return {};
}

Result<> Rotation::abort(const Connection& connection) {
  SIMPLEX_ASSIGN(const bool begun, under_way(connection));
  if (!begun) return {};
  SIMPLEX_ASSIGN(const bool possible, can_abort(connection));
  if (!possible) {
    return fail(ErrorKind::conflict, "It is too late: the peer was asked to use the new relay, and may do so already.",
                Advice::give_up);
  }
  return commands_.abandon_switch(connection);
}

Result<> Rotation::received(const Connection& connection, const message::QueueKeys& keys) {
  const auto& [info, sender_key] = keys.queues.front();
  SIMPLEX_ASSIGN(const auto replacement, core_.queues.rcv_replacement_of(connection.key));
  if (!replacement || !protocol::same_queue(replacement->address(), info.address)) {
    // It has not heard that we changed our mind.
    SIMPLEX_ASSIGN(const bool former, core_.queues.is_former(connection.key, info.address.sender_id));
    if (former) return {};
    return not_allowed("keys for a queue that it was not offered");
  }
  if (replacement->status != QueueStatus::new_) {
    // Said again after new encryption keys were agreed on.
    const auto same = crypto::box_key(info.address.dh_key, replacement->dh_key);
    if (same && replacement->e2e_key == *same) return {};
    return not_allowed("keys for a queue that has some");
  }
  if (!core_.config.versions.smp_client.contains(info.version)) {
    return program_not_understood();
  }
  SIMPLEX_ASSIGN(const auto e2e_key, crypto::box_key(info.address.dh_key, replacement->dh_key));
  SIMPLEX_TRY(
      core_.queues.set_confirmed(replacement->key, e2e_key, std::min(replacement->client_version, info.version)));
  SIMPLEX_TRY(commands_.enqueue(connection.key, CommandKind::secure_replacement, {}, crypto::to_spki(sender_key)));
  SIMPLEX_TRY(core_.outbox.durable(QueueSwitched{connection.id, QueueDirection::receiving, SwitchPhase::confirmed}));
  return {};
}

// Programs of others say it in the new queue alone; ours says it in both.
Result<> Rotation::received(const Connection& connection, const message::QueueTest& test) {
  SIMPLEX_ASSIGN(const auto queues, core_.queues.rcv_queues_of(connection.key));
  const bool known = std::ranges::any_of(
      queues, [&](const RcvQueue& queue) { return is(test.queues.front(), queue.server, queue.sender_id); });
  if (!known) return not_allowed("a test of a queue that is not there");
  return {};
}

Result<bool> Rotation::works(const Connection& connection, const RcvQueue& replacement) {
  if (replacement.status < QueueStatus::secured) return false;
  SIMPLEX_ASSIGN(const bool not_asked, core_.commands.exists(connection.key, CommandKind::secure_replacement));
  if (not_asked) return false;
  SIMPLEX_ASSIGN(const auto old, core_.queues.rcv_queue_of(connection.key, replaced_by(replacement.purpose)));
  if (old) {
    SIMPLEX_TRY(core_.queues.set_purpose(old->key, QueuePurpose::retired));
    SIMPLEX_TRY(commands_.enqueue(connection.key, CommandKind::retire_queue, old->key));
  }
  SIMPLEX_TRY(core_.queues.set_purpose(replacement.key, replaced_by(replacement.purpose)));
  SIMPLEX_TRY(core_.outbox.durable(QueueSwitched{connection.id, QueueDirection::receiving, SwitchPhase::completed}));
  return true;
}

Result<bool> Rotation::lost(RcvQueueKey key) {
  SIMPLEX_ASSIGN(const auto queue, core_.queues.rcv_queue(key));
  if (!queue) return true;
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(queue->conn));
  if (connection.deleted) return true;
  if (is_replacement(queue->purpose)) {
    SIMPLEX_TRY(commands_.abandon_switch(connection));
    return false;
  }
  SIMPLEX_ASSIGN(const auto other, core_.queues.other_of(*queue));
  if (!other || !connection.connected) return false;
  if (queue->status == QueueStatus::lost) return true;
  if (queue->status != QueueStatus::new_) {
    SIMPLEX_TRY(core_.queues.set_status(key, QueueStatus::lost));
  } else if (other->status != QueueStatus::new_) {
    SIMPLEX_TRY(commands_.give_up_unused(*queue));
  } else {
    return false;
  }
  SIMPLEX_TRY(
      core_.outbox.durable(QueueLost{connection.id, QueueDirection::receiving, protocol::format(queue->server)}));
  SIMPLEX_TRY(replace_lost());
  return true;
}

// ---- the sender -----------------------------------------------------------------------------------------------------

Result<> Rotation::received(const Connection& connection, const message::QueueAdd& add) {
  const auto& added = add.queues.front();
  if (!added.replaces) return not_allowed("a queue more, in place of none");
  const auto version = added.queue.versions.common_max(core_.config.versions.smp_client);
  if (!version) return program_not_understood();
  auto address = added.queue.address;
  SIMPLEX_ASSIGN(const auto queues, core_.queues.snd_queues_of(connection.key));
  const SndQueue* replaced = nullptr;
  for (const auto& queue : queues) {
    if (is({address.server, address.sender_id}, queue.server, queue.sender_id)) {
      // Said again after new encryption keys were agreed on: our answer was lost.
      if (is_replacement(queue.purpose) && queue.parked()) return deliveries_.offer_keys(connection, queue);
      return not_allowed("a new queue that is used already");
    }
    // Nobody begins a switch before the one before it is completed.
    const bool in_use = carries_messages(queue.purpose) || (is_replacement(queue.purpose) && !queue.parked());
    if (in_use && is(*added.replaces, queue.server, queue.sender_id)) replaced = &queue;
  }
  if (replaced == nullptr) return not_allowed("a new queue in place of one that is not used");
  address.mode = understood(address.mode, core_.config.versions);
  SIMPLEX_ASSIGN(auto made, make_snd_queue(core_.dependencies.random, connection.key, address, *version));
  made.purpose = replacement_for(replaced->purpose);

  if (replaced->purpose == QueuePurpose::replacement) {
    SIMPLEX_TRY(deliveries_.take_over(connection, *replaced));
  } else {
    SIMPLEX_TRY(deliveries_.drop_replacement(connection));
  }
  SIMPLEX_ASSIGN(const auto current, core_.queues.snd_queue_of(connection.key));
  if (!current) return not_allowed("a new queue in place of none");
  // The keys are the last message that the old queue alone carries; of two queues, both do.
  SIMPLEX_ASSIGN(made.key, core_.queues.insert(made));
  SIMPLEX_TRY(deliveries_.offer_keys(connection, made));
  SIMPLEX_TRY(core_.outbox.durable(QueueSwitched{connection.id, QueueDirection::sending, SwitchPhase::started}));
  return {};
}

Result<> Rotation::received(const Connection& connection, const message::QueueUse& use) {
  const auto& named = use.queues.front().queue;
  SIMPLEX_ASSIGN(const auto replacement, core_.queues.snd_replacement_of(connection.key));
  SIMPLEX_ASSIGN(auto current, core_.queues.snd_queue_of(connection.key));
  if (!replacement || !current || !is(named, replacement->server, replacement->sender_id)) {
    return not_allowed("to use a queue that was not added");
  }
  if (!replacement->parked()) return {};  // said again after new encryption keys were agreed on
  SIMPLEX_TRY(core_.queues.set_status(replacement->key, QueueStatus::secured));
  SIMPLEX_ASSIGN(const bool taken, deliveries_.take_place_of_one(connection, *replacement));
  if (taken) {
    SIMPLEX_ASSIGN(current, core_.queues.snd_queue_of(connection.key));
    if (!current) return not_allowed("to use a queue in place of none");
  }
  deliveries_.wake(replacement->key);
  // Any message shows that the new queue works: the next one does when this one cannot be sent now.
  if (connection.may_send()) {
    SIMPLEX_TRY(deliveries_.enqueue(connection, *current, DeliveryKind::other, message::QueueTest{{named}}));
  }
  SIMPLEX_TRY(core_.outbox.durable(QueueSwitched{connection.id, QueueDirection::sending, SwitchPhase::secured}));
  if (taken) {
    SIMPLEX_TRY(core_.outbox.durable(QueueSwitched{connection.id, QueueDirection::sending, SwitchPhase::completed}));
  }
  return {};
}

// ---- both -----------------------------------------------------------------------------------------------------------

Result<> Rotation::keys_agreed(const Connection& connection) {
  SIMPLEX_TRY(deliveries_.offer_keys_if_due(connection));
  SIMPLEX_ASSIGN(const auto replacement, core_.queues.rcv_replacement_of(connection.key));
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
  if (!replacement || !sending) return {};
  // Else the commands say it when they get there.
  SIMPLEX_ASSIGN(const bool to_be_offered, core_.commands.exists(connection.key, CommandKind::switch_queue));
  SIMPLEX_ASSIGN(const bool to_be_secured, core_.commands.exists(connection.key, CommandKind::secure_replacement));
  if (to_be_offered || to_be_secured) return {};
  if (replacement->status >= QueueStatus::secured) return deliveries_.enqueue_use(connection, *sending, *replacement);
  SIMPLEX_ASSIGN(const auto leaving, core_.queues.rcv_queue_of(connection.key, replaced_by(replacement->purpose)));
  return leaving ? deliveries_.enqueue_add(connection, *sending, *replacement, *leaving) : Result<>();
}

Result<> Rotation::clean_up() {
  SIMPLEX_TRY(core_.queues.forget_former_before(core_.now() - core_.config.timeouts.duplicates_kept));
  SIMPLEX_TRY(commands_.clean_up());
  return deliveries_.clean_up();
}

}  // namespace simplex::agent
