#include "sntrup761_polynomial.hpp"

#include <algorithm>

namespace simplex::crypto::sntrup761 {

namespace {

constexpr std::size_t p = degree;

// Rows of the multiplication are this long: a multiple of the widest vector, filled up with zeros.
constexpr std::size_t row = 768;

// Sums of at most 2 * 761 products of a coefficient and -1..1.
using Sums = Wiped<std::int32_t, p>;

std::int32_t dot(const std::int16_t* a, const std::int16_t* b) noexcept {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < row; ++i) sum += std::int32_t{a[i]} * std::int32_t{b[i]};
  return sum;
}

// The product as a Toeplitz matrix times a vector. x^761 = x + 1, so what passes the degree comes back in two places:
// product[k] = sum over j of b[j] * extended(k - j), where extended(n) is a[n] for n > 0, and for n <= 0
// a[n + p] + a[n + p - 1] and, for n = 0, a[0]. Product 0 is different: nothing comes back to it twice.
void multiply(Sums& product, const Coefficients& a, const Coefficients& b) {
  Wiped<std::int16_t, 2 * row> extended;  // extended(n) at n + p - 1
  Wiped<std::int16_t, row> reversed;      // b[p - 1 - t] at t
  for (std::size_t n = 0; n < p; ++n) extended[p - 1 + n] = a[n];
  for (std::size_t m = 1; m < p; ++m) extended[p - 1 - m] = static_cast<std::int16_t>(a[p - m] + a[p - m - 1]);
  extended[p - 1] = static_cast<std::int16_t>(a[0] + a[p - 1]);
  for (std::size_t t = 0; t < p; ++t) reversed[t] = b[p - 1 - t];

  std::int32_t first = std::int32_t{a[0]} * b[0];
  for (std::size_t j = 1; j < p; ++j) first += std::int32_t{a[p - j]} * b[j];
  product[0] = first;
  for (std::size_t k = 1; k < p; ++k) product[k] = dot(extended.data() + k, reversed.data());
}

// ---- Reciprocals: division steps (Bernstein and Yang, "Fast constant-time gcd computation and modular inversion").
// f and g start as x^p - x - 1 and a, with the coefficients in reverse order, v and r as 0 and 1; a step divides
// g by x after taking its constant term away with f, and changes f and g (v and r) when a counter says so. After 2p - 1
// steps v / f(0) is the reciprocal, in reverse order.
//
// Instead of shifting, g is read one place further and v one place earlier after each step. What a step can no longer
// bring into f(0) or v is left out, which halves the work; how much that is depends on the number of the step only.
constexpr std::size_t steps = 2 * p - 1;

template <class Coefficient>
struct DivisionState {
  Wiped<Coefficient, p + 1> f;
  Wiped<Coefficient, p + 1 + steps> g_space;
  Wiped<Coefficient, p + 1 + steps> v_space;
  Wiped<Coefficient, p + 1> r;
  std::int32_t delta = 1;

  explicit DivisionState(const Coefficients& a) {
    f[0] = 1;
    f[p - 1] = -1;
    f[p] = -1;
    for (std::size_t i = 0; i < p; ++i) g_space[p - 1 - i] = static_cast<Coefficient>(a[i]);
  }

  [[nodiscard]] Coefficient* g(std::size_t step) noexcept { return g_space.data() + step; }
  [[nodiscard]] Coefficient* v(std::size_t step) noexcept { return v_space.data() + (steps - 1 - step); }
  [[nodiscard]] static std::size_t live_fg(std::size_t step) noexcept { return std::min(p + 1, steps - step); }
  [[nodiscard]] static std::size_t live_vr(std::size_t step) noexcept { return std::min(p + 1, step + 1); }

  // All ones when f and g are to be exchanged; counts the step.
  [[nodiscard]] std::uint32_t count(std::uint32_t g0) noexcept {
    const std::uint32_t positive = 0U - (static_cast<std::uint32_t>(-delta) >> 31);
    const std::uint32_t exchange = positive & nonzero_mask(g0);
    const auto counter = static_cast<std::uint32_t>(delta);
    delta = static_cast<std::int32_t>((counter ^ (exchange & (counter ^ (0U - counter)))) + 1U);
    return exchange;
  }
};

// ---- modulo q, with Montgomery multiplication in 16 bits: a * b / 2^16. The factors 2^-16 come into g and r alike and
// fall out in the end. Inputs to 1.4 q give a difference of two products within 1.3 q, so nothing is reduced on the way.

constexpr std::int16_t inverse_of_q = [] {
  std::uint32_t inverse = 1;
  for (int i = 0; i < 5; ++i) inverse *= 2U - static_cast<std::uint32_t>(modulus) * inverse;
  return static_cast<std::int16_t>(inverse & 0xFFFFU);
}();

struct Factor {
  std::int16_t value;
  std::int16_t by_inverse;  // value / q modulo 2^16

  explicit Factor(std::int16_t factor) noexcept
      : value(factor), by_inverse(static_cast<std::int16_t>(std::int32_t{factor} * inverse_of_q)) {}
};

inline std::int16_t high_product(std::int16_t a, std::int16_t b) noexcept {
  return static_cast<std::int16_t>((std::int32_t{a} * std::int32_t{b}) >> 16);
}

inline std::int16_t montgomery(std::int16_t a, Factor b) noexcept {
  const auto low = static_cast<std::int16_t>(std::int32_t{a} * b.by_inverse);
  return static_cast<std::int16_t>(high_product(a, b.value) - high_product(low, static_cast<std::int16_t>(modulus)));
}

// Exchanges a and b where the mask says so, then b = (b * of_b - a * of_a) / 2^16.
void eliminate_q(std::int16_t* __restrict a, std::int16_t* __restrict b, std::size_t count, std::int16_t exchange,
                 Factor of_a, Factor of_b) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    const auto difference = static_cast<std::int16_t>((a[i] ^ b[i]) & exchange);
    const auto kept = static_cast<std::int16_t>(a[i] ^ difference);
    const auto changed = static_cast<std::int16_t>(b[i] ^ difference);
    a[i] = kept;
    b[i] = static_cast<std::int16_t>(montgomery(changed, of_b) - montgomery(kept, of_a));
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

// ---- modulo 3

// Sum of two coefficients, -2..2, to -1..1.
inline std::int8_t wrap_3(std::int8_t x) noexcept {
  const auto above = static_cast<std::int8_t>(x > 1 ? 3 : 0);
  const auto below = static_cast<std::int8_t>(x < -1 ? 3 : 0);
  return static_cast<std::int8_t>(x - above + below);
}

// Exchanges a and b where the mask says so, then b = b + a * sign; sign is -1, 0, 1 as a mask for zero and one for minus.
void eliminate_3(std::int8_t* __restrict a, std::int8_t* __restrict b, std::size_t count, std::int8_t exchange,
                 std::int8_t keep, std::int8_t minus) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    const auto difference = static_cast<std::int8_t>((a[i] ^ b[i]) & exchange);
    const auto kept = static_cast<std::int8_t>(a[i] ^ difference);
    const auto changed = static_cast<std::int8_t>(b[i] ^ difference);
    const auto product = static_cast<std::int8_t>(((kept ^ minus) - minus) & keep);
    a[i] = kept;
    b[i] = wrap_3(static_cast<std::int8_t>(changed + product));
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
    const auto keep = static_cast<std::int8_t>(nonzero_mask(sign) & 0xFFU);
    const auto minus = static_cast<std::int8_t>((0U - (sign >> 31)) & 0xFFU);
    const auto mask = static_cast<std::int8_t>(exchange & 0xFFU);
    eliminate_3(state.f.data(), g, state.live_fg(step), mask, keep, minus);
    eliminate_3(v, state.r.data(), state.live_vr(step), mask, keep, minus);
  }
  const std::int32_t sign = state.f[0];
  const std::int8_t* const v = state.v(steps - 1);
  for (std::size_t i = 0; i < p; ++i) reciprocal[i] = static_cast<std::int16_t>(sign * v[p - 1 - i]);
  return state.delta == 0;
}

}  // namespace simplex::crypto::sntrup761
