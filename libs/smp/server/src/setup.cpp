#include "simplex/smp/server/setup.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "simplex/encoding/base64.hpp"
#include "simplex/protocol/server_address.hpp"
#include "simplex/server_kit/files.hpp"
#include "simplex/transport/socks5.hpp"
#include "config_sections.hpp"

namespace simplex::smp::server {
namespace {

// What is wrong is said of the option: the file that it would stand in is not there.
std::unexpected<Error> wrong(std::string_view what) {
  return fail(ErrorKind::malformed, std::string(what), Advice::ask_user);
}

Result<> check_texts(const InitOptions& options) {
  std::vector<std::pair<std::string_view, std::string_view>> texts{{"--ip", options.ip},
                                                                   {"--fqdn", options.fqdn},
                                                                   {"--port", options.port},
                                                                   {"--password", options.password},
                                                                   {"--database", options.database.connection},
                                                                   {"--schema", options.database.schema}};
  const auto add = [&](std::string_view name, const std::optional<std::string>& text) {
    if (text) texts.emplace_back(name, *text);
  };
  add("--socks-proxy", options.socks_proxy);
  add("--own-domains", options.own_domains);
  add("--source-code", options.source_code);
  add("--operator", options.operator_name);
  add("--operator-country", options.operator_country);
  add("--operator-website", options.operator_website);
  add("--hosting", options.hosting);
  add("--hosting-country", options.hosting_country);
  add("--hosting-type", options.hosting_type);
  add("--server-country", options.server_country);
  add("--web-path", options.web_path);
  for (const auto& [name, text] : texts) {
    if (text.find_first_of("\r\n") != std::string_view::npos) return wrong(fmt::format("{} has a line break", name));
  }
  return {};
}

Result<> check_addresses(const InitOptions& options) {
  const auto address = protocol::Host::parse(options.ip);
  if (!address || (address->kind() != protocol::HostKind::ipv4 && address->kind() != protocol::HostKind::ipv6)) {
    return wrong(fmt::format("--ip {}: this is no IPv4 or IPv6 address, as 192.0.2.1", options.ip));
  }
  if (!options.fqdn.empty() && !is_host(options.fqdn)) {
    return wrong(fmt::format("--fqdn {}: this is no name of a machine, as relay.example.com", options.fqdn));
  }
  if (const auto& socks = options.socks_proxy) {
    const auto proxy = transport::parse_socks_proxy(*socks);
    if (!proxy || !is_host(proxy->server.host)) {
      return wrong("--socks-proxy: this is not HOST:PORT or USER:PASSWORD@HOST:PORT, as localhost:9050");
    }
  }
  return {};
}

Result<> check_password(const std::string& password) {
  if (password.empty() || BasicAuth::from(as_bytes(password))) return {};
  return wrong("--password has printable ASCII characters without blanks, '@', ':' and '/', at most 255");
}

// Who says something about the relay also says where its source code is.
Result<> check_information(const InitOptions& options) {
  const bool any = options.operator_name || options.operator_website || options.hosting || options.hosting_type ||
                   options.server_country;
  if (any && !options.source_code) return wrong("passing any server information requires passing --source-code");
  if (options.operator_country && !options.operator_name) {
    return wrong("passing --operator-country requires passing --operator");
  }
  if (options.hosting_country && !options.hosting) {
    return wrong("passing --hosting-country requires passing --hosting");
  }
  for (const auto& [name, country] : {std::pair("--server-country", &options.server_country),
                                      {"--operator-country", &options.operator_country},
                                      {"--hosting-country", &options.hosting_country}}) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    if (*country && ((*country)->size() != 2 || !std::ranges::all_of(**country, letter))) {
      return wrong(fmt::format("{} {}: countries are two letters of ISO 3166, for example DE", name, **country));
    }
  }
  return {};
}

}  // namespace

Result<InitReport> initialize(const InitOptions& options, const ServerFolders& folders, const Clock& clock,
                              Random& random) {
  std::error_code error;
  if (std::filesystem::exists(folders.ini(), error)) {
    return fail(ErrorKind::conflict,
                fmt::format("this relay exists already: {} is there, and nothing was changed.\n"
                            "Start it with \"smp-server start\". For another relay, set SMP_SERVER_CFG_PATH and "
                            "SMP_SERVER_LOG_PATH to other folders.",
                            folders.ini().string()),
                Advice::ask_user);
  }
  SIMPLEX_TRY(check_texts(options));
  SIMPLEX_TRY(check_addresses(options));
  SIMPLEX_TRY(check_password(options.password));
  SIMPLEX_TRY(check_information(options));
  InitReport made;
  if (!options.no_password) {
    made.password = options.password.empty() ? base64url(random.bytes(32)) : options.password;
  }
  std::optional<ControlPasswords> control;
  if (options.control_port) control = ControlPasswords{base64url(random.bytes(18)), base64url(random.bytes(18))};
  // Everything is checked before anything is written.
  const auto text = ini_text(options, folders, made.password, control);
  SIMPLEX_ASSIGN(const auto ini, server_kit::Ini::parse(text, "the new smp-server.ini"));
  SIMPLEX_ASSIGN(made.config, read_config(ini, folders));

  if (options.prepare) SIMPLEX_TRY(options.prepare(made.config));
  SIMPLEX_TRY(server_kit::create_directories(folders.config, 0755));
  SIMPLEX_TRY(server_kit::create_directories(folders.log, 0700));
  SIMPLEX_ASSIGN(made.identity,
                 transport::create_credential_files(folders.config, options.algorithm, options.host(), clock, random));
  for (const auto* name : {"ca.key", "ca.crt", "server.key", "server.crt", "fingerprint"}) {
    made.written.push_back(folders.config / name);
  }
  // It may hold passwords.
  SIMPLEX_TRY(server_kit::create_file(folders.ini(), as_bytes(text), server_kit::private_file));
  made.written.push_back(folders.ini());
  return made;
}

}  // namespace simplex::smp::server
