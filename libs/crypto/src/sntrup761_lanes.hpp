// Sixteen octets of numbers worked on at once: what every x86-64 and arm64 processor can do. Spelled out where the
// compiler left alone chooses slow instructions, or makes a branch of a mask. Internal to the KEM.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace simplex::crypto::sntrup761 {

using Lanes16 = std::int16_t __attribute__((vector_size(16)));  // 8 numbers
using Lanes8 = std::int8_t __attribute__((vector_size(16)));    // 16 numbers
using Lanes32 = std::int32_t __attribute__((vector_size(16)));  // 4 numbers

template <class Lanes, class Number>
[[nodiscard]] inline Lanes load(const Number* from) noexcept {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}
template <class Lanes, class Number>
inline void store(Number* to, Lanes lanes) noexcept {
  std::memcpy(to, &lanes, sizeof lanes);
}

// The upper halves of the products.
[[nodiscard]] inline Lanes16 high_product(Lanes16 a, Lanes16 b) noexcept {
#if defined(__SSE2__)
  return __builtin_bit_cast(Lanes16, _mm_mulhi_epi16(__builtin_bit_cast(__m128i, a), __builtin_bit_cast(__m128i, b)));
#elif defined(__ARM_NEON)
  return __builtin_bit_cast(
      Lanes16, vshrq_n_s16(vqdmulhq_s16(__builtin_bit_cast(int16x8_t, a), __builtin_bit_cast(int16x8_t, b)), 1));
#else
  Lanes16 product;
  for (int i = 0; i < 8; ++i) product[i] = static_cast<std::int16_t>((std::int32_t{a[i]} * b[i]) >> 16);
  return product;
#endif
}

// Adds the products of neighbours: sums[i] + a[2i] b[2i] + a[2i + 1] b[2i + 1], lanes in some order.
[[nodiscard]] inline Lanes32 add_products(Lanes32 sums, Lanes16 a, Lanes16 b) noexcept {
#if defined(__SSE2__)
  const __m128i products = _mm_madd_epi16(__builtin_bit_cast(__m128i, a), __builtin_bit_cast(__m128i, b));
  return sums + __builtin_bit_cast(Lanes32, products);
#elif defined(__ARM_NEON)
  const auto x = __builtin_bit_cast(int16x8_t, a);
  const auto y = __builtin_bit_cast(int16x8_t, b);
  const auto low = vmlal_s16(__builtin_bit_cast(int32x4_t, sums), vget_low_s16(x), vget_low_s16(y));
  return __builtin_bit_cast(Lanes32, vmlal_high_s16(low, x, y));
#else
  for (int i = 0; i < 4; ++i) sums[i] += std::int32_t{a[2 * i]} * b[2 * i] + std::int32_t{a[2 * i + 1]} * b[2 * i + 1];
  return sums;
#endif
}

[[nodiscard]] inline std::int32_t total(Lanes32 sums) noexcept { return sums[0] + sums[1] + sums[2] + sums[3]; }

}  // namespace simplex::crypto::sntrup761
