#include "simplex/smp/server/setup.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "simplex/encoding/base64.hpp"
#include "simplex/server_kit/files.hpp"

namespace simplex::smp::server {
namespace {

// "key = value", or the same as a comment with what the value would look like.
std::string setting(std::string_view key, const std::optional<std::string>& value, std::string_view example) {
  return value ? fmt::format("{} = {}\n", key, *value) : fmt::format("# {} = {}\n", key, example);
}

std::string on_off(bool on) { return on ? "on" : "off"; }

std::string information(const InitOptions& options) {
  return "[INFORMATION]\n"
         "# The license (AGPL-3.0) asks you to offer the source code of a modified relay to its users: give its "
         "address.\n" +
         setting("source_code", options.source_code, "URI") +
         "\n# Who runs the relay, where, and under which conditions. Everything here may be left out.\n"
         "# usage_conditions = URI\n# condition_amendments = URI\n" +
         setting("server_country", options.server_country, "two letters, ISO 3166") +
         setting("operator", options.operator_name, "person or organization") +
         setting("operator_country", options.operator_country, "two letters, ISO 3166") +
         setting("website", options.operator_website, "URI") +
         "# admin_simplex = SimpleX address\n# admin_email =\n# admin_pgp =\n# admin_pgp_fingerprint =\n"
         "# complaints_simplex = SimpleX address\n# complaints_email =\n# complaints_pgp =\n"
         "# complaints_pgp_fingerprint =\n" +
         setting("hosting", options.hosting, "name of the provider") +
         setting("hosting_country", options.hosting_country, "two letters, ISO 3166") +
         "# virtual, dedicated, colocation, owned\n" + setting("hosting_type", options.hosting_type, "virtual") + "\n";
}

std::string stores(const InitOptions& options) {
  return "[STORE_LOG]\n"
         "# on: queues are kept in smp-server-store.log, which is compacted at every start.\n"
         "enable = " +
         on_off(options.store_log) +
         "\n"
         "# Where queues and messages are kept while the relay runs.\n"
         "store_queues = memory\nstore_messages = memory\n"
         "# on: undelivered messages are saved when the relay stops, and restored when it starts.\n"
         "restore_messages = " +
         on_off(options.store_log) +
         "\n"
         "# How long undelivered messages are kept.\n"
         "expire_messages_days = 21\nexpire_messages_on_start = on\nexpire_messages_on_send = off\n"
         "expire_ntfs_hours = 24\n"
         "# Daily numbers of the relay, without any data of users, as CSV.\n"
         "log_stats = " +
         on_off(options.daily_stats) + "\n# prometheus_interval = 60\n\n";
}

std::string authorization(const std::optional<std::string>& password) {
  return "[AUTH]\n"
         "# off: nobody can create queues any more; for a relay that will be shut down.\n"
         "new_queues = on\n"
         "# With a password only those can create queues who have it in the relay's address:\n"
         "# smp://fingerprint:password@host. People who write to them do not need it.\n" +
         setting("create_password", password, "printable ASCII without '@', ':' and '/'") +
         "# control_port_admin_password =\n# control_port_user_password =\n# daily_block_queue_quota = 20\n\n";
}

std::string transport(const InitOptions& options) {
  return "[TRANSPORT]\n"
         "# Name or address of this machine as it stands in the relay's address; several are separated by commas.\n"
         "host = " +
         options.host() +
         "\n"
         "# Ports to listen on.\n"
         "port = " +
         options.port +
         "\n"
         "# Address of this machine to listen on; all of them, if not set.\n"
         "# bind = 127.0.0.1\n"
         "log_tls_errors = off\nwebsockets = off\n" +
         setting("control_port",
                 options.control_port ? std::optional(std::to_string(*options.control_port)) : std::nullopt, "5224") +
         "\n[PROXY]\n"
         "# Connections to other relays, for private routing.\n"
         "# host_mode = public\n# required_host_mode = off\n" +
         setting("own_server_domains", options.own_domains, "relay.example") +
         setting("socks_proxy", options.socks_proxy, "localhost:9050") +
         "# socks_mode = onion\n# client_concurrency = 32\n"
         "# Clients choose which relays this one connects to: not those of a private network or of this machine.\n"
         "# allow_private_targets = off\n# allowed_ports = 443 1024-65535\n\n";
}

std::string limits(const InitOptions& options, const ServerFolders& folders) {
  const auto static_path = options.web_path ? *options.web_path : (folders.log / "www").string();
  return "[INACTIVE_CLIENTS]\n"
         "# Connections without subscriptions on which nothing happens are closed after ttl seconds.\n"
         "disconnect = on\nttl = 21600\ncheck_interval = 3600\n\n"
         "[LIMITS]\n"
         "# What clients may use of this machine. Times are in seconds.\n"
         "# connections = 100000\n# handshake_timeout = 120\n# unanswered_commands = 1024\n"
         "# pending_bytes = 262144\n# max_pending_bytes = 8388608\n# slow_reader_timeout = 300\n"
         "# queue_quota = 128\n# expire_interval = 7200\n# stop_timeout = 5\n"
         "# One thread for each core, if not set.\n# threads = 2\n\n"
         "[WEB]\n" +
         setting("static_path", options.disable_web ? std::nullopt : std::optional(static_path), static_path) +
         "# http = 8000\n# https = 443\n"
         "# cert = " +
         (folders.config / "web.crt").string() + "\n# key = " + (folders.config / "web.key").string() + "\n";
}

}  // namespace

std::string ini_text(const InitOptions& options, const ServerFolders& folders,
                     const std::optional<std::string>& password) {
  return information(options) + stores(options) + authorization(password) + transport(options) +
         limits(options, folders);
}

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
  InitReport made;
  if (!options.no_password) {
    made.password = options.password.empty() ? base64url(random.bytes(32)) : options.password;
  }
  std::vector<std::string> texts{options.ip, options.fqdn, options.port, options.password};
  for (const auto* text :
       {&options.socks_proxy, &options.own_domains, &options.source_code, &options.operator_name,
        &options.operator_country, &options.operator_website, &options.hosting, &options.hosting_country,
        &options.hosting_type, &options.server_country, &options.web_path}) {
    if (*text) texts.push_back(**text);
  }
  for (const auto& text : texts) {
    if (text.find_first_of("\r\n") == std::string::npos) continue;
    return fail(ErrorKind::malformed, "an option contains a line break", Advice::ask_user);
  }
  // Everything is checked before anything is written.
  const auto text = ini_text(options, folders, made.password);
  SIMPLEX_ASSIGN(const auto ini, server_kit::Ini::parse(text, folders.ini().string()));
  SIMPLEX_ASSIGN(made.config, read_config(ini, folders));

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
