#include "stores.hpp"

#include <fmt/core.h>

#include <chrono>

namespace simplex::smp_server {

using namespace smp::stores;

const StoreOpeners& openers() {
  static const StoreOpeners made{.embedded = open_embedded, .postgres = open_postgres};
  return made;
}

smp::server::StoreBackend::Progress progress_on_terminal() {
  if (!is_terminal()) return [](const smp::server::StoreTotals&) {};
  return [last = std::chrono::steady_clock::time_point()](const smp::server::StoreTotals& done) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (now - last < std::chrono::seconds(1)) return;
    last = now;
    fmt::print("\r{} queues, {} messages", done.queues, done.messages);
    std::fflush(stdout);
  };
}

RelayStores stores_of(const smp::server::StoreChoice& choice, const smp::server::ServerFolders& folders,
                      Logger& logger) {
  static const SystemClock clock;
  RelayStores made{folders.log, choice, openers(), clock, logger, progress_on_terminal()};
  if (is_terminal()) made.confirm = confirmed;
  return made;
}

void say_copied(const ReadReport& report, std::string_view what) {
  say(fmt::format("{}{}: {} queues, {} messages", is_terminal() ? "\r" : "", what, report.read.queues,
                  report.read.messages));
  constexpr std::size_t shown = 20;
  for (std::size_t i = 0; i < std::min(report.problems.size(), shown); ++i) {
    say("  not used: " + format(report.problems[i]));
  }
  if (report.problems.size() > shown) say(fmt::format("  and {} more", report.problems.size() - shown));
  if (report.orphans > 0) say(fmt::format("  {} messages belong to queues that do not exist", report.orphans));
}

void say_set_aside(const std::vector<std::string>& names) {
  for (const auto& name : names) say("  kept, and not used any more: " + name);
}

void DatabaseOptions::declare(CLI::App& app) {
  app.add_option("-d,--database", connection, "Connection to PostgreSQL (postgresql://smp@/smp_server_store)")
      ->type_name("DB_CONN");
  app.add_option("--schema", schema, "Schema in the database (smp_server)")->type_name("DB_SCHEMA");
  app.add_option("--pool-size", pool_size, "Connections to the database (10)")
      ->type_name("POOL_SIZE")
      ->check(CLI::Range(1, 1'000));
}

void DatabaseOptions::apply(smp::server::StoreChoice::Database& database) const {
  if (connection) database.connection = *connection;
  if (schema) database.schema = *schema;
  if (pool_size) database.pool_size = *pool_size;
}

}  // namespace simplex::smp_server
