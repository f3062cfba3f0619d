// smp-server with a PostgreSQL server of the test's own.
#pragma once

#include "simplex/smp/stores/postgres.hpp"
#include "cluster.hpp"
#include "relay_program.hpp"

namespace simplex::end_to_end {

// In a schema of its own. connection: the way to the server.
inline std::unique_ptr<RelayProgramPlace> relay_with_database(
    const std::string& connection = smp::stores::Cluster::instance().connection()) {
  auto& cluster = smp::stores::Cluster::instance();
  smp::stores::PostgresSettings made;  // as "smp-server database import" makes it
  made.connection = cluster.connection();
  made.schema = cluster.new_schema();
  made.create_schema = true;
  NullLogger logger;
  const auto opened = smp::stores::open_postgres(made, logger);
  if (!opened || !(*opened)->close()) smp::stores::Cluster::give_up("no schema for a relay");
  return std::make_unique<RelayProgramPlace>(
      std::vector<std::string>{"STORE_LOG.store_queues=database", "STORE_LOG.store_messages=database",
                               "STORE_LOG.db_connection=" + connection, "STORE_LOG.db_schema=" + made.schema});
}

}  // namespace simplex::end_to_end
