// The PostgreSQL store does what every store must do.
#include "postgres_place.hpp"

namespace simplex::smp::stores {

INSTANTIATE_TEST_SUITE_P(Postgres, StoreContract,
                         ::testing::Values(StoreKind{"postgres", [] { return std::make_unique<PostgresPlace>(); }}),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace simplex::smp::stores
