// "smp-server init": makes the folders, the certificates and smp-server.ini of a new relay.
#pragma once

#include <functional>

#include "simplex/smp/server/config.hpp"
#include "simplex/transport/credentials.hpp"

namespace simplex::smp::server {

// Options have the reference's names and meanings.
struct InitOptions {
  StoreKind store = StoreKind::embedded;
  bool store_log = true;  // off: the memory store, and nothing lasts
  StoreChoice::Database database;
  bool daily_stats = false;
  transport::SignatureAlgorithm algorithm = transport::SignatureAlgorithm::ed25519;
  std::string ip = "127.0.0.1";
  std::string fqdn;  // empty: the ip
  std::string port = "5223,443";
  bool no_password = false;
  std::string password;  // empty: a random one is made
  std::optional<std::uint16_t> control_port;
  std::optional<std::string> socks_proxy;
  std::optional<std::string> own_domains;
  std::optional<std::string> source_code;
  std::optional<std::string> operator_name;
  std::optional<std::string> operator_country;
  std::optional<std::string> operator_website;
  std::optional<std::string> hosting;
  std::optional<std::string> hosting_country;
  std::optional<std::string> hosting_type;
  std::optional<std::string> server_country;
  std::optional<std::string> web_path;
  bool disable_web = false;
  // Done when everything was checked, before anything is written; with an error nothing is.
  std::function<Result<>(const ServerConfig&)> prepare;

  [[nodiscard]] const std::string& host() const { return fqdn.empty() ? ip : fqdn; }
};

struct InitReport {
  std::vector<std::filesystem::path> written;
  transport::KeyHash identity;
  std::optional<std::string> password;
  ServerConfig config;
};

// A conflict, and nothing is changed, when the relay exists already.
[[nodiscard]] Result<InitReport> initialize(const InitOptions& options, const ServerFolders& folders,
                                            const Clock& clock, Random& random);

struct ControlPasswords {
  std::string admin;
  std::string user;
};
// The text of smp-server.ini.
[[nodiscard]] std::string ini_text(const InitOptions& options, const ServerFolders& folders,
                                   const std::optional<std::string>& password,
                                   const std::optional<ControlPasswords>& control);

}  // namespace simplex::smp::server
