// Sorting in constant time: a network, whose comparisons depend on the number of values only.
#pragma once

#include <cstdint>
#include <span>

namespace simplex::crypto::sntrup761 {

// Ascending.
void sort(std::span<std::uint32_t> values) noexcept;

}  // namespace simplex::crypto::sntrup761
