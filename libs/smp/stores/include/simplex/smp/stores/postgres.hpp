// The store in a PostgreSQL database (15 or newer), in the tables of the reference relay.
#pragma once

#include <chrono>
#include <string>

#include "simplex/base/log.hpp"
#include "simplex/smp/server/store.hpp"

namespace simplex::smp::stores {

struct PostgresSettings {
  std::string connection;  // libpq: "postgresql://..." or "host=... dbname=..."
  std::string schema = "smp_server";
  std::size_t pool_size = 10;         // connections, at most
  bool create_schema = false;         // else a schema that does not exist is an error that says what to do
  bool migrate = true;                // apply migrations up without asking
  std::chrono::seconds deleted_ttl = std::chrono::days(21);  // deleted queues stay in their table for so long
};

[[nodiscard]] Result<std::unique_ptr<server::StoreBackend>> open_postgres(PostgresSettings settings, Logger& logger);

}  // namespace simplex::smp::stores
