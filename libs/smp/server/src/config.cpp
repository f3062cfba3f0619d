#include "simplex/smp/server/config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "simplex/encoding/base64.hpp"
#include "simplex/protocol/server_address.hpp"
#include "config_proxy.hpp"
#include "config_sections.hpp"
#include "web_config.hpp"

namespace simplex::smp::server {
namespace {

// What the reference has and has no meaning here.
constexpr std::initializer_list<std::string_view> unused_store = {"db_store_log"};
constexpr std::initializer_list<std::string_view> unused_transport = {"accept_service_credentials"};

}  // namespace

Result<ServerConfig> read_config(const server_kit::Ini& ini, const ServerFolders& folders) {
  ServerConfig made;
  server_kit::IniSettings settings(ini);
  read_transport(settings, folders, made);
  read_stores(settings, folders, made);
  read_auth(settings, made);
  read_operations(settings, folders, made);
  read_limits(settings, made);
  read_proxy(settings, made.server);
  read_web(settings, made.host, made.server.web);
  made.server.names = read_names(settings);
  check_ports(settings, made);

  for (const auto& [section, keys] :
       {std::pair<std::string_view, std::initializer_list<std::string_view>>("STORE_LOG", unused_store),
        {"TRANSPORT", unused_transport}}) {
    settings.known(section, keys);
    for (const auto key : keys) {
      const auto* entry = ini.find(section, key);
      if (entry != nullptr && entry->value != "off") made.unused.push_back(fmt::format("[{}] {}", section, key));
    }
  }
  made.known = settings.known_keys();
  made.unknown = settings.unknown_keys();
  if (!settings.problems().empty()) {
    return fail(ErrorKind::malformed, fmt::format("{}", fmt::join(settings.problems(), "\n")), Advice::ask_user);
  }
  return made;
}

std::string address_of(const ServerConfig& config, const transport::KeyHash& identity, std::uint16_t port) {
  const auto& password = config.password;
  return fmt::format("smp://{}{}{}@{}{}", base64url(identity.view()), password ? ":" : "",
                     password ? as_text(password->reveal()) : std::string_view{}, config.host,
                     port == 5223 ? std::string() : fmt::format(":{}", port));
}

}  // namespace simplex::smp::server
