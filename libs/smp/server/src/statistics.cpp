#include "simplex/smp/server/statistics.hpp"

#include <bit>
#include <type_traits>

namespace simplex::smp::server {
namespace {

// Counters only, so that none is forgotten when one is added.
static_assert(std::is_trivially_copyable_v<Statistics>);
static_assert(sizeof(Statistics) % sizeof(std::uint64_t) == 0);
using Counters = std::array<std::uint64_t, sizeof(Statistics) / sizeof(std::uint64_t)>;

template <class F>
Statistics combine(const Statistics& a, const Statistics& b, F&& each) {
  auto made = std::bit_cast<Counters>(a);
  const auto other = std::bit_cast<Counters>(b);
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = each(made[i], other[i]);
  auto combined = std::bit_cast<Statistics>(made);
  combined.ack_times.max = std::max(a.ack_times.max, b.ack_times.max);
  return combined;
}

}  // namespace

Statistics add(const Statistics& a, const Statistics& b) {
  return combine(a, b, [](std::uint64_t x, std::uint64_t y) { return x + y; });
}

Statistics subtract(const Statistics& now, const Statistics& before) {
  return combine(now, before, [](std::uint64_t x, std::uint64_t y) { return x - std::min(x, y); });
}

}  // namespace simplex::smp::server
