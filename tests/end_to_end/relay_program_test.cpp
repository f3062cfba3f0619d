// The stories of relays, told of the program over real TLS: with the memory store, which is stopped in good order, and with
// the embedded store, which is killed.
#include "relay_program.hpp"

namespace simplex::stories {
namespace {

const auto kinds = ::testing::Values(end_to_end::memory_relay(), end_to_end::embedded_relay());
INSTANTIATE_TEST_SUITE_P(Program, RelayStories, kinds, name_of_kind);
INSTANTIATE_TEST_SUITE_P(WebSockets, RelayStories, ::testing::Values(end_to_end::web_socket_relay()), name_of_kind);
INSTANTIATE_TEST_SUITE_P(Program, ServiceStories, kinds, name_of_kind);
INSTANTIATE_TEST_SUITE_P(Program, NotificationStories, kinds, name_of_kind);
INSTANTIATE_TEST_SUITE_P(Program, LinkStories, kinds, name_of_kind);

}  // namespace
}  // namespace simplex::stories
