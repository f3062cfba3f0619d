// The second of two queues: made, secured, and given up when it is of no use (redundancy, docs/agent.md).
#include <algorithm>

#include "commands.hpp"

namespace simplex::agent {

// ---- ours -----------------------------------------------------------------------------------------------------------

Result<std::string> Commands::server_for_second(const Command& command, const Connection& connection) {
  const auto& running = running_.at(command.key);
  const bool possible = core_.config.redundancy && !running.without_second && connection.role != Role::address &&
                        understood(protocol::QueueMode::messaging, core_.config.versions);
  if (!possible) return std::string();
  if (!running.second_at.empty()) return running.second_at;  // it was under way
  SIMPLEX_ASSIGN(const auto made, core_.queues.rcv_queue_of(connection.key, QueuePurpose::second));
  if (made) return std::string();
  SIMPLEX_ASSIGN(const auto first, protocol::parse_server_address(command.server));
  UserServers::Wish wish;
  wish.used.push_back(first);
  wish.excluded.push_back(first);
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queues_of(connection.key));
  for (const auto& queue : sending) wish.used.push_back(queue.server);
  const auto* picked = core_.servers.pick_storage(connection.user, wish, core_.dependencies.random);
  if (picked == nullptr || same_relay(picked->server.address, first)) return std::string();
  return picked->name;
}

Result<bool> Commands::make_second(const Command& command, const Connection& connection, SmpClientVersion version) {
  SIMPLEX_ASSIGN(auto server, server_for_second(command, connection));
  if (server.empty()) return false;
  running_.at(command.key).second_at = server;
  SIMPLEX_TRY(new_queue(command, connection, {std::move(server), version, QueuePurpose::second},
                        [this, key = command.key](const RcvQueue& queue) -> Result<> {
                          auto& running = running_.at(key);
                          running.second_at.clear();
                          if (protocol::sender_can_secure(queue.mode)) return {};
                          running.without_second = true;  // the relay is too old for it
                          return give_up_queue(queue);
                        }));
  return true;
}

Result<> Commands::give_up_queue(const RcvQueue& queue) {
  SIMPLEX_TRY(core_.queues.set_purpose(queue.key, QueuePurpose::retired));
  return enqueue(queue.conn, CommandKind::delete_queue, queue.key);
}

Result<> Commands::await_other(const RcvQueue& used) {
  SIMPLEX_ASSIGN(const auto other, core_.queues.other_of(used));
  if (!other || other->status != QueueStatus::new_) return {};
  return enqueue(used.conn, CommandKind::await_sender, other->key);
}

Result<> Commands::give_up_unused(const RcvQueue& queue) {
  SIMPLEX_ASSIGN(const auto other, core_.queues.other_of(queue));
  SIMPLEX_TRY(other_is_used(queue.conn));
  SIMPLEX_TRY(give_up_queue(queue));
  return other ? core_.queues.set_purpose(other->key, QueuePurpose::messages) : Result<>();
}

Result<> Commands::other_is_used(ConnKey conn) { return core_.commands.erase_of(conn, CommandKind::await_sender); }

Result<RcvQueue> Commands::queue_to_leave(ConnKey conn) {
  SIMPLEX_ASSIGN(auto queues, core_.queues.rcv_queues_of(conn));
  std::erase_if(queues, [](const RcvQueue& queue) { return !carries_messages(queue.purpose); });
  // Rows are older the lower their numbers.
  const auto rank = [](const RcvQueue& queue) {
    if (queue.status == QueueStatus::lost) return 0;
    return queue.status == QueueStatus::new_ ? 2 : 1;  // new: the peer does not use it
  };
  const auto best = std::ranges::min_element(queues, {}, rank);
  if (best == queues.end()) return fail(ErrorKind::conflict, "The connection has no queue that could be replaced.");
  return std::move(*best);
}

// ---- the peer's -----------------------------------------------------------------------------------------------------

Result<> Commands::add_second(ConnKey conn, const protocol::QueueInfo& second) {
  if (!core_.config.redundancy) return {};
  auto made = make_snd_queue(core_.dependencies.random, conn, second.address, second.version);
  if (!made) return {};  // its key is none: the first one does without
  made->purpose = QueuePurpose::second;
  SIMPLEX_ASSIGN(const auto key, core_.queues.insert(*made));
  Writer argument;
  argument.i64(key.value());
  return enqueue(conn, CommandKind::secure_second, {}, std::move(argument).take());
}

Result<std::optional<SndQueue>> Commands::sending_of(const Command& command) {
  if (command.kind != CommandKind::secure_second) return core_.queues.snd_queue_of(command.conn);
  Reader reader(command.argument);
  SIMPLEX_ASSIGN(const auto number, reader.i64());
  return core_.queues.snd_queue(SndQueueKey(number));
}

Result<> Commands::secure_second(const Command& command, const Connection& connection) {
  SIMPLEX_ASSIGN(const auto queue, sending_of(command));
  if (queue && queue->status == QueueStatus::new_) return skey(command, connection, *queue);
  if (queue) deliveries_.wake(queue->key);
  return finish(command);
}

Result<> Commands::give_up_second(const Connection& connection, SndQueueKey key) {
  SIMPLEX_ASSIGN(const auto queue, core_.queues.snd_queue(key));
  if (!queue || queue->purpose != QueuePurpose::second) return {};
  SIMPLEX_TRY(core_.outbox.durable(QueueLost{connection.id, QueueDirection::sending, protocol::format(queue->server)}));
  return deliveries_.drop_one_of_two(*queue);
}

// ---- what nobody uses -----------------------------------------------------------------------------------------------

Result<> Commands::clean_up_second() {
  const auto& timeouts = core_.config.timeouts;
  // What the peer has sent there first is given up in half of this time.
  SIMPLEX_ASSIGN(const auto unused,
                 core_.commands.older_than(CommandKind::await_sender, core_.now() - 2 * timeouts.message_expiry));
  for (const auto key : unused) {
    SIMPLEX_ASSIGN(const auto command, core_.commands.find(key));
    if (!command) continue;
    SIMPLEX_ASSIGN(const auto queue, queue_of(*command));
    if (queue && queue->status == QueueStatus::new_ && carries_messages(queue->purpose)) {
      SIMPLEX_TRY(give_up_unused(*queue));
    }
    SIMPLEX_TRY(finish(*command));
  }
  SIMPLEX_ASSIGN(const auto unsecured,
                 core_.commands.older_than(CommandKind::secure_second, core_.now() - timeouts.message_expiry));
  for (const auto key : unsecured) {
    SIMPLEX_ASSIGN(const auto command, core_.commands.find(key));
    if (!command) continue;
    SIMPLEX_ASSIGN(const auto queue, sending_of(*command));
    if (queue && queue->status == QueueStatus::new_) {
      SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(command->conn));
      SIMPLEX_TRY(give_up_second(connection, queue->key));
    }
    SIMPLEX_TRY(finish(*command));
  }
  return {};
}

}  // namespace simplex::agent
