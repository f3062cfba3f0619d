// Whose a session with a relay is.
#pragma once

#include "connection_table.hpp"

namespace simplex::agent {

// What has sessions of its own in SessionMode::entity: a connection, or a link that is read. Empty in the other modes.
struct SessionEntityTag;
using SessionEntity = OpaqueBytes<SessionEntityTag>;

struct Party {
  UserId user;
  SessionEntity entity;

  Party(UserId its_user, SessionEntity of) : user(its_user), entity(std::move(of)) {}
  Party(UserId its_user, const ConnectionId& connection) : user(its_user), entity(connection.view()) {}
  Party(const Connection& connection) : Party(connection.user, connection.id) {}

  friend auto operator<=>(const Party&, const Party&) = default;
};

}  // namespace simplex::agent
