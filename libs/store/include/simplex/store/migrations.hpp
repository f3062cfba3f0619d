// Numbered changes of a database's schema. What was applied stands in the table schema_migrations with the text that
// undoes it, so that an older program can say how to go back.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "simplex/base/clock.hpp"
#include "simplex/store/database.hpp"

namespace simplex::store {

// The table in which a database notes its migrations: OpenOptions::own_table of databases that have them.
inline constexpr std::string_view migrations_table = "schema_migrations";

struct Migration {
  int number = 0;         // 1, 2, 3...
  std::string_view name;  // "connections"
  std::string_view up;
  std::string_view down;
};

// Applies those that are missing, each in a transaction of its own. ErrorKind::version: the database has one that the
// program does not know (it comes from a newer program); conflict: one of the same number but another name.
[[nodiscard]] Result<> migrate(Database& database, std::span<const Migration> migrations, const Clock& clock);

// Undoes all migrations above the number, with the stored texts.
[[nodiscard]] Result<> migrate_down(Database& database, int to_number);

[[nodiscard]] Result<std::vector<std::string>> applied_migrations(Database& database);  // "1 connections"

}  // namespace simplex::store
