#include "session_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "simplex/encoding/base64.hpp"

namespace simplex::agent {

std::string isolation_of(SessionMode mode, std::string_view session, const Party& party,
                         const protocol::ServerAddress& relay) {
  const auto user = party.user.value();
  switch (mode) {
    case SessionMode::user: return fmt::format("{}", user);
    case SessionMode::session: return fmt::format("{}:{}", user, session);
    case SessionMode::server: return fmt::format("{}:{}@{}", user, session, protocol::format(relay));
    case SessionMode::entity:
      return fmt::format("{}:{}@{}/{}", user, session, protocol::format(relay), base64url(party.entity.view()));
  }
  return {};
}

bool uses_web_port(const Config& config, const protocol::ServerAddress& relay) {
  const auto& host = relay.hosts.front();
  switch (config.network.web_port) {
    case WebPort::all: return true;
    case WebPort::preset:
      return host.kind() == protocol::HostKind::domain &&
             std::ranges::any_of(config.preset_domains, [&](const auto& end) { return host.text().ends_with(end); });
    case WebPort::off: return false;
  }
  return false;
}

bool is_address_protected(const NetworkConfig& network, const protocol::ServerAddress& relay) {
  std::vector<transport::Endpoint> endpoints;
  for (const auto& host : relay.hosts) endpoints.push_back({host.text()});
  const auto chosen = transport::choose_endpoints(network.rules, endpoints);
  // An onion host is reached through a SOCKS proxy, or not at all; so is a relay without a host that may be used.
  return !chosen || std::ranges::all_of(*chosen, [&](const auto& each) {
    return transport::is_onion(each.host) || transport::through_socks(network.rules, each.host);
  });
}

smp::client::Options session_options(const Config& config, std::string_view session, const Party& party,
                                     const protocol::ServerAddress& relay) {
  const auto& network = config.network;
  smp::client::Options options;
  options.versions = config.versions.smp;
  options.connect_timeout = network.connect_timeout;
  options.command_timeout = network.command_timeout;
  options.ping_interval = network.ping_interval;
  options.pings_unanswered = network.pings_unanswered;
  options.network = std::make_shared<const transport::NetworkRules>(network.rules);
  options.keep_alive = network.keep_alive;
  options.isolation = isolation_of(network.session_mode, session, party, relay);
  options.web_port = uses_web_port(config, relay);
  return options;
}

}  // namespace simplex::agent
