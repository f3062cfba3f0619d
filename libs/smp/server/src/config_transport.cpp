#include <algorithm>
#include <charconv>

#include "simplex/protocol/server_address.hpp"
#include "config_sections.hpp"

namespace simplex::smp::server {
namespace {

constexpr std::string_view unknown_host = "<hostnames>";

// Nothing, when it is no list of ports.
std::optional<std::vector<std::uint16_t>> ports_of(std::string_view text) {
  std::vector<std::uint16_t> ports;
  for (const auto& word : words_of(text)) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
    if (error != std::errc{} || end != word.data() + word.size()) {
      return std::nullopt;
    }
    ports.push_back(port);
  }
  return ports;
}

std::vector<std::uint16_t> read_ports(SectionReader& section) {
  std::string text = "5223,443";
  section.text("port", text);
  auto ports = ports_of(text);
  if (!ports) {
    section.problem("port", "must be port numbers from 0 to 65535, separated by commas");
    return {5223};
  }
  if (ports->empty()) section.problem("port", "is missing, for example 5223,443");
  return *std::move(ports);
}

// Those that are not for SMP alone.
std::vector<std::uint16_t> read_web_socket_ports(SectionReader& section, const std::vector<std::uint16_t>& taken) {
  std::string text = "off";
  section.text("websockets", text);
  if (text == "off") return {};
  if (text == "on") text = "80";
  auto ports = ports_of(text);
  if (!ports || ports->empty()) {
    section.problem("websockets", "must be off, on (port 80), or port numbers separated by commas");
    return {};
  }
  std::erase_if(*ports, [&](std::uint16_t port) { return port != 0 && std::ranges::find(taken, port) != taken.end(); });
  return *std::move(ports);
}

void read_versions(SectionReader& section, SmpVersionRange& versions) {
  auto min = versions.min.value();
  auto max = versions.max.value();
  section.number("min_version", min, supported_versions.min.value(), supported_versions.max.value());
  section.number("max_version", max, supported_versions.min.value(), supported_versions.max.value());
  if (min > max) return section.problem("max_version", "must not be less than min_version");
  versions = {SmpVersion(min), SmpVersion(max)};
}

// What stands in the relay's address. The reference writes "<hostnames>" where init was given none.
void check_hosts(SectionReader& section, std::string_view text) {
  if (text == unknown_host) return;
  const auto hosts = words_of(text);
  const bool right =
      !hosts.empty() && std::ranges::all_of(hosts, [](const auto& host) { return is_host(host).has_value(); });
  if (!right) {
    section.problem("host",
                    "must be names or addresses of this machine, separated by commas, for example "
                    "relay.example.com or relay.example.com,LETTERS.onion");
  }
}

std::vector<std::string> read_bind(SectionReader& section) {
  std::string text;
  section.text("bind", text);
  auto hosts = words_of(text);
  for (const auto& host : hosts) {
    if (is_host(host)) continue;
    section.problem("bind", "must be addresses of this machine, separated by commas, for example 127.0.0.1");
    hosts.clear();
    break;
  }
  if (hosts.empty()) hosts.emplace_back();  // all of them
  return hosts;
}

}  // namespace

Result<> is_host(std::string_view text) {
  SIMPLEX_ASSIGN(const auto host, protocol::Host::parse(text));
  if (host.kind() != protocol::HostKind::domain) return {};
  const bool right = text.size() <= 253 && std::ranges::all_of(text, [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                              c == '.' || c == '_';
                     });
  // 300.1.2.3 and 5223 are no names.
  const bool number = text.find_first_not_of("0123456789.") == std::string_view::npos;
  if (!right || number || text.starts_with('.') || text.starts_with('-') || text.find("..") != std::string_view::npos) {
    return fail(ErrorKind::malformed, "this is neither a name nor an address", Advice::ask_user);
  }
  return {};
}

std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    const auto end = std::min(list.find_first_of(", \t"), list.size());
    if (end > 0) words.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return words;
}

void read_transport(server_kit::IniSettings& settings, const ServerFolders& folders, ServerConfig& config) {
  SectionReader section(settings, "TRANSPORT");
  config.host = unknown_host;
  section.text("host", config.host);
  check_hosts(section, config.host);
  config.ports = read_ports(section);
  const auto web_sockets = read_web_socket_ports(section, config.ports);
  for (const auto& host : read_bind(section)) {
    for (const auto port : config.ports) config.server.addresses.emplace_back(host, port);
    for (const auto port : web_sockets) {
      config.server.addresses.emplace_back(host, port, transport::Serves::smp_in_web_sockets);
    }
  }
  config.credentials = transport::credential_files(folders.config);
  section.path("server_certificate", config.credentials.server_certificate);
  section.path("server_key", config.credentials.server_key);
  section.path("ca_certificate", config.credentials.ca_certificate);
  read_versions(section, config.server.node.versions);
  section.on_off("log_tls_errors", config.server.log_tls_errors);
}

}  // namespace simplex::smp::server
