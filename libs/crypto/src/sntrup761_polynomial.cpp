#include "sntrup761_polynomial.hpp"

#include <algorithm>

#include "sntrup761_lanes.hpp"

namespace simplex::crypto::sntrup761 {

namespace {

constexpr std::size_t p = degree;

// Rows of the multiplication are this long: a multiple of the widest vector, filled up with zeros.
constexpr std::size_t row = 768;

// Sums of at most 2 * 761 products of a coefficient and -1..1.
using Sums = Wiped<std::int32_t, p>;

// `Rows` sums at once: of b with a, with a from its second number on, and so on.
template <std::size_t Rows>
void dot(std::int32_t* sums, const std::int16_t* a, const std::int16_t* b) noexcept {
  std::array<Lanes32, Rows> partial{};
  for (std::size_t i = 0; i < row; i += 8) {
    const auto right = load<Lanes16>(b + i);
    for (std::size_t k = 0; k < Rows; ++k) partial[k] = add_products(partial[k], load<Lanes16>(a + i + k), right);
  }
  for (std::size_t k = 0; k < Rows; ++k) sums[k] = total(partial[k]);
}

// The product as a Toeplitz matrix times a vector. x^761 = x + 1, so what passes the degree comes back in two places:
// product[k] = sum over j of b[j] * extended(k - j), where extended(n) is a[n] for n > 0, and for n <= 0
// a[n + p] + a[n + p - 1] and, for n = 0, a[0]. Product 0 is different: nothing comes back to it twice.
void multiply(Sums& product, const Coefficients& a, const Coefficients& b) {
  Wiped<std::int16_t, 2 * row + 8> extended;  // extended(n) at n + p - 1
  Wiped<std::int16_t, row> reversed;          // b[p - 1 - t] at t
  for (std::size_t n = 0; n < p; ++n) extended[p - 1 + n] = a[n];
  for (std::size_t m = 1; m < p; ++m) extended[p - 1 - m] = static_cast<std::int16_t>(a[p - m] + a[p - m - 1]);
  extended[p - 1] = static_cast<std::int16_t>(a[0] + a[p - 1]);
  for (std::size_t t = 0; t < p; ++t) reversed[t] = b[p - 1 - t];

  std::int32_t first = std::int32_t{a[0]} * b[0];
  for (std::size_t j = 1; j < p; ++j) first += std::int32_t{a[p - j]} * b[j];
  product[0] = first;
  constexpr std::size_t together = 8;
  static_assert((p - 1) % together == 0);
  for (std::size_t k = 1; k < p; k += together) {
    dot<together>(product.data() + k, extended.data() + k, reversed.data());
  }
}

// Reciprocals: division steps (Bernstein and Yang, "Fast constant-time gcd computation and modular inversion").
// f and g start as x^p - x - 1 and a, with the coefficients in reverse order, v and r as 0 and 1; a step divides
// g by x after taking its constant term away with f, and changes f and g (v and r) when a counter says so. After 2p - 1
// steps v / f(0) is the reciprocal, in reverse order.
//
// Instead of shifting, g is read one place further and v one place earlier after each step. What a step can no longer
// bring into f(0) or v is left out, which halves the work; how much that is depends on the number of the step only.
constexpr std::size_t steps = 2 * p - 1;

template <class Coefficient>
struct DivisionState {
  Wiped<Coefficient, row> f;
  Wiped<Coefficient, row + steps> g_space;
  Wiped<Coefficient, row + steps> v_space;
  Wiped<Coefficient, row> r;
  std::int32_t delta = 1;

  explicit DivisionState(const Coefficients& a) {
    f[0] = 1;
    f[p - 1] = -1;
    f[p] = -1;
    for (std::size_t i = 0; i < p; ++i) g_space[p - 1 - i] = static_cast<Coefficient>(a[i]);
  }

  [[nodiscard]] Coefficient* g(std::size_t step) noexcept { return g_space.data() + step; }
  [[nodiscard]] Coefficient* v(std::size_t step) noexcept { return v_space.data() + (steps - 1 - step); }
  // Rounded up to whole lanes: what is beyond does no harm, as nothing moves towards index 0 in v and r, and what moves
  // there in g comes too late.
  [[nodiscard]] static std::size_t live_fg(std::size_t step) noexcept { return std::min(p + 1, steps - step); }
  [[nodiscard]] static std::size_t live_vr(std::size_t step) noexcept { return std::min(p + 1, step + 1); }

  // All ones when f and g are to be exchanged; counts the step.
  [[nodiscard]] std::uint32_t count(std::uint32_t g0) noexcept {
    const std::uint32_t positive = 0U - (static_cast<std::uint32_t>(-delta) >> 31);
    const std::uint32_t exchange = opaque(positive & nonzero_mask(g0));
    const auto counter = static_cast<std::uint32_t>(delta);
    delta = static_cast<std::int32_t>((counter ^ (exchange & (counter ^ (0U - counter)))) + 1U);
    return exchange;
  }
};

// Modulo q: with Montgomery multiplication in 16 bits, a * b / 2^16. The factors 2^-16 come into g and r alike and fall
// out in the end. Inputs within 1.4 q give a difference of two products within 1.3 q: nothing is reduced on the way.

constexpr std::int16_t inverse_of_q = [] {
  std::uint32_t inverse = 1;
  for (int i = 0; i < 5; ++i) inverse *= 2U - static_cast<std::uint32_t>(modulus) * inverse;
  return static_cast<std::int16_t>(inverse & 0xFFFFU);
}();

struct Factor {
  Lanes16 value;
  Lanes16 by_inverse;  // value / q modulo 2^16

  explicit Factor(std::int16_t factor) noexcept
      : value(Lanes16{} + factor),
        by_inverse(Lanes16{} + static_cast<std::int16_t>(std::int32_t{factor} * inverse_of_q)) {}
};

inline Lanes16 montgomery(Lanes16 a, const Factor& b) noexcept {
  constexpr auto q = static_cast<std::int16_t>(modulus);
  return high_product(a, b.value) - high_product(a * b.by_inverse, Lanes16{} + q);
}

// Exchanges a and b where the mask says so, then b = (b * of_b - a * of_a) / 2^16.
void eliminate_q(std::int16_t* a, std::int16_t* b, std::size_t count, std::int16_t exchange, const Factor& of_a,
                 const Factor& of_b) noexcept {
  const Lanes16 mask = Lanes16{} + exchange;
  for (std::size_t i = 0; i < count; i += 8) {
    const auto old_a = load<Lanes16>(a + i);
    const auto old_b = load<Lanes16>(b + i);
    const Lanes16 difference = (old_a ^ old_b) & mask;
    store(a + i, old_a ^ difference);
    store(b + i, montgomery(old_b ^ difference, of_b) - montgomery(old_a ^ difference, of_a));
  }
}

// By Fermat: a^(q - 2).
std::int16_t reciprocal_of_number(std::int16_t a) noexcept {
  std::int16_t power = 1;
  for (int bit = 12; bit >= 0; --bit) {
    power = freeze_q(std::int32_t{power} * power);
    if (((modulus - 2) >> bit & 1) != 0) power = freeze_q(std::int32_t{power} * a);
  }
  return power;
}

// Exchanges a and b where the mask says so, then b = b + a * sign; of the sign: whether it is not zero, whether it is
// minus, as masks.
void eliminate_3(std::int8_t* a, std::int8_t* b, std::size_t count, std::int8_t exchange, std::int8_t nonzero,
                 std::int8_t minus) noexcept {
  const Lanes8 mask = Lanes8{} + exchange;
  const Lanes8 keep = Lanes8{} + nonzero;
  const Lanes8 negate = Lanes8{} + minus;
  for (std::size_t i = 0; i < count; i += 16) {
    const auto old_a = load<Lanes8>(a + i);
    const auto old_b = load<Lanes8>(b + i);
    const Lanes8 difference = (old_a ^ old_b) & mask;
    const Lanes8 new_a = old_a ^ difference;
    const Lanes8 sum = (old_b ^ difference) + (((new_a ^ negate) - negate) & keep);  // -2..2
    store(a + i, new_a);
    store(b + i, sum - ((sum > 1) & 3) + ((sum < -1) & 3));
  }
}

}  // namespace

void multiply_q(Coefficients& product, const Coefficients& a, const Coefficients& b) {
  Sums sums;
  multiply(sums, a, b);
  for (std::size_t i = 0; i < p; ++i) product[i] = freeze_q(sums[i]);
}

void multiply_3(Coefficients& product, const Coefficients& a, const Coefficients& b) {
  Sums sums;
  multiply(sums, a, b);
  for (std::size_t i = 0; i < p; ++i) product[i] = freeze_3(sums[i]);
}

void reciprocal_of_3a_q(Coefficients& reciprocal, const Coefficients& a) {
  constexpr std::int16_t third = -1530;
  static_assert((3 * third - 1) % modulus == 0);
  DivisionState<std::int16_t> state(a);
  state.r[0] = third;
  for (std::size_t step = 0; step < steps; ++step) {
    std::int16_t* const g = state.g(step);
    std::int16_t* const v = state.v(step);
    const std::int16_t f0 = freeze_q(state.f[0]);
    const std::int16_t g0 = freeze_q(g[0]);
    const std::uint32_t exchange = state.count(static_cast<std::uint16_t>(g0));
    const auto mask = static_cast<std::int16_t>(exchange & 0xFFFFU);
    const auto difference = static_cast<std::int16_t>((f0 ^ g0) & mask);
    const Factor of_b(static_cast<std::int16_t>(f0 ^ difference));
    const Factor of_a(static_cast<std::int16_t>(g0 ^ difference));
    eliminate_q(state.f.data(), g, state.live_fg(step), mask, of_a, of_b);
    eliminate_q(v, state.r.data(), state.live_vr(step), mask, of_a, of_b);
  }
  const std::int16_t scale = reciprocal_of_number(freeze_q(state.f[0]));
  const std::int16_t* const v = state.v(steps - 1);
  for (std::size_t i = 0; i < p; ++i) {
    reciprocal[i] = freeze_q(std::int32_t{scale} * freeze_q(v[p - 1 - i]));
  }
}

bool reciprocal_3(Coefficients& reciprocal, const Coefficients& a) {
  DivisionState<std::int8_t> state(a);
  state.r[0] = 1;
  for (std::size_t step = 0; step < steps; ++step) {
    std::int8_t* const g = state.g(step);
    std::int8_t* const v = state.v(step);
    const std::int32_t f0 = state.f[0];
    const std::int32_t g0 = g[0];
    const std::uint32_t exchange = state.count(static_cast<std::uint32_t>(g0));
    const auto sign = static_cast<std::uint32_t>(-f0 * g0);  // the same before and after an exchange
    const auto nonzero = static_cast<std::int8_t>(nonzero_mask(sign) & 0xFFU);
    const auto minus = static_cast<std::int8_t>(opaque(0U - (sign >> 31)) & 0xFFU);
    const auto mask = static_cast<std::int8_t>(exchange & 0xFFU);
    eliminate_3(state.f.data(), g, state.live_fg(step), mask, nonzero, minus);
    eliminate_3(v, state.r.data(), state.live_vr(step), mask, nonzero, minus);
  }
  const std::int32_t sign = state.f[0];
  const std::int8_t* const v = state.v(steps - 1);
  for (std::size_t i = 0; i < p; ++i) reciprocal[i] = static_cast<std::int16_t>(sign * v[p - 1 - i]);
  return state.delta == 0;
}

}  // namespace simplex::crypto::sntrup761
