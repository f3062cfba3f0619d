// Queues that take the place of others, and queues that end.
#include <algorithm>

#include "simplex/crypto/key_encoding.hpp"
#include "commands.hpp"
#include "failures.hpp"

namespace simplex::agent {

Result<std::string> Commands::pick_server_for_switch(ConnKey conn, std::string_view failed) {
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(conn));
  SIMPLEX_ASSIGN(const auto leaving, queue_to_leave(conn));
  SIMPLEX_ASSIGN(const auto other, core_.queues.other_of(leaving));
  SIMPLEX_ASSIGN(const auto receiving, core_.queues.rcv_queues_of(conn));
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queues_of(conn));
  UserServers::Wish wish;
  for (const auto& queue : receiving) wish.used.push_back(queue.server);
  for (const auto& queue : sending) wish.used.push_back(queue.server);
  wish.excluded.push_back(other ? other->server : leaving.server);
  // Of two, one goes back to its own relay rather than to that of the other.
  const auto left = protocol::format(leaving.server);
  wish.failed = other && failed.empty() ? std::string_view(left) : failed;
  const auto* picked = core_.servers.pick_storage(connection.user, wish, core_.dependencies.random);
  return picked != nullptr ? picked->name : std::string();
}

Result<> Commands::enqueue(ConnKey conn, CommandKind kind, RcvQueueKey queue) {
  Writer argument;
  argument.i64(queue.value());
  return enqueue(conn, kind, {}, std::move(argument).take());
}

Result<std::optional<RcvQueue>> Commands::queue_of(const Command& command) {
  if (command.argument.empty()) return core_.queues.rcv_queue_of(command.conn);
  Reader reader(command.argument);
  SIMPLEX_ASSIGN(const auto number, reader.i64());
  return core_.queues.rcv_queue(RcvQueueKey(number));
}

void Commands::wait(CommandKey key, Duration pause) {
  auto& running = running_.at(key);
  running.in_flight = false;
  running.timer = core_.dependencies.loop.after(pause, [this, key] { retry_now(key); });
}

Result<> Commands::finish(const Command& command) {
  SIMPLEX_TRY(core_.commands.erase(command.key));
  running_.erase(command.key);
  return {};
}

// ---- a new queue ----------------------------------------------------------------------------------------------------

Result<> Commands::switch_queue(const Command& command, const Connection& connection) {
  if (!connection.may_send()) {  // until new encryption keys are agreed on
    wait(command.key, running_.at(command.key).backoff.next(core_.dependencies.random));
    return {};
  }
  SIMPLEX_ASSIGN(const auto replacement, core_.queues.rcv_replacement_of(connection.key));
  SIMPLEX_ASSIGN(const auto current, queue_of(command));
  if (!replacement && current) {
    const auto purpose = replacement_for(current->purpose);
    return new_queue(command, connection, {command.server, core_.config.versions.smp_client.max, purpose},
                     [](const RcvQueue&) { return Result<>(); });
  }
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
  if (!current || !replacement || !sending)
    return fail(ErrorKind::conflict, "The connection has no queue that could be replaced.");
  SIMPLEX_TRY(deliveries_.enqueue_add(connection, *sending, *replacement, *current));
  SIMPLEX_TRY(core_.outbox.durable(QueueSwitched{connection.id, QueueDirection::receiving, SwitchPhase::started}));
  return finish(command);
}

Result<> Commands::secure_replacement(const Command& command, const Connection& connection) {
  SIMPLEX_ASSIGN(const auto replacement, core_.queues.rcv_replacement_of(connection.key));
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
  if (!replacement || !sending) return finish(command);
  if (replacement->status < QueueStatus::secured) {
    SIMPLEX_ASSIGN(const auto sender_key, crypto::from_spki<crypto::AuthPublicKey>(command.argument));
    return key(command, connection, *replacement, sender_key);
  }
  if (!connection.may_send()) {
    wait(command.key, running_.at(command.key).backoff.next(core_.dependencies.random));
    return {};
  }
  SIMPLEX_TRY(deliveries_.enqueue_use(connection, *sending, *replacement));
  SIMPLEX_TRY(core_.outbox.durable(QueueSwitched{connection.id, QueueDirection::receiving, SwitchPhase::secured}));
  return finish(command);
}

Result<> Commands::abandon_switch(const Connection& connection) {
  SIMPLEX_TRY(core_.commands.erase_of(connection.key, CommandKind::switch_queue));
  SIMPLEX_TRY(core_.commands.erase_of(connection.key, CommandKind::secure_replacement));
  SIMPLEX_ASSIGN(const auto replacement, core_.queues.rcv_replacement_of(connection.key));
  if (replacement) {
    SIMPLEX_TRY(core_.queues.set_purpose(replacement->key, QueuePurpose::retired));
    SIMPLEX_TRY(core_.queues.insert_former(connection.key, replacement->sender_id, core_.now()));
    SIMPLEX_TRY(enqueue(connection.key, CommandKind::delete_queue, replacement->key));
  }
  SIMPLEX_TRY(core_.outbox.durable(QueueSwitched{connection.id, QueueDirection::receiving, SwitchPhase::aborted}));
  return {};
}

// ---- the end of a queue ---------------------------------------------------------------------------------------------

Result<> Commands::delete_queue(const Command& command, const Connection& connection) {
  SIMPLEX_ASSIGN(const auto queue, queue_of(command));
  if (!queue) return finish_deletion(command);
  if (auto* client = client_for(command, connection, queue->server)) delete_at_relay(*client, command, *queue);
  return {};
}

void Commands::delete_at_relay(smp::client::Client& client, const Command& command, const RcvQueue& queue) {
  auto& counts = running_.at(command.key).relay->counts();
  const bool counted = command.kind == CommandKind::delete_queue;
  if (counted) counts.add(RelayCounter::deletion_attempts);
  client.delete_queue(queue.recipient_id, queue.recipient_key,
                      [this, command, counted, &counts](smp::client::Outcome<> outcome) {
                        if (counted && outcome) counts.add(RelayCounter::connections_deleted);
                        if (counted && !outcome && !is_temporary(outcome.error()))
                          counts.add(RelayCounter::deletion_errors);
                        answered(command.key, outcome ? nullptr : &outcome.error(),
                                 [this, command] { return finish_deletion(command); });
                      });
}

// Messages that were put into it before the sender used the new queue alone may still be there: they are read first.
// OFF is answered in a session in which the queue is subscribed, and then nothing comes for a while: it is empty. What
// the application has not acknowledged holds back the next one.
Result<> Commands::retire_queue(const Command& command, const Connection& connection) {
  SIMPLEX_ASSIGN(const auto queue, queue_of(command));
  if (!queue) return finish_deletion(command);
  auto* client = client_for(command, connection, queue->server);
  if (client == nullptr) return {};
  auto& running = running_.at(command.key);
  const auto now = core_.dependencies.loop.now();
  if (!running.silent_since) {
    client->suspend(queue->recipient_id, queue->recipient_key,
                    [this, key = command.key](smp::client::Outcome<> outcome) {
                      answered(key, outcome ? nullptr : &outcome.error(), [this, key]() -> Result<> {
                        running_.at(key).silent_since = core_.dependencies.loop.now();
                        return {};
                      });
                    });
    return {};
  }
  SIMPLEX_ASSIGN(const bool waits, core_.messages.waits_for_application(queue->key));
  const bool delivers = !subscribed || subscribed(*running.relay, queue->recipient_id);
  if (waits || !delivers) running.silent_since = now;
  auto since = *running.silent_since;
  if (const auto heard = last_heard_.find(queue->key); heard != last_heard_.end())
    since = std::max(since, heard->second);
  const auto end = since + core_.config.timeouts.retired_quiet;
  if (now < end) {
    wait(command.key, end - now);
  } else {
    delete_at_relay(*client, command, *queue);
  }
  return {};
}

Result<> Commands::finish_deletion(const Command& command) {
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(command.conn));
  SIMPLEX_ASSIGN(const auto queue, queue_of(command));
  if (queue) {
    SIMPLEX_TRY(core_.queues.erase(queue->key));
    core_.turn.after_commit(
        [this, party = Party(connection), server = queue->server, id = queue->recipient_id, key = queue->key] {
          last_heard_.erase(key);
          if (queue_given_up) queue_given_up(party, server, id);
        });
  }
  SIMPLEX_TRY(finish(command));
  SIMPLEX_ASSIGN(const auto left, core_.queues.rcv_queues_of(connection.key));
  if (connection.deleted && left.empty()) SIMPLEX_TRY(core_.erase(connection));
  return {};
}

Result<> Commands::clean_up() {
  SIMPLEX_TRY(clean_up_second());
  const auto before = core_.now() - core_.config.timeouts.retired_kept;
  for (const auto kind : {CommandKind::retire_queue, CommandKind::delete_queue}) {
    SIMPLEX_ASSIGN(const auto keys, core_.commands.older_than(kind, before));
    for (const auto key : keys) {
      SIMPLEX_ASSIGN(const auto command, core_.commands.find(key));
      if (command) SIMPLEX_TRY(finish_deletion(*command));
    }
  }
  return {};
}

}  // namespace simplex::agent
