// smp-server with a PostgreSQL server of the test's own.
#pragma once

#include "cluster.hpp"
#include "relay_program.hpp"

namespace simplex::end_to_end {

// In a schema of its own. connection: the way to the server.
inline std::unique_ptr<RelayProgramPlace> relay_with_database(
    const std::string& connection = smp::stores::Cluster::instance().connection()) {
  auto& cluster = smp::stores::Cluster::instance();
  const auto schema = cluster.new_schema();
  cluster.run("public", "CREATE SCHEMA " + schema);
  return std::make_unique<RelayProgramPlace>(
      std::vector<std::string>{"STORE_LOG.store_queues=database", "STORE_LOG.store_messages=database",
                               "STORE_LOG.db_connection=" + connection, "STORE_LOG.db_schema=" + schema});
}

}  // namespace simplex::end_to_end
