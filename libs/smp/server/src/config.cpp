#include "simplex/smp/server/config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "simplex/encoding/base64.hpp"
#include "simplex/protocol/server_address.hpp"
#include "config_proxy.hpp"
#include "web_config.hpp"

namespace simplex::smp::server {
namespace {

using server_kit::IniSettings;

constexpr std::int64_t any = 1'000'000'000;

std::vector<std::uint16_t> read_ports(IniSettings& settings) {
  const auto text = settings.text("TRANSPORT", "port", "5223,443");
  std::vector<std::uint16_t> ports;
  for (std::string_view rest = text; !rest.empty();) {
    const auto comma = rest.find(',');
    auto word = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    while (word.starts_with(' ')) word.remove_prefix(1);
    while (word.ends_with(' ')) word.remove_suffix(1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
    if (error != std::errc{} || end != word.data() + word.size()) {
      settings.problem("TRANSPORT", "port", "must be port numbers from 0 to 65535, separated by commas");
      return {5223};
    }
    ports.push_back(port);
  }
  if (ports.empty()) settings.problem("TRANSPORT", "port", "is missing, for example 5223,443");
  return ports;
}

void read_stores(IniSettings& settings, const ServerFolders& folders, ServerSettings& server) {
  const bool log = settings.on_off("STORE_LOG", "enable", true);
  (void)settings.one_of("STORE_LOG", "store_queues", "memory", {"memory"});
  (void)settings.one_of("STORE_LOG", "store_messages", "memory", {"memory"});
  if (log) server.store_log = folders.log / "smp-server-store.log";
  // Without their queues messages are of no use.
  const bool restore = settings.on_off("STORE_LOG", "restore_messages", log);
  if (log && restore) server.messages = folders.log / "smp-server-messages.log";
  if (log && restore) server.notifications = folders.log / "smp-server-ntfs.log";
  auto& ttl = server.node.engine.notifications.ttl;
  ttl = std::chrono::hours(settings.number("STORE_LOG", "expire_ntfs_hours", 24, 1, 876'000));
  const auto days = settings.number("STORE_LOG", "expire_messages_days", 21, 1, 36'500);
  server.node.engine.message_ttl = std::chrono::days(days);
  server.expire_messages_on_start = settings.on_off("STORE_LOG", "expire_messages_on_start", true);
  (void)settings.on_off("STORE_LOG", "expire_messages_on_send", true);  // expired messages never stay in the way
}

void read_auth(IniSettings& settings, EngineSettings& engine) {
  engine.new_queues = settings.on_off("AUTH", "new_queues", true);
  if (const auto password = settings.optional_text("AUTH", "create_password")) {
    auto made = BasicAuth::from(as_bytes(*password));
    if (made) {
      engine.password = std::move(*made);
    } else {
      settings.problem("AUTH", "create_password", "must be printable ASCII without '@', ':' and '/'");
    }
  }
}

void read_limits(IniSettings& settings, ServerSettings& server) {
  auto& limits = server.node.limits;
  const auto seconds = [&](std::string_view section, std::string_view key, std::chrono::seconds& value,
                           std::int64_t min) {
    value = std::chrono::seconds(settings.number(section, key, value.count(), min, any));
  };
  const auto size = [&](std::string_view key, std::size_t& value, std::int64_t min) {
    value = static_cast<std::size_t>(settings.number("LIMITS", key, static_cast<std::int64_t>(value), min, any));
  };
  limits.disconnect_inactive = settings.on_off("INACTIVE_CLIENTS", "disconnect", true);
  seconds("INACTIVE_CLIENTS", "ttl", limits.inactive_ttl, 1);
  seconds("INACTIVE_CLIENTS", "check_interval", limits.inactive_check_interval, 1);
  size("connections", limits.connections, 1);
  size("unanswered_commands", limits.unanswered, 1);
  size("pending_bytes", limits.pending, 16'384);
  size("max_pending_bytes", limits.max_pending, 1'048'576);
  seconds("LIMITS", "handshake_timeout", limits.handshake_timeout, 1);
  seconds("LIMITS", "slow_reader_timeout", limits.slow_reader_timeout, 1);
  seconds("LIMITS", "expire_interval", limits.expiry_interval, 1);
  seconds("LIMITS", "stop_timeout", server.stop_limit, 0);
  auto& engine = server.node.engine;
  engine.queues = static_cast<std::uint64_t>(settings.number("LIMITS", "queues", 0, 0, any));
  size("queues_per_connection", engine.use.new_queues, 1);
  size("link_changes_per_connection", engine.use.link_changes, 1);
  size("refusals_per_connection", engine.use.refusals, 1);
  seconds("LIMITS", "connection_period", engine.use.period, 1);
  size("idle_queues_per_thread", engine.resident.idle_queues, 0);
  size("resident_bytes_per_thread", engine.resident.octets, 0);
  size("resident_bytes_per_queue", engine.resident.queue_octets, 0);
  size("remembered_ids_per_thread", engine.resident.remembered_ids, 0);
  size("waiting_bytes_per_thread", engine.resident.waiting_octets, 1'048'576);
  server.node.engine.queue_quota =
      static_cast<std::uint32_t>(settings.number("LIMITS", "queue_quota", 128, 1, 1'000'000));
  server.threads = static_cast<std::size_t>(settings.number("LIMITS", "threads", 0, 0, 64));
}

// What the reference has and this version does not act on yet.
constexpr std::initializer_list<std::string_view> unused_store = {
    "db_connection",  "db_schema",         "db_pool_size", "db_store_log",
    "db_deleted_ttl", "expire_ntfs_hours", "log_stats",    "prometheus_interval"};
constexpr std::initializer_list<std::string_view> unused_auth = {
    "control_port_admin_password", "control_port_user_password", "daily_block_queue_quota"};
constexpr std::initializer_list<std::string_view> unused_transport = {"websockets", "control_port", "log_tls_errors",
                                                                      "accept_service_credentials"};
}  // namespace

Result<ServerConfig> read_config(const server_kit::Ini& ini, const ServerFolders& folders) {
  ServerConfig made;
  IniSettings settings(ini);
  made.host = settings.text("TRANSPORT", "host", "<hostnames>");
  made.ports = read_ports(settings);
  const auto bind = settings.text("TRANSPORT", "bind", "");
  for (const auto port : made.ports) made.server.addresses.push_back({bind, port});
  read_stores(settings, folders, made.server);
  read_auth(settings, made.server.node.engine);
  made.password = made.server.node.engine.password;
  read_limits(settings, made.server);
  read_proxy(settings, made.server);
  read_web(settings, made.host, made.server.web);
  made.server.names = read_names(settings);
  auto& names = made.server.node.engine.names;
  names = static_cast<std::size_t>(
      settings.number("LIMITS", "names_per_connection", static_cast<std::int64_t>(names), 1, 1'000'000));

  for (const auto& [section, keys] :
       {std::pair<std::string_view, std::initializer_list<std::string_view>>("STORE_LOG", unused_store),
        {"AUTH", unused_auth},
        {"TRANSPORT", unused_transport}}) {
    settings.known(section, keys);
    for (const auto key : keys) {
      const auto* entry = ini.find(section, key);
      const bool usual = key == "expire_ntfs_hours";  // every configuration has it
      if (entry != nullptr && entry->value != "off" && !usual)
        made.unused.push_back(fmt::format("[{}] {}", section, key));
    }
  }
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
