#include "core.hpp"

namespace simplex::agent {

Result<> Core::now_connected(const Connection& connection, bool pq) {
  SIMPLEX_TRY(connections.set_connected(connection.key));
  SIMPLEX_TRY(outbox.durable(Connected{connection.id, pq}));
  SIMPLEX_ASSIGN(const auto receiving, queues.rcv_queue_of(connection.key));
  if (!receiving) return {};
  turn.after_commit([this, user = connection.user, relay = protocol::format(receiving->server)] {
    statistics.at(user, relay).add(RelayCounter::connections_completed);
  });
  return {};
}

Result<> Core::erase(const Connection& connection) {
  SIMPLEX_TRY(connections.erase(connection.key));
  return erase_deleted_user(connection.user);
}

Result<> Core::erase_deleted_user(UserId user) {
  SIMPLEX_ASSIGN(const bool gone, connections.erase_deleted(user));
  if (gone) SIMPLEX_TRY(outbox.durable(UserDeleted{user}));
  return {};
}

}  // namespace simplex::agent
