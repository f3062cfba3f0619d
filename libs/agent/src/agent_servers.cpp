// The calls of an agent that are about relays.
#include "agent_impl.hpp"

namespace simplex::agent {

Result<> AgentImpl::set_servers(UserId user, const std::vector<UserServer>& servers) {
  SIMPLEX_TRY(check_user(user));
  SIMPLEX_ASSIGN(auto read, read_servers(servers));
  core_.servers.set(user, std::move(read));
  routes_.choose_anew();
  return {};
}

Result<ServerTestId> AgentImpl::test_server(UserId user, std::string_view address) {
  SIMPLEX_TRY(check_user(user));
  SIMPLEX_ASSIGN(auto server, protocol::parse_server_with_auth(address));
  if (!started_) return fail(ErrorKind::conflict, "The agent is not started.");
  if (!server.password) server.password = core_.servers.password_of(user, server.address);
  return server_tests_.begin(user, std::move(server));
}

}  // namespace simplex::agent
