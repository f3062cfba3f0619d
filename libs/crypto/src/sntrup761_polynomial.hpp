// Arithmetic of Streamlined NTRU Prime 761: polynomials of degree below 761 modulo x^761 - x - 1, with coefficients
// modulo 4591 (in -2295..2295) or modulo 3 (in -1..1). Internal to the KEM.
//
// Everything here takes the same time and touches the same addresses for all values. To check a compiler: mark the
// octets that Random gives and the secret parts of a key as undefined for valgrind (client requests), generate,
// encapsulate and decapsulate; only the test whether g is invertible may be reported.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "simplex/base/bytes.hpp"

namespace simplex::crypto::sntrup761 {

inline constexpr int degree = 761;    // p
inline constexpr int modulus = 4591;  // q
inline constexpr int weight = 286;    // w: coefficients of a short polynomial that are not zero
inline constexpr int half_modulus = (modulus - 1) / 2;

// An array that is wiped when it goes.
template <class T, std::size_t N>
struct Wiped {
  std::array<T, N> values{};

  Wiped() = default;
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { wipe({reinterpret_cast<std::uint8_t*>(values.data()), sizeof(values)}); }

  [[nodiscard]] T& operator[](std::size_t i) noexcept { return values[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return values[i]; }
  [[nodiscard]] T* data() noexcept { return values.data(); }
  [[nodiscard]] const T* data() const noexcept { return values.data(); }
  [[nodiscard]] static constexpr std::size_t size() noexcept { return N; }
};

using Coefficients = Wiped<std::int16_t, degree>;  // of R/q or R/3

// To -2295..2295; for |x| up to 6,000,000.
[[nodiscard]] inline std::int16_t freeze_q(std::int32_t x) noexcept {
  x -= modulus * ((228 * x) >> 20);
  x -= modulus * ((58470 * x + 134217728) >> 28);
  return static_cast<std::int16_t>(x);
}

// To -1..1; for |x| up to 16,000.
[[nodiscard]] inline std::int16_t freeze_3(std::int32_t x) noexcept {
  return static_cast<std::int16_t>(x - 3 * ((10923 * x + 16384) >> 15));
}

// The same value, about which the compiler knows nothing: a mask stays a mask, where it would become a branch.
template <class Int>
[[nodiscard]] inline Int opaque(Int value) noexcept {
  asm("" : "+r"(value));  // NOLINT(hicpp-no-assembler)
  return value;
}

// 0xFFFFFFFF when x is not zero, else 0.
[[nodiscard]] inline std::uint32_t nonzero_mask(std::uint32_t x) noexcept {
  return opaque(0U - ((x | (0U - x)) >> 31));
}

// a * b in R/q, R/3; the coefficients of b are in -1..1.
void multiply_q(Coefficients& product, const Coefficients& a, const Coefficients& b);
void multiply_3(Coefficients& product, const Coefficients& a, const Coefficients& b);

// 1 / (3 a) in R/q; a is not zero, and small.
void reciprocal_of_3a_q(Coefficients& reciprocal, const Coefficients& a);
// 1 / a in R/3. False, and nothing useful in `reciprocal`, when there is none.
[[nodiscard]] bool reciprocal_3(Coefficients& reciprocal, const Coefficients& a);

}  // namespace simplex::crypto::sntrup761
