#include "config_sections.hpp"

namespace simplex::smp::server {
namespace {

using server_kit::IniSettings;

void choose(IniSettings& settings, StoreChoice& choice) {
  constexpr std::string_view section = "STORE_LOG";
  const auto wrong = settings.problems().size();
  const auto queues = settings.one_of(section, "store_queues", "memory", {"memory", "embedded", "database"});
  if (settings.problems().size() > wrong) {  // what store_messages must be then, nobody knows
    settings.known(section, {"store_messages"});
    return;
  }
  const auto usual = queues == "memory" ? "memory" : std::string_view(queues);
  const auto messages =
      settings.one_of(section, "store_messages", usual, {"memory", "journal", "embedded", "database"});
  choice.journal = messages == "journal";
  if (queues == "embedded" || (queues == "memory" && choice.journal)) choice.kind = StoreKind::embedded;
  if (queues == "database") choice.kind = StoreKind::database;
  if (messages == queues || choice.journal) return;
  settings.problem(section, "store_messages",
                   queues == "memory"     ? "with store_queues = memory it must be memory or journal"
                   : queues == "embedded" ? "with store_queues = embedded it must be embedded or journal"
                                          : "with store_queues = database it must be database or journal");
}

}  // namespace

void SectionReader::period(std::string_view key, std::chrono::seconds unit, std::string_view key_in_seconds,
                           std::chrono::seconds& value) {
  auto units = value.count() / unit.count();
  number(key, units, 1, 36'500);
  value = units * unit;
  time(key_in_seconds, value, 1);
}

void read_stores(server_kit::IniSettings& settings, const ServerFolders& folders, ServerConfig& config) {
  auto& server = config.server;
  auto& choice = config.store;
  SectionReader section(settings, "STORE_LOG");
  choice.enabled = false;  // as the reference has it when nothing is said
  section.on_off("enable", choice.enabled);
  choose(settings, choice);
  const bool log = choice.enabled && choice.kind == StoreKind::memory;
  if (log) server.store_log = folders.log / "smp-server-store.log";
  // Without their queues messages are of no use.
  bool restore = choice.enabled || choice.kind != StoreKind::memory;
  section.on_off("restore_messages", restore);
  if (log && restore) server.messages = folders.log / "smp-server-messages.log";
  if (restore && (log || choice.kind != StoreKind::memory)) {
    server.notifications = folders.log / "smp-server-ntfs.log";
  }

  auto& embedded = choice.embedded;
  embedded.folder = folders.log / "store";
  section.path("embedded_path", embedded.folder);
  section.time<std::chrono::microseconds>("embedded_commit_delay", embedded.commit_delay, 0, 1'000'000);
  section.number("embedded_commit_bytes", embedded.commit_octets, 65'536);
  section.number("embedded_cache_bytes", embedded.cache_octets, 65'536);
  section.number("embedded_unwritten_bytes", embedded.unwritten_octets, 1'048'576);
  section.number("embedded_pending_bytes", embedded.pending_octets, 1'048'576);
  section.number("embedded_reader_threads", embedded.reader_threads, 1, 64);

  auto& database = choice.database;
  section.text("db_connection", database.connection);
  section.text("db_schema", database.schema);
  section.number("db_pool_size", database.pool_size, 1, 1'000);
  section.time("db_timeout", database.timeout, 1, 3'600);
  section.number("db_waiting_bytes", database.waiting_octets, 1'048'576);
  section.time("db_lease_wait", database.lease_wait, 0, 3'600);
  section.period("db_deleted_ttl", std::chrono::days(1), "db_deleted_seconds", database.deleted_ttl);

  std::chrono::seconds ttl = std::chrono::days(21);
  section.period("expire_messages_days", std::chrono::days(1), "expire_messages_seconds", ttl);
  server.node.engine.message_ttl = ttl;
  section.on_off("expire_messages_on_start", server.expire_messages_on_start);
  bool on_send = true;
  section.on_off("expire_messages_on_send", on_send);  // expired messages never stay in the way
  section.period("expire_ntfs_hours", std::chrono::hours(1), "expire_ntfs_seconds",
                 server.node.engine.notifications.ttl);
}

std::string_view name_of(StoreKind kind) noexcept {
  switch (kind) {
    case StoreKind::memory: return "memory";
    case StoreKind::embedded: return "embedded";
    case StoreKind::database: break;
  }
  return "database";
}

}  // namespace simplex::smp::server
