#include "sntrup761_sort.hpp"

#include <bit>

namespace simplex::crypto::sntrup761 {

namespace {

// Puts a and b in order. Bit arithmetic, of which no compiler makes a branch: the borrow of b - a says which is less.
inline void order(std::uint32_t& a, std::uint32_t& b) noexcept {
  const std::uint32_t borrow = (~b & a) | ((~b | a) & (b - a));
  const std::uint32_t difference = (a ^ b) & (0U - (borrow >> 31));
  a ^= difference;
  b ^= difference;
}

// Orders `count` values beginning at `low` with those `distance` after them; the two runs do not overlap.
inline void order_run(std::uint32_t* low, std::size_t distance, std::size_t count) noexcept {
  std::uint32_t* __restrict a = low;
  std::uint32_t* __restrict b = low + distance;
  for (std::size_t i = 0; i < count; ++i) order(a[i], b[i]);
}

}  // namespace

// Batcher's merge exchange (Knuth, "The Art of Computer Programming" 3, 5.2.2, algorithm M). For each distance the
// values with bit p of their index equal to r are ordered with their partners: runs of p values every 2p.
void sort(std::span<std::uint32_t> values) noexcept {
  const std::size_t size = values.size();
  if (size < 2) return;
  const std::size_t top = std::bit_ceil(size) / 2;
  for (std::size_t p = top; p > 0; p /= 2) {
    std::size_t r = 0;
    std::size_t distance = p;
    for (std::size_t q = top;; q /= 2) {
      for (std::size_t start = r; start + distance < size; start += 2 * p) {
        const std::size_t left = size - distance - start;
        order_run(values.data() + start, distance, left < p ? left : p);
      }
      if (q == p) break;
      distance = q - p;
      r = p;
    }
  }
}

}  // namespace simplex::crypto::sntrup761
