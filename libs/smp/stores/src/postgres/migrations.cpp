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

struct Applied {
  std::string name;
  std::optional<std::string> down;
};

Result<std::vector<Applied>> applied_migrations(Connection& connection) {
  SIMPLEX_ASSIGN(const auto has_table, exists(connection, "SELECT to_regclass('migrations') IS NOT NULL", Values()));
  std::vector<Applied> made;
  if (!has_table) {
    SIMPLEX_ASSIGN(const auto has_queues, exists(connection, "SELECT to_regclass('msg_queues') IS NOT NULL", Values()));
    if (has_queues) {
      return fail(ErrorKind::version, "the schema has queues but no list of migrations: it is not a relay's",
                  Advice::ask_user);
    }
    return made;
  }
  SIMPLEX_ASSIGN(const auto rows, connection.run("SELECT name, down FROM migrations ORDER BY name", Values(), quick));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    made.push_back({std::string(rows.text(i, 0)), std::nullopt});
    if (!rows.is_null(i, 1)) made.back().down = std::string(rows.text(i, 1));
  }
  return made;
}

std::unexpected<Error> fail_without_tables(const std::string& schema, bool there) {
  return fail(ErrorKind::not_found,
              fmt::format("{} of the database. Make it ready, with the queues in the relay's files if there are any: "
                          "smp-server database import",
                          there ? fmt::format("there are no tables in the schema \"{}\"", schema)
                                : fmt::format("there is no schema \"{}\"", schema)),
              Advice::ask_user);
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

// All of it, or nothing.
template <class Change>
Result<> in_transaction(Connection& connection, const std::string& name, Change&& change) {
  SIMPLEX_TRY(connection.script("BEGIN", quick));
  const auto changed = [&]() -> Result<> {
    SIMPLEX_TRY(change());
    return connection.script("COMMIT", long_time);
  }();
  if (changed) return {};
  // What failed is said; a rollback that fails, too, ends with the connection.
  static_cast<void>(connection.script("ROLLBACK", quick));
  return fail_in(fmt::format("the migration {} of the database", name), changed.error());
}

Result<> apply(Connection& connection, const Migration& migration) {
  if (std::string_view(migration.name) == "20250915_queue_ids_hash") SIMPLEX_TRY(need_digest(connection));
  return in_transaction(connection, migration.name, [&]() -> Result<> {
    Values row;
    row.text(migration.name);
    if (migration.down != nullptr) {
      row.text(migration.down);
    } else {
      row.null();
    }
    SIMPLEX_TRY(connection.run("INSERT INTO migrations (name, down, ts) VALUES ($1, $2, now() AT TIME ZONE 'UTC')", row,
                               quick));
    return connection.script(migration.up, long_time);
  });
}

// With what the relay that made it wrote down.
Result<> take_back(Connection& connection, const Applied& migration) {
  return in_transaction(connection, migration.name, [&]() -> Result<> {
    SIMPLEX_TRY(connection.script(*migration.down, long_time));
    SIMPLEX_TRY(connection.run("DELETE FROM migrations WHERE name = $1", Values().text(migration.name), quick));
    return {};
  });
}

std::string names_of(std::span<const Applied> migrations) {
  std::string made;
  for (const auto& each : migrations) made += (made.empty() ? "" : ", ") + each.name;
  return made;
}

Result<> migrate_down(Connection& connection, std::span<const Applied> newer, const PostgresSettings& settings,
                      Logger& logger) {
  for (const auto& each : newer) {
    if (each.down) continue;
    return fail(ErrorKind::version,
                fmt::format("the database has the migration \"{}\" of a newer relay, and no way back from it: use that "
                            "relay, or update this one",
                            each.name),
                Advice::ask_user);
  }
  const auto names = names_of(newer);
  const bool allowed =
      settings.migrations == MigrationConfirmation::up_down ||
      (settings.migrations == MigrationConfirmation::error && settings.confirm &&
       settings.confirm(fmt::format("The database is of a newer relay. Make a backup: these migrations will be taken "
                                    "back, with the data that only they have: {}",
                                    names)));
  if (!allowed) {
    return fail(
        ErrorKind::version,
        fmt::format("the database has migrations of a newer relay: {}. Use that relay, update this one, or make "
                    "a backup and go back: smp-server start --confirm-migrations down",
                    names),
        Advice::ask_user);
  }
  for (auto i = newer.size(); i > 0; --i) {
    SIMPLEX_TRY(take_back(connection, newer[i - 1]));
    logger.info(fmt::format("the migration {} of the database was taken back", newer[i - 1].name));
  }
  return {};
}

Result<> migrate_up(Connection& connection, std::span<const Migration> missing, bool anew,
                    const PostgresSettings& settings, Logger& logger) {
  const bool up = settings.migrations != MigrationConfirmation::error;
  if (anew && !settings.create_schema && !up) return fail_without_tables(settings.schema, true);
  if (!anew && !up) {
    std::string names;
    for (const auto& each : missing) names += (names.empty() ? "" : ", ") + std::string(each.name);
    const bool allowed =
        settings.confirm && settings.confirm(fmt::format("The database is of an older relay. Make a backup: it will be "
                                                         "brought up to date with these migrations: {}",
                                                         names));
    if (!allowed) {
      return fail(ErrorKind::version,
                  fmt::format("the database is of an older relay: {} migrations have to be applied, {}. Make a backup, "
                              "then: smp-server start --confirm-migrations up",
                              missing.size(), names),
                  Advice::ask_user);
    }
  }
  SIMPLEX_TRY(connection.script(
      "CREATE TABLE IF NOT EXISTS migrations (name TEXT NOT NULL PRIMARY KEY, ts TIMESTAMP NOT NULL, down TEXT)",
      quick));
  for (const auto& migration : missing) {
    SIMPLEX_TRY(apply(connection, migration));
    if (!anew) logger.info(fmt::format("the database has the migration {} now", migration.name));
  }
  return {};
}

}  // namespace

Result<> enter_schema(Connection& connection, const PostgresSettings& settings, Logger& logger) {
  const auto& schema = settings.schema;
  SIMPLEX_ASSIGN(const auto there,
                 exists(connection, "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)",
                        Values().text(schema)));
  if (!there) {
    if (!settings.create_schema) return fail_without_tables(schema, false);
    SIMPLEX_TRY(connection.script("CREATE SCHEMA " + connection.quoted_name(schema), quick));
    logger.info(fmt::format("made the schema \"{}\"", schema));
  }
  SIMPLEX_TRY(connection.run("SELECT set_config('search_path', quote_ident($1), FALSE)", Values().text(schema), quick));
  return {};
}

Result<> migrate(Connection& connection, const PostgresSettings& settings, Logger& logger) {
  SIMPLEX_ASSIGN(const auto applied, applied_migrations(connection));
  const auto known = migrations();
  const auto common = std::min(applied.size(), known.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (applied[i].name == known[i].name) continue;
    const bool of_list = std::ranges::any_of(known, [&](const Migration& one) { return applied[i].name == one.name; });
    return fail(ErrorKind::version,
                of_list ? fmt::format("the database misses the migration {}, though it has later ones: it was not "
                                      "left by a relay",
                                      known[i].name)
                        : fmt::format("the database has the migration \"{}\", which this relay does not know, before "
                                      "others that it does: it was not left by a relay",
                                      applied[i].name),
                Advice::ask_user);
  }
  const auto newer = std::span(applied).subspan(common);
  if (!newer.empty()) SIMPLEX_TRY(migrate_down(connection, newer, settings, logger));
  const auto missing = known.subspan(common);
  if (!missing.empty()) SIMPLEX_TRY(migrate_up(connection, missing, applied.empty(), settings, logger));
  SIMPLEX_TRY(need_digest(connection));
  return connection.script(own_schema, long_time);
}

}  // namespace simplex::smp::stores::postgres
