// The stories of relays, told of the program with PostgreSQL, and killed where they restart it.
#include "relay_database.hpp"

namespace simplex::stories {
namespace {

const auto kinds = ::testing::Values(RelayKind{"database", [] { return end_to_end::relay_with_database(); }});
INSTANTIATE_TEST_SUITE_P(Program, RelayStories, kinds, name_of_kind);
INSTANTIATE_TEST_SUITE_P(Program, ServiceStories, kinds, name_of_kind);
INSTANTIATE_TEST_SUITE_P(Program, NotificationStories, kinds, name_of_kind);
INSTANTIATE_TEST_SUITE_P(Program, LinkStories, kinds, name_of_kind);

}  // namespace
}  // namespace simplex::stories
