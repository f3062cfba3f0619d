#include <algorithm>
#include <charconv>

#include "config_sections.hpp"

namespace simplex::smp::server {
namespace {

std::vector<std::uint16_t> read_ports(SectionReader& section) {
  std::string text = "5223,443";
  section.text("port", text);
  std::vector<std::uint16_t> ports;
  for (const auto& word : words_of(text)) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
    if (error != std::errc{} || end != word.data() + word.size()) {
      section.problem("port", "must be port numbers from 0 to 65535, separated by commas");
      return {5223};
    }
    ports.push_back(port);
  }
  if (ports.empty()) section.problem("port", "is missing, for example 5223,443");
  return ports;
}

void read_versions(SectionReader& section, SmpVersionRange& versions) {
  auto min = versions.min.value();
  auto max = versions.max.value();
  section.number("min_version", min, supported_versions.min.value(), supported_versions.max.value());
  section.number("max_version", max, supported_versions.min.value(), supported_versions.max.value());
  if (min > max) return section.problem("max_version", "must not be less than min_version");
  versions = {SmpVersion(min), SmpVersion(max)};
}

}  // namespace

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
  config.host = "<hostnames>";
  section.text("host", config.host);
  config.ports = read_ports(section);
  std::string bind;
  section.text("bind", bind);
  auto hosts = words_of(bind);
  if (hosts.empty()) hosts.emplace_back();
  for (const auto& host : hosts) {
    for (const auto port : config.ports) config.server.addresses.push_back({host, port});
  }
  config.credentials = transport::credential_files(folders.config);
  section.path("server_certificate", config.credentials.server_certificate);
  section.path("server_key", config.credentials.server_key);
  section.path("ca_certificate", config.credentials.ca_certificate);
  read_versions(section, config.server.node.versions);
  section.on_off("log_tls_errors", config.server.log_tls_errors);
}

}  // namespace simplex::smp::server
