#include "postgres/migrations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace simplex::smp::stores::postgres {
namespace {

constexpr auto quick = std::chrono::seconds(30);
constexpr auto long_time = std::chrono::hours(6);  // a migration rewrites tables

// Ours. The reference neither knows nor minds them.
//   simplex_cpp_lanes   who may write: a row for each connection that does. holder is the relay process, epoch grows
//                       whenever the lane is taken, batch is the last that was committed.
//   the indexes         queues of a service in the order of their ids
constexpr const char* own_schema = R"(
CREATE TABLE IF NOT EXISTS simplex_cpp_lanes (
  lane INTEGER NOT NULL PRIMARY KEY,
  holder TEXT NOT NULL,
  epoch BIGINT NOT NULL,
  batch BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS simplex_cpp_rcv_service ON msg_queues (rcv_service_id, recipient_id)
  WHERE rcv_service_id IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS simplex_cpp_ntf_service ON msg_queues (ntf_service_id, recipient_id)
  WHERE ntf_service_id IS NOT NULL AND deleted_at IS NULL;
)";

Result<bool> exists(Connection& connection, const char* sql, const Values& values) {
  SIMPLEX_ASSIGN(const auto rows, connection.run(sql, values, quick));
  return rows.size() == 1 && rows.boolean(0, 0);
}

Result<std::vector<std::string>> applied_migrations(Connection& connection) {
  SIMPLEX_ASSIGN(const auto has_table, exists(connection, "SELECT to_regclass('migrations') IS NOT NULL", Values()));
  std::vector<std::string> made;
  if (!has_table) {
    SIMPLEX_ASSIGN(const auto has_queues, exists(connection, "SELECT to_regclass('msg_queues') IS NOT NULL", Values()));
    if (has_queues) {
      return fail(ErrorKind::version, "the schema has queues but no list of migrations: it is not a relay's",
                  Advice::ask_user);
    }
    return made;
  }
  SIMPLEX_ASSIGN(const auto rows, connection.run("SELECT name FROM migrations ORDER BY name", Values(), quick));
  for (std::size_t i = 0; i < rows.size(); ++i) made.emplace_back(rows.text(i, 0));
  return made;
}

// digest() of pgcrypto, which the triggers call in the schema public.
Result<> need_digest(Connection& connection) {
  const auto has_digest = [&] {
    return exists(connection, "SELECT to_regprocedure('public.digest(bytea,text)') IS NOT NULL", Values());
  };
  SIMPLEX_ASSIGN(auto there, has_digest());
  if (there) return {};
  const auto made = connection.script("CREATE EXTENSION IF NOT EXISTS pgcrypto SCHEMA public", quick);
  SIMPLEX_ASSIGN(there, has_digest());
  if (there) return {};
  return fail(ErrorKind::unsupported,
              "the database needs the extension pgcrypto in its schema public: as its owner or as a superuser run "
              "CREATE EXTENSION pgcrypto SCHEMA public" +
                  (made ? std::string() : " (" + made.error().message + ")"),
              Advice::ask_user);
}

Result<> apply(Connection& connection, const Migration& migration) {
  if (std::string_view(migration.name) == "20250915_queue_ids_hash") SIMPLEX_TRY(need_digest(connection));
  SIMPLEX_TRY(connection.script("BEGIN", quick));
  const auto applied = [&]() -> Result<> {
    Values row;
    row.text(migration.name);
    if (migration.down != nullptr) {
      row.text(migration.down);
    } else {
      row.null();
    }
    SIMPLEX_TRY(connection.run("INSERT INTO migrations (name, down, ts) VALUES ($1, $2, now() AT TIME ZONE 'UTC')", row,
                               quick));
    SIMPLEX_TRY(connection.script(migration.up, long_time));
    return connection.script("COMMIT", long_time);
  }();
  if (applied) return {};
  // What failed is said; a rollback that fails, too, ends with the connection.
  static_cast<void>(connection.script("ROLLBACK", quick));
  return fail_in(fmt::format("the migration {} of the database", migration.name), applied.error());
}

}  // namespace

Result<> enter_schema(Connection& connection, const std::string& schema, bool create, Logger& logger) {
  SIMPLEX_ASSIGN(const auto there,
                 exists(connection, "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)",
                        Values().text(schema)));
  if (!there) {
    if (!create) {
      return fail(ErrorKind::not_found,
                  fmt::format("the database has no schema \"{}\": \"smp-server database import\" makes it, or CREATE "
                              "SCHEMA does; else correct db_schema in smp-server.ini",
                              schema),
                  Advice::ask_user);
    }
    SIMPLEX_TRY(connection.script("CREATE SCHEMA " + connection.quoted_name(schema), quick));
    logger.info(fmt::format("made the schema \"{}\"", schema));
  }
  SIMPLEX_TRY(connection.run("SELECT set_config('search_path', quote_ident($1), FALSE)", Values().text(schema), quick));
  return {};
}

Result<> migrate(Connection& connection, bool may_migrate, Logger& logger) {
  SIMPLEX_ASSIGN(const auto applied, applied_migrations(connection));
  const auto known = migrations();
  for (std::size_t i = 0; i < applied.size(); ++i) {
    if (i >= known.size() || applied[i] != known[i].name) {
      const bool of_list = std::ranges::any_of(known, [&](const Migration& one) { return applied[i] == one.name; });
      return fail(ErrorKind::version,
                  of_list ? fmt::format("the database misses the migration {}, though it has later ones: it was not "
                                        "left by a relay",
                                        known[i].name)
                          : fmt::format("the database has the migration \"{}\", which this relay does not know: it is "
                                        "from a newer relay; use that one, or update this one",
                                        applied[i]),
                  Advice::ask_user);
    }
  }
  const auto missing = known.subspan(applied.size());
  if (!missing.empty()) {
    if (!applied.empty() && !may_migrate) {
      return fail(ErrorKind::version,
                  fmt::format("the database is of an older relay: {} migrations have to be applied, from {} on. Make a "
                              "backup, then start with --confirm-migrations up",
                              missing.size(), missing.front().name),
                  Advice::ask_user);
    }
    SIMPLEX_TRY(connection.script(
        "CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL PRIMARY KEY, ts TIMESTAMP NOT NULL, down TEXT)",
        quick));
    for (const auto& migration : missing) {
      SIMPLEX_TRY(apply(connection, migration));
      if (!applied.empty()) logger.info(fmt::format("the database has the migration {} now", migration.name));
    }
  }
  SIMPLEX_TRY(need_digest(connection));
  return connection.script(own_schema, long_time);
}

}  // namespace simplex::smp::stores::postgres
