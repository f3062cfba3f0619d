#include "simplex/smp/server/setup.hpp"

#include <fmt/format.h>

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

std::string stores(const InitOptions& options, const ServerFolders& folders) {
  const auto kind = std::string(name_of(options.store));
  const StoreChoice::Database usual;
  const auto& database = options.database;
  const auto database_setting = [&](std::string_view key, const std::string& value, const std::string& otherwise) {
    const bool used = options.store == StoreKind::database || value != otherwise;
    return fmt::format("{}{} = {}\n", used ? "" : "# ", key, value);
  };
  return "[STORE_LOG]\n"
         "# Where queues and messages are kept; store_messages is the same.\n"
         "# embedded: on disk, in the folder below. What was answered is kept also when the power goes.\n"
         "# database: in PostgreSQL 15 or newer.\n"
         "# memory:   in memory; queues are logged in smp-server-store.log, messages are saved when the relay stops.\n"
         "store_queues = " +
         kind + "\nstore_messages = " + kind +
         "\n"
         "# embedded_path = " +
         (folders.log / "store").string() +
         "\n"
         "# memory: off keeps nothing at all.\n"
         "enable = " +
         on_off(options.store_log) +
         "\n"
         "# memory: on saves undelivered messages when the relay stops, and restores them when it starts.\n"
         "restore_messages = " +
         on_off(options.store_log) + "\n" + database_setting("db_connection", database.connection, usual.connection) +
         database_setting("db_schema", database.schema, usual.schema) +
         database_setting("db_pool_size", std::to_string(database.pool_size), std::to_string(usual.pool_size)) +
         "# Days for which deleted queues stay in the database.\n"
         "# db_deleted_ttl = 21\n\n"
         "# How long undelivered messages and notifications are kept.\n"
         "expire_messages_days = 21\nexpire_messages_on_start = on\nexpire_messages_on_send = off\n"
         "expire_ntfs_hours = 24\n"
         "# Daily numbers of the relay, without any data of users, as CSV.\n"
         "log_stats = " +
         on_off(options.daily_stats) + "\n# prometheus_interval = 60\n\n";
}

std::string authorization(const std::optional<std::string>& password, const std::optional<ControlPasswords>& control) {
  const auto of = [&](std::string ControlPasswords::* which) {
    return control ? std::optional((*control).*which) : std::nullopt;
  };
  return "[AUTH]\n"
         "# off: nobody can create queues any more; for a relay that will be shut down.\n"
         "new_queues = on\n"
         "# With a password only those can create queues who have it in the relay's address:\n"
         "# smp://fingerprint:password@host. People who write to them do not need it.\n" +
         setting("create_password", password, "printable ASCII without '@', ':' and '/'") +
         setting("control_port_admin_password", of(&ControlPasswords::admin), "") +
         setting("control_port_user_password", of(&ControlPasswords::user), "") +
         "# Queues that may be blocked through the control port in a day; 0: no limit, -1: none.\n"
         "# daily_block_queue_quota = 20\n\n";
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
         "log_tls_errors = off\n"
         "# Ports for SMP in WebSockets, for clients that have no plain sockets.\n"
         "websockets = off\n" +
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
                     const std::optional<std::string>& password, const std::optional<ControlPasswords>& control) {
  return information(options) + stores(options, folders) + authorization(password, control) + transport(options) +
         limits(options, folders);
}

}  // namespace simplex::smp::server
