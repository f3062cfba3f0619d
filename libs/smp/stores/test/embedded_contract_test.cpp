// The embedded store does what every store must do.
#include "embedded_place.hpp"

namespace simplex::smp::stores {

INSTANTIATE_TEST_SUITE_P(Embedded, StoreContract,
                         ::testing::Values(StoreKind{"embedded", [] { return std::make_unique<EmbeddedPlace>(); }}),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace simplex::smp::stores
