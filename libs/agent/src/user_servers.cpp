#include "user_servers.hpp"

#include <algorithm>

#include "simplex/transport/channel.hpp"

namespace simplex::agent {
namespace {

constexpr std::uint16_t default_smp_port = 5223;

}  // namespace

Result<OwnServer> read_server(const UserServer& server) {
  auto parsed = protocol::parse_server_with_auth(server.address);
  if (!parsed) return fail_in("The address of a relay is wrong", parsed.error());
  if (parsed->address.scheme != protocol::Scheme::smp) {
    return fail(ErrorKind::malformed, "The address of a message relay begins with smp://.", Advice::ask_user);
  }
  if (parsed->address.key_hash.size() != transport::KeyHash::size_bytes) {
    return fail(ErrorKind::malformed,
                "The address of a relay is wrong: what is between smp:// and @ is not a whole fingerprint.",
                Advice::ask_user);
  }
  auto name = protocol::format(parsed->address);
  return OwnServer{std::move(*parsed), std::move(name), server.operator_id, server.storage, server.proxy};
}

Result<std::vector<OwnServer>> read_servers(std::span<const UserServer> servers) {
  std::vector<OwnServer> read;
  for (const auto& server : servers) {
    SIMPLEX_ASSIGN(auto one, read_server(server));
    read.push_back(std::move(one));
  }
  return read;
}

bool same_relay(const protocol::ServerAddress& a, const protocol::ServerAddress& b) noexcept {
  const auto port = [](const protocol::ServerAddress& each) { return each.port_number().value_or(default_smp_port); };
  return port(a) == port(b) && std::ranges::any_of(a.hosts, [&](const auto& host) {
           return std::ranges::find(b.hosts, host) != b.hosts.end();
         });
}

const std::vector<OwnServer>& UserServers::of(UserId user) const {
  const auto found = of_users_.find(user);
  return found != of_users_.end() ? found->second : for_all_;
}

bool UserServers::knows(UserId user, const protocol::ServerAddress& server) const {
  return std::ranges::any_of(of(user), [&](const OwnServer& own) { return same_relay(own.server.address, server); });
}

std::optional<protocol::BasicAuth> UserServers::password_of(UserId user, const protocol::ServerAddress& server) const {
  for (const auto& own : of(user)) {
    if (own.server.address == server) return own.server.password;
  }
  return std::nullopt;
}

const OwnServer* UserServers::pick_storage(UserId user, const Wish& wish, Random& random) const {
  return pick(user, wish, &OwnServer::storage, random);
}

const OwnServer* UserServers::pick_proxy(UserId user, const protocol::ServerAddress& destination,
                                         std::string_view failed, Random& random) const {
  const auto* picked = pick(user, {{destination}, {destination}, failed}, &OwnServer::proxy, random);
  return picked != nullptr && !same_relay(picked->server.address, destination) ? picked : nullptr;
}

const OwnServer* UserServers::pick(UserId user, const Wish& wish, bool OwnServer::* role, Random& random) const {
  const auto& servers = of(user);
  const auto is_one_of = [](const OwnServer& own, const std::vector<protocol::ServerAddress>& others) {
    return std::ranges::any_of(others, [&](const auto& other) { return same_relay(own.server.address, other); });
  };
  std::vector<std::optional<OperatorId>> operators;
  for (const auto& own : servers) {
    if (is_one_of(own, wish.used)) operators.push_back(own.operator_id);
  }
  int best = same_operator | used | failed | excluded;
  std::vector<const OwnServer*> choice;
  for (const auto& own : servers) {
    if (!(own.*role)) continue;
    int against = 0;
    if (std::ranges::find(operators, own.operator_id) != operators.end()) against |= same_operator;
    if (is_one_of(own, wish.used)) against |= used;
    if (own.name == wish.failed) against |= failed;
    if (is_one_of(own, wish.excluded)) against |= excluded;
    if (against > best) continue;
    if (against < best) choice.clear();
    best = against;
    choice.push_back(&own);
  }
  return choice.empty() ? nullptr : choice[random.below(choice.size())];
}

}  // namespace simplex::agent
