// How connections begin: invitations and addresses of ours, and those of others.
#include "agent_impl.hpp"
#include "link_request.hpp"

namespace simplex::agent {
namespace {

std::unexpected<Error> no_relay() {
  return fail(ErrorKind::not_found, "No relay is configured: name one with its smp:// address.", Advice::ask_user);
}

Result<> check_size(BytesView own_info, crypto::PqSupport pq) {
  const auto limit = pq == crypto::PqSupport::on ? max_connection_info_pq : max_connection_info;
  if (own_info.size() <= limit) return {};
  return fail(ErrorKind::limit, "The connection information (the profile) is too long.", Advice::ask_user);
}

Result<ConnectionId> known(const Connection& connection) {
  return connection.deleted ? Result<ConnectionId>(no_connection()) : connection.id;
}

}  // namespace

Result<ConnectionId> AgentImpl::create_connection(UserId user, bool pq, std::optional<ConnectionId> id,
                                                  std::optional<BytesView> link_data) {
  return core_.turn.run([&] { return create(user, Role::inviter, pq, id, link_data); });
}

Result<ConnectionId> AgentImpl::create_address(UserId user, std::optional<ConnectionId> id,
                                               std::optional<BytesView> link_data) {
  return core_.turn.run([&] { return create(user, Role::address, false, id, link_data); });
}

Result<ConnectionId> AgentImpl::create(UserId user, Role role, bool pq, std::optional<ConnectionId> id,
                                       std::optional<BytesView> link_data) {
  if (link_data) SIMPLEX_TRY(check_link_data(*link_data));
  if (id) {
    SIMPLEX_ASSIGN(const auto existing, core_.connections.find(*id));
    if (existing) return repeat_creation(*existing, link_data);
  }
  SIMPLEX_ASSIGN(const auto connection, insert_own(user, role, pq, id));
  auto server = commands_.pick_server(user);
  if (server.empty()) return no_relay();
  SIMPLEX_TRY(
      commands_.enqueue(connection.key, CommandKind::create, std::move(server), Commands::create_argument(link_data)));
  return connection.id;
}

// One that begins with a queue of ours.
Result<Connection> AgentImpl::insert_own(UserId user, Role role, bool pq, std::optional<ConnectionId> id) {
  SIMPLEX_TRY(check_user(user));
  Connection connection{.key = {},
                        .id = id.value_or(new_connection_id(core_.dependencies.random)),
                        .user = user,
                        .role = role,
                        .agent_version = core_.config.versions.agent.max,
                        .pq = pq ? crypto::PqSupport::on : crypto::PqSupport::off,
                        .link = {}};
  SIMPLEX_ASSIGN(connection.key, core_.connections.insert(connection, core_.now()));
  if (role == Role::inviter) {
    const auto keys = crypto::generate_receiver_params(core_.dependencies.random, core_.config.versions.e2e.max,
                                                       crypto::PqSupport::off);
    SIMPLEX_TRY(core_.ratchets.insert_x3dh_keys(connection.key, keys.keys));
  }
  return connection;
}

// The application was killed before it knew, and asks again.
Result<ConnectionId> AgentImpl::repeat_creation(const Connection& connection, std::optional<BytesView> link_data) {
  if (connection.deleted) return no_connection();
  if (!connection.link.empty()) {
    SIMPLEX_ASSIGN(auto short_link, core_.links.text_of(connection.key));
    SIMPLEX_TRY(core_.outbox.durable(InvitationReady{connection.id, connection.link, std::move(short_link)}));
    return connection.id;
  }
  SIMPLEX_ASSIGN(const bool pending, core_.commands.exists(connection.key));
  if (!pending && connection.role != Role::joiner) {
    SIMPLEX_TRY(commands_.enqueue(connection.key, CommandKind::create, commands_.pick_server(connection.user),
                                  Commands::create_argument(link_data)));
  }
  return connection.id;
}

Result<ConnectionId> AgentImpl::join_connection(UserId user, std::string_view link, BytesView own_info, bool pq,
                                                std::optional<ConnectionId> id) {
  SIMPLEX_ASSIGN(const auto parsed, protocol::parse_connection_link(link));
  return core_.turn.run([&]() -> Result<ConnectionId> {
    if (const auto* invitation = std::get_if<protocol::InvitationLink>(&parsed)) {
      return join(user, *invitation, own_info, pq, id);
    }
    if (const auto* address = std::get_if<protocol::ContactLink>(&parsed)) {
      return request(user, *address, own_info, pq, id);
    }
    SIMPLEX_TRY(check_size(own_info, pq ? crypto::PqSupport::on : crypto::PqSupport::off));
    if (id) {
      SIMPLEX_ASSIGN(const auto existing, core_.connections.find(*id));
      if (existing) return known(*existing);
    }
    if (commands_.pick_server(user).empty()) return no_relay();
    return join(user, std::get<protocol::ShortLink>(parsed), own_info, pq, id);
  });
}

Result<ConnectionId> AgentImpl::join(UserId user, const protocol::InvitationLink& link, BytesView own_info, bool pq,
                                     std::optional<ConnectionId> id) {
  SIMPLEX_ASSIGN(const auto agreed, agree(link, core_.config.versions, pq));
  SIMPLEX_TRY(check_size(own_info, agreed.pq));
  if (id) {
    SIMPLEX_ASSIGN(const auto existing, core_.connections.find(*id));
    if (existing) return known(*existing);
  }
  SIMPLEX_TRY(check_user(user));
  if (commands_.pick_server(user).empty()) return no_relay();
  Connection connection{.key = {},
                        .id = id.value_or(new_connection_id(core_.dependencies.random)),
                        .user = user,
                        .role = Role::joiner,
                        .agent_version = agreed.agent,
                        .pq = agreed.pq,
                        .link = {}};
  SIMPLEX_ASSIGN(connection.key, core_.connections.insert(connection, core_.now()));
  SIMPLEX_TRY(commands_.begin_join(connection.key, link, agreed, own_info));
  return connection.id;
}

// Whoever uses an address sends an invitation of its own there, for its owner to join.
Result<ConnectionId> AgentImpl::request(UserId user, const protocol::ContactLink& link, BytesView own_info, bool pq,
                                        std::optional<ConnectionId> id) {
  SIMPLEX_ASSIGN(const auto agreed, agree(link, core_.config.versions, own_info));
  SIMPLEX_TRY(check_size(own_info, pq ? crypto::PqSupport::on : crypto::PqSupport::off));
  if (id) {
    SIMPLEX_ASSIGN(const auto existing, core_.connections.find(*id));
    if (existing) return known(*existing);
  }
  auto server = commands_.pick_server(user, &agreed.queue.server);
  if (server.empty()) return no_relay();
  SIMPLEX_ASSIGN(const auto connection, insert_own(user, Role::inviter, pq, id));
  SIMPLEX_TRY(commands_.enqueue(connection.key, CommandKind::request, std::move(server), encode(agreed)));
  return connection.id;
}

Result<ConnectionId> AgentImpl::accept_request(RequestId request_id, BytesView own_info, bool pq,
                                               std::optional<ConnectionId> id) {
  return core_.turn.run([&]() -> Result<ConnectionId> {
    if (id) {
      SIMPLEX_ASSIGN(const auto existing, core_.connections.find(*id));
      if (existing) return known(*existing);
    }
    SIMPLEX_ASSIGN(const auto request, core_.requests.find(request_id));
    if (!request) return fail(ErrorKind::not_found, "There is no such request, or it was answered already.");
    SIMPLEX_ASSIGN(const auto address, core_.connections.by_key(request->address));
    SIMPLEX_ASSIGN(const auto link, protocol::parse_full_link(request->link));
    const auto* invitation = std::get_if<protocol::InvitationLink>(&link);
    if (invitation == nullptr) return fail(ErrorKind::malformed, "The request holds no invitation.");
    SIMPLEX_ASSIGN(const auto joined, join(address.user, *invitation, own_info, pq, id));
    SIMPLEX_TRY(answered(*request));
    return joined;
  });
}

Result<> AgentImpl::reject_request(RequestId request_id) {
  return core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(const auto request, core_.requests.find(request_id));
    return request ? answered(*request) : Result<>();
  });
}

Result<> AgentImpl::answered(const Request& request) {
  SIMPLEX_ASSIGN(const auto waiting, core_.requests.waiting(request.address));
  SIMPLEX_TRY(core_.requests.set_answered(request.id));
  if (waiting < core_.config.waiting_requests) return {};
  // There was no room for the next one, if there is any.
  SIMPLEX_ASSIGN(const auto address, core_.connections.by_key(request.address));
  SIMPLEX_ASSIGN(const auto queue, core_.queues.rcv_queue_of(address.key));
  if (!queue) return {};
  core_.turn.after_commit([this, party = Party(address), server = queue->server, id = queue->recipient_id] {
    if (started_) subscriptions_.renew(party, server, id);
  });
  return {};
}

}  // namespace simplex::agent
