// The agent's database.
#pragma once

#include <span>

#include "simplex/store/migrations.hpp"

namespace simplex::agent {

[[nodiscard]] std::span<const store::Migration> agent_migrations() noexcept;

}  // namespace simplex::agent
