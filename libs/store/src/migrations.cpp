#include "simplex/store/migrations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace simplex::store {
namespace {

constexpr std::string_view table =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    " number INTEGER NOT NULL PRIMARY KEY,"
    " name TEXT NOT NULL,"
    " down TEXT NOT NULL,"
    " applied_at INTEGER NOT NULL"
    ") STRICT";

struct Applied {
  std::string name;
  std::string down;
};

Result<std::map<int, Applied>> read_applied(Database& database) {
  SIMPLEX_TRY(database.execute(table));
  SIMPLEX_ASSIGN(auto rows, database.prepare("SELECT number, name, down FROM schema_migrations"));
  std::map<int, Applied> applied;
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) return applied;
    applied.emplace(static_cast<int>(rows.integer(0)), Applied{rows.text(1), rows.text(2)});
  }
}

// All or nothing.
template <class Work>
Result<> in_transaction(Database& database, Work&& work) {
  SIMPLEX_TRY(database.begin());
  auto done = work();
  if (done) done = database.commit();
  if (!done) database.rollback();
  return done;
}

}  // namespace

Result<> migrate(Database& database, std::span<const Migration> migrations, const Clock& clock) {
  SIMPLEX_ASSIGN(const auto applied, read_applied(database));
  for (const auto& [number, known] : applied) {
    const auto same = std::find_if(migrations.begin(), migrations.end(),
                                   [at = number](const Migration& migration) { return migration.number == at; });
    if (same == migrations.end()) {
      return fail(
          ErrorKind::version,
          fmt::format("The database comes from a newer version of this program (its change {} \"{}\" is unknown "
                      "here). Update the program.",
                      number, known.name),
          Advice::ask_user);
    }
    if (same->name != known.name) {
      return fail(ErrorKind::conflict,
                  fmt::format("The database belongs to another program (its change {} is \"{}\", not "
                              "\"{}\").",
                              number, known.name, same->name),
                  Advice::ask_user);
    }
  }
  for (const auto& migration : migrations) {
    if (applied.contains(migration.number)) continue;
    SIMPLEX_TRY(in_transaction(database, [&]() -> Result<> {
      SIMPLEX_TRY(database.execute(migration.up));
      SIMPLEX_TRY(database.run("INSERT INTO schema_migrations (number, name, down, applied_at) VALUES (?, ?, ?, ?)",
                               migration.number, migration.name, migration.down, clock.wall()));
      return {};
    }));
  }
  return {};
}

Result<> migrate_down(Database& database, int to_number) {
  SIMPLEX_ASSIGN(const auto applied, read_applied(database));
  for (auto step = applied.rbegin(); step != applied.rend() && step->first > to_number; ++step) {
    SIMPLEX_TRY(in_transaction(database, [&]() -> Result<> {
      SIMPLEX_TRY(database.execute(step->second.down));
      SIMPLEX_TRY(database.run("DELETE FROM schema_migrations WHERE number = ?", step->first));
      return {};
    }));
  }
  return {};
}

Result<std::vector<std::string>> applied_migrations(Database& database) {
  SIMPLEX_ASSIGN(const auto applied, read_applied(database));
  std::vector<std::string> names;
  for (const auto& [number, known] : applied) names.push_back(fmt::format("{} {}", number, known.name));
  return names;
}

}  // namespace simplex::store
