// The configuration of smp-server: the keys of smp-server.ini, and the folders they are read from. Names, meanings and
// defaults are the reference's; what this relay has beside them stands in the section LIMITS.
#pragma once

#include <filesystem>
#include <string>

#include "simplex/server_kit/ini.hpp"
#include "simplex/smp/server/operations.hpp"
#include "simplex/smp/server/server.hpp"
#include "simplex/smp/server/store_choice.hpp"
#include "simplex/transport/credential_files.hpp"

namespace simplex::smp::server {

struct ServerFolders {
  std::filesystem::path config;  // SMP_SERVER_CFG_PATH, else /etc/opt/simplex
  std::filesystem::path log;     // SMP_SERVER_LOG_PATH, else /var/opt/simplex

  [[nodiscard]] std::filesystem::path ini() const { return config / "smp-server.ini"; }
};

struct ServerConfig {
  ServerSettings server;  // without credentials
  StoreChoice store;      // memory: the files are in `server`
  transport::CredentialFiles credentials;
  OperationSettings operations;  // without the version
  LogLevel log_level = LogLevel::info;
  std::string host;  // as it is written in the address
  std::vector<std::uint16_t> ports;
  std::optional<BasicAuth> password;  // stands in the address, too
  std::vector<std::string> known;     // "SECTION.key", all that there are
  std::vector<std::string> unknown;   // settings that this program does not know: kept, without effect
  std::vector<std::string> unused;    // settings of the reference that this version does not act on
};

// The error names every wrong value with its line and what is allowed.
[[nodiscard]] Result<ServerConfig> read_config(const server_kit::Ini& ini, const ServerFolders& folders);

// smp://FINGERPRINT[:PASSWORD]@HOST[:PORT], for the operator to give to users.
[[nodiscard]] std::string address_of(const ServerConfig& config, const transport::KeyHash& identity,
                                     std::uint16_t port);

}  // namespace simplex::smp::server
