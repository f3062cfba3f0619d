// The store in a PostgreSQL database (15 or newer), in the tables of the reference relay: either program goes on where the
// other stopped. A schema at any of the reference's migrations, 20250207 to 20250915, is brought to the last one when that
// is confirmed; later ones, of a newer relay, are taken back when that is confirmed, with what that relay wrote down for
// it. Else it is refused, untouched. Tables and indexes of our own are named simplex_cpp_*.
//
// One relay process at a time uses a schema. It is connected to the server itself, not to a pooler that hands out
// connections for each transaction. While the database is down, changes wait, then fail with a storage error.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "simplex/base/log.hpp"
#include "simplex/smp/server/store.hpp"

namespace simplex::smp::stores {

// What may be done to the tables that another version of a relay left. error: nothing, but see confirm.
enum class MigrationConfirmation : std::uint8_t { error, up, up_down };

struct PostgresSettings {
  std::string connection;  // libpq: "postgresql://..." or "host=... dbname=..."
  std::string schema = "smp_server";
  std::size_t pool_size = 10;  // connections, at most; at least 2 are used
  bool create_schema = false;  // and its tables; else a schema without them is an error that says what to do
  MigrationConfirmation migrations = MigrationConfirmation::error;
  std::function<bool(const std::string&)> confirm;           // asked when `migrations` does not allow it; empty: no
  std::chrono::seconds deleted_ttl = std::chrono::days(21);  // deleted queues stay in their table for so long
  std::chrono::milliseconds operation_timeout{10'000};  // how long a command waits for the database to come back, and
                                                        // then for its answer
  std::size_t waiting_octets = 64 * 1'024 * 1'024;      // that wait on each connection; past it, commands fail
  std::chrono::milliseconds lease_wait{3'000};          // for another process to let go of the schema
};

[[nodiscard]] Result<std::unique_ptr<server::StoreBackend>> open_postgres(PostgresSettings settings, Logger& logger);

}  // namespace simplex::smp::stores
