// Short links: joining by those of others, reading them, changing ours.
#include "agent_impl.hpp"
#include "link_request.hpp"

namespace simplex::agent {
namespace {

Result<protocol::ShortLink> parse_short(std::string_view text) {
  SIMPLEX_ASSIGN(auto parsed, protocol::parse_connection_link(text));
  if (auto* link = std::get_if<protocol::ShortLink>(&parsed)) return std::move(*link);
  return fail(ErrorKind::unsupported, "This is a full link: there is nothing to read but what it says itself.",
              Advice::ask_user);
}

}  // namespace

// What the link leads to is asked first; the rows of a joining party are made when it is known.
Result<ConnectionId> AgentImpl::join(UserId user, const protocol::ShortLink& link, BytesView own_info, bool pq,
                                     std::optional<ConnectionId> id) {
  SIMPLEX_ASSIGN(const auto whole, with_whole_server(link, core_, user));
  SIMPLEX_ASSIGN(const auto connection, insert_own(user, whole.is_invitation() ? Role::joiner : Role::inviter, pq, id));
  SIMPLEX_TRY(link_request_key(core_, whole));
  SIMPLEX_TRY(
      commands_.enqueue(connection.key, CommandKind::join_link, {}, Commands::join_link_argument(whole, pq, own_info)));
  return connection.id;
}

Result<LinkReadId> AgentImpl::read_link(UserId user, std::string_view text) {
  SIMPLEX_ASSIGN(auto link, parse_short(text));
  return core_.turn.run([&]() -> Result<LinkReadId> {
    SIMPLEX_TRY(check_user(user));
    SIMPLEX_ASSIGN(const auto whole, with_whole_server(std::move(link), core_, user));
    return link_reader_.read(user, whole);
  });
}

Result<> AgentImpl::set_link_data(ConnectionId id, BytesView link_data) {
  SIMPLEX_TRY(check_link_data(link_data));
  return core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_id(id));
    SIMPLEX_ASSIGN(const auto text, core_.links.text_of(connection.key));
    SIMPLEX_ASSIGN(const bool going, core_.commands.exists(connection.key, CommandKind::delete_link));
    if (text.empty() || going) return fail(ErrorKind::not_found, "The connection has no short link.");
    // The newest is what counts.
    SIMPLEX_TRY(core_.commands.erase_of(connection.key, CommandKind::set_link));
    return commands_.enqueue(connection.key, CommandKind::set_link, {}, to_bytes(link_data));
  });
}

Result<> AgentImpl::delete_link(ConnectionId id) {
  return core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_id(id));
    SIMPLEX_ASSIGN(const auto text, core_.links.text_of(connection.key));
    SIMPLEX_ASSIGN(const bool going, core_.commands.exists(connection.key, CommandKind::delete_link));
    if (text.empty() || going) return {};
    SIMPLEX_TRY(core_.commands.erase_of(connection.key, CommandKind::set_link));
    return commands_.enqueue(connection.key, CommandKind::delete_link, {}, {});
  });
}

}  // namespace simplex::agent
