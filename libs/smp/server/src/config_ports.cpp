// The relay's own ports must not stand in each other's way: what the system says then names another program.
#include <fmt/format.h>

#include <algorithm>

#include "config_sections.hpp"

namespace simplex::smp::server {
namespace {

bool is_this_machine(std::string_view host) { return host.starts_with("127.") || host == "::1" || host == "localhost"; }

// Whether what listens on this machine only meets what listens on these addresses.
bool reaches_this_machine(const ServerConfig& config) {
  return std::ranges::any_of(config.server.addresses, [](const transport::Endpoint& each) {
    const auto& host = each.host;
    return host.empty() || host == "0.0.0.0" || host == "::" || is_this_machine(host);
  });
}

}  // namespace

void check_ports(server_kit::IniSettings& settings, const ServerConfig& config) {
  struct Use {
    std::string_view section;
    std::string_view key;
    std::uint16_t port;
    bool this_machine;  // 127.0.0.1 only
  };
  std::vector<Use> uses;
  const auto add = [&](std::string_view section, std::string_view key, std::optional<std::uint16_t> port,
                       bool this_machine) {
    if (!port || *port == 0) return;
    for (const auto& other : uses) {
      if (other.port != *port) continue;
      if (other.this_machine != this_machine && !reaches_this_machine(config)) continue;
      return settings.problem(
          section, key,
          other.key == key && other.section == section
              ? fmt::format("has the port {} twice", *port)
              : fmt::format("[{}] {} has the port {} already: choose another one", other.section, other.key, *port));
    }
    uses.push_back({section, key, *port, this_machine});
  };
  for (const auto port : config.ports) add("TRANSPORT", "port", port, false);
  // One for each address of the machine; the first has all ports.
  for (const auto& each : config.server.addresses) {
    if (each.host != config.server.addresses.front().host) break;
    if (each.serves == transport::Serves::smp_in_web_sockets) add("TRANSPORT", "websockets", each.port, false);
  }
  const auto& web = config.server.web;
  // HTTPS may share a port with SMP.
  if (web.https && std::ranges::find(config.ports, web.https->port) == config.ports.end()) {
    add("WEB", "https", web.https->port, false);
  }
  if (web.http) add("WEB", "http", web.http->port, is_this_machine(web.http->host));
  add("TRANSPORT", "control_port", config.operations.control_port, true);
  add("LIMITS", "prometheus_port", config.operations.prometheus_port, true);
}

}  // namespace simplex::smp::server
