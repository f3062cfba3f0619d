// Users, and the end of connections: of one, of many, of all that a user has.
#include <algorithm>

#include "agent_impl.hpp"

namespace simplex::agent {
namespace {

std::unexpected<Error> no_user() { return fail(ErrorKind::not_found, "There is no such user."); }

}  // namespace

Result<UserId> AgentImpl::create_user() {
  return core_.turn.run([&] { return core_.connections.insert_user(core_.now()); });
}

Result<std::vector<UserId>> AgentImpl::users() { return core_.connections.users(); }

Result<> AgentImpl::check_user(UserId user) {
  SIMPLEX_ASSIGN(const bool known, core_.connections.has_user(user));
  if (!known) return no_user();
  return {};
}

Result<> AgentImpl::delete_user(UserId user, UserQueues queues) {
  return core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(const bool again, core_.connections.is_deleting(user));
    if (!again) {
      SIMPLEX_TRY(check_user(user));
      SIMPLEX_TRY(core_.connections.set_deleting(user));
    }
    SIMPLEX_ASSIGN(const auto connections, core_.connections.all_of(user));
    for (const auto& connection : connections) {
      if (queues == UserQueues::leave) {
        SIMPLEX_TRY(erase_connection(connection));
      } else if (!connection.deleted) {
        SIMPLEX_TRY(end_connection(connection));
      }
    }
    return core_.erase_deleted_user(user);  // else it goes with its last connection
  });
}

Result<> AgentImpl::delete_connection(ConnectionId id) { return delete_connections({&id, 1}); }

Result<> AgentImpl::delete_connections(std::span<const ConnectionId> ids) {
  return core_.turn.run([&]() -> Result<> {
    for (const auto& id : ids) {
      SIMPLEX_ASSIGN(const auto connection, core_.connections.find(id));
      if (!connection || connection->deleted) continue;
      SIMPLEX_TRY(end_connection(*connection));
      SIMPLEX_TRY(core_.outbox.durable(ConnectionDeleted{id}));
    }
    return {};
  });
}

Result<std::vector<RcvQueue>> AgentImpl::stop_connection(const Connection& connection) {
  SIMPLEX_TRY(core_.outbox.forget(connection.id));
  SIMPLEX_TRY(core_.commands.erase_of(connection.key));
  SIMPLEX_ASSIGN(auto receiving, core_.queues.rcv_queues_of(connection.key));
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queues_of(connection.key));
  for (const auto& queue : sending) {
    SIMPLEX_TRY(core_.queues.erase(queue.key));  // and what waits in it
    core_.turn.after_commit([this, key = queue.key] { deliveries_.forget(key); });
  }
  for (const auto& queue : receiving) {
    core_.turn.after_commit([this, party = Party(connection), server = queue.server, id = queue.recipient_id] {
      if (started_) subscriptions_.forget(party, server, id);
    });
  }
  return receiving;
}

Result<> AgentImpl::end_connection(const Connection& connection) {
  SIMPLEX_ASSIGN(const auto receiving, stop_connection(connection));
  SIMPLEX_TRY(core_.connections.set_deleted(connection.key));
  for (const auto& queue : receiving) {
    SIMPLEX_TRY(commands_.enqueue(connection.key, CommandKind::delete_queue, queue.key));
  }
  return receiving.empty() ? core_.erase(connection) : Result<>();
}

Result<> AgentImpl::erase_connection(const Connection& connection) {
  SIMPLEX_ASSIGN(const auto receiving, stop_connection(connection));
  for (const auto& queue : receiving) SIMPLEX_TRY(core_.queues.erase(queue.key));
  return core_.connections.erase(connection.key);
}

Result<> AgentImpl::change_user(ConnectionId id, UserId user) {
  return core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(auto connection, core_.connections.by_id(id));
    SIMPLEX_TRY(check_user(user));
    if (connection.user == user) return {};
    SIMPLEX_ASSIGN(const auto receiving, core_.queues.rcv_queues_of(connection.key));
    SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
    const bool unused = !sending && std::ranges::none_of(receiving, [](const RcvQueue& queue) {
      return queue.e2e_key.has_value() || queue.status != QueueStatus::new_;
    });
    if (connection.role != Role::inviter || connection.link.empty() || !unused) {
      return fail(ErrorKind::conflict, "Only an invitation that is ready and was not used can go to another user.",
                  Advice::ask_user);
    }
    SIMPLEX_TRY(core_.connections.set_user(connection.key, user));
    const Party before(connection);
    connection.user = user;
    for (const auto& queue : receiving) {
      core_.turn.after_commit([this, before, now = Party(connection), server = queue.server, id = queue.recipient_id] {
        if (!started_) return;
        subscriptions_.forget(before, server, id);
        subscriptions_.begin(now, server);
      });
    }
    return {};
  });
}

}  // namespace simplex::agent
