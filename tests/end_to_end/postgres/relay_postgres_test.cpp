// The stories of relays, told of the program with a PostgreSQL server of the test's own, and killed where they restart it.
#include "relay_program.hpp"

#include "cluster.hpp"

namespace simplex::stories {
namespace {

using smp::stores::Cluster;

std::unique_ptr<RelayPlace> with_database() {
  auto& cluster = Cluster::instance();
  const auto schema = cluster.new_schema();
  cluster.run("public", "CREATE SCHEMA " + schema);
  return std::make_unique<end_to_end::RelayProgramPlace>(
      std::vector<std::string>{"STORE_LOG.store_queues=database", "STORE_LOG.store_messages=database",
                               "STORE_LOG.db_connection=" + cluster.connection(), "STORE_LOG.db_schema=" + schema});
}

const auto kinds = ::testing::Values(RelayKind{"database", with_database});
INSTANTIATE_TEST_SUITE_P(Program, RelayStories, kinds, name_of_kind);
INSTANTIATE_TEST_SUITE_P(Program, ServiceStories, kinds, name_of_kind);
INSTANTIATE_TEST_SUITE_P(Program, NotificationStories, kinds, name_of_kind);
INSTANTIATE_TEST_SUITE_P(Program, LinkStories, kinds, name_of_kind);

}  // namespace
}  // namespace simplex::stories
