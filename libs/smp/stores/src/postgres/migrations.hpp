// The schema of the reference relay's database: its migrations, under its names, and the tables of our own beside them.
#pragma once

#include <span>

#include "simplex/smp/stores/postgres.hpp"
#include "postgres/connection.hpp"

namespace simplex::smp::stores::postgres {

struct Migration {
  const char* name;  // as the reference's table "migrations" has it
  const char* up;
  const char* down;  // null: there is no way back
};
// Oldest first. A schema at any of them is brought to the last.
[[nodiscard]] std::span<const Migration> migrations();

// Makes the connection use the schema; creates it when it may.
[[nodiscard]] Result<> enter_schema(Connection& connection, const PostgresSettings& settings, Logger& logger);
// Brings it to the last migration when it may, with the tables of our own; refuses what it does not know, untouched.
[[nodiscard]] Result<> migrate(Connection& connection, const PostgresSettings& settings, Logger& logger);

}  // namespace simplex::smp::stores::postgres
