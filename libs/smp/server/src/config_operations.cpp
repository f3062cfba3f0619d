#include "config_sections.hpp"

namespace simplex::smp::server {
namespace {

// "off", or a number.
std::optional<std::uint16_t> read_port(SectionReader& section, std::string_view key) {
  const auto text = section.optional(key);
  if (!text || *text == "off") return std::nullopt;
  std::uint16_t port = 0;
  section.number(key, port, 0, 65'535);
  return port;
}

std::optional<BasicAuth> read_password(SectionReader& section, std::string_view key) {
  const auto text = section.optional(key);
  if (!text) return std::nullopt;
  auto made = BasicAuth::from(as_bytes(*text));
  if (made) return std::move(*made);
  section.problem(key, "must be printable ASCII without '@', ':' and '/'");
  return std::nullopt;
}

}  // namespace

void read_operations(server_kit::IniSettings& settings, const ServerFolders& folders, ServerConfig& config) {
  auto& made = config.operations;
  SectionReader store(settings, "STORE_LOG");
  bool statistics = false;
  store.on_off("log_stats", statistics);
  if (statistics) {
    made.statistics = folders.log / "smp-server-stats.log";
    made.daily = folders.log / "smp-server-stats.daily.log";
  }
  if (store.optional("prometheus_interval").value_or("off") != "off") {
    made.metrics = folders.log / "smp-server-metrics.txt";
    store.time("prometheus_interval", made.metrics_interval, 1);
  }

  SectionReader transport(settings, "TRANSPORT");
  made.control_port = read_port(transport, "control_port");
  SectionReader auth(settings, "AUTH");
  made.passwords.admin = read_password(auth, "control_port_admin_password");
  made.passwords.user = read_password(auth, "control_port_user_password");
  auth.number("daily_block_queue_quota", made.daily_block_quota, -1, 1'000'000'000);

  const auto level =
      settings.one_of("LOG", "level", "info", {"trace", "debug", "info", "note", "warn", "error", "off"});
  config.log_level = log_level_from(level).value_or(LogLevel::info);

  SectionReader limits(settings, "LIMITS");
  made.prometheus_port = read_port(limits, "prometheus_port");
  limits.time("statistics_interval", made.statistics_interval, 1);
  limits.number("control_connections", made.control_connections, 1, 1'000);
  limits.time("control_idle_timeout", made.control_idle_timeout, 1, 86'400);
}

}  // namespace simplex::smp::server
