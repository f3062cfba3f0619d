#include "sntrup761_encoding.hpp"

namespace simplex::crypto::sntrup761 {

namespace {

constexpr std::size_t p = degree;
constexpr std::uint32_t limit = 16384;
constexpr std::uint32_t rounded_modulus = (modulus + 2) / 3;

// Numbers below their moduli are joined in pairs, low + high * modulus of low; octets that make a joint modulus pass
// the limit are put out at once. The joined numbers are joined again, until one is left. All moduli of a level are the
// same but the last. What a level looks like depends on the size and the modulus only.
struct Level {
  std::size_t count = 0;
  std::uint32_t modulus = 0;       // of all but the last
  std::uint32_t last_modulus = 0;  // of the last
};

struct Joined {
  std::uint32_t modulus = 0;
  int octets = 0;
};

constexpr Joined join(std::uint32_t low, std::uint32_t high) noexcept {
  Joined joined{low * high, 0};
  while (joined.modulus >= limit) {
    joined.modulus = (joined.modulus + 255) >> 8;
    ++joined.octets;
  }
  return joined;
}

constexpr Level next(Level level) noexcept {
  const std::uint32_t last =
      level.count % 2 == 0 ? join(level.modulus, level.last_modulus).modulus : level.last_modulus;
  return {(level.count + 1) / 2, join(level.modulus, level.modulus).modulus, last};
}

constexpr int octets_of_one(std::uint32_t bound) noexcept {
  int octets = 0;
  for (; bound > 1; bound = (bound + 255) >> 8) ++octets;
  return octets;
}

constexpr std::size_t level_count = 11;  // 761, 381, 191, 96, 48, 24, 12, 6, 3, 2, 1

constexpr std::array<Level, level_count> levels_of(std::uint32_t first_modulus) noexcept {
  std::array<Level, level_count> levels{};
  levels[0] = {p, first_modulus, first_modulus};
  for (std::size_t i = 1; i < level_count; ++i) levels[i] = next(levels[i - 1]);
  return levels;
}

constexpr Joined join_pair(const Level& level, std::size_t first) noexcept {
  return join(level.modulus, first + 2 == level.count ? level.last_modulus : level.modulus);
}

constexpr std::size_t encoded_size(std::uint32_t first_modulus) noexcept {
  const auto levels = levels_of(first_modulus);
  auto size = static_cast<std::size_t>(octets_of_one(levels.back().last_modulus));
  for (const Level& level : levels) {
    for (std::size_t i = 0; i + 1 < level.count; i += 2) size += static_cast<std::size_t>(join_pair(level, i).octets);
  }
  return size;
}
static_assert(levels_of(modulus).back().count == 1);
static_assert(encoded_size(modulus) == public_size);
static_assert(encoded_size(rounded_modulus) == rounded_size);

using Numbers = Wiped<std::uint32_t, p>;

template <std::uint32_t FirstModulus>
void encode(std::uint8_t* out, Numbers& numbers) {
  static constexpr auto levels = levels_of(FirstModulus);
  const auto put = [&out](std::uint32_t& number) {
    *out++ = static_cast<std::uint8_t>(number & 0xFFU);
    number >>= 8;
  };
  for (std::size_t l = 0; l + 1 < level_count; ++l) {
    const Level& level = levels[l];
    std::size_t i = 0;
    for (; i + 1 < level.count; i += 2) {
      std::uint32_t number = numbers[i] + numbers[i + 1] * level.modulus;
      for (int octets = join_pair(level, i).octets; octets > 0; --octets) put(number);
      numbers[i / 2] = number;
    }
    if (i < level.count) numbers[i / 2] = numbers[i];
  }
  for (int octets = octets_of_one(levels.back().last_modulus); octets > 0; --octets) put(numbers[0]);
}

// From the end: the last number, then each level splits the numbers of the one after it. Numbers that no encoder makes
// are taken modulo what they should be below.
template <std::uint32_t FirstModulus>
void decode(Numbers& numbers, const std::uint8_t* end) {
  static constexpr auto levels = levels_of(FirstModulus);
  std::uint32_t last = 0;
  for (int octets = octets_of_one(levels.back().last_modulus); octets > 0; --octets) last = last << 8 | *--end;
  numbers[0] = last % levels.back().last_modulus;
  for (std::size_t l = level_count - 1; l-- > 0;) {
    const Level& level = levels[l];
    std::size_t i = level.count;
    if (level.count % 2 != 0) {
      --i;
      numbers[i] = numbers[i / 2];
    }
    while (i > 0) {
      i -= 2;
      std::uint32_t number = numbers[i / 2];
      for (int octets = join_pair(level, i).octets; octets > 0; --octets) number = number << 8 | *--end;
      const std::uint32_t high_modulus = i + 2 == level.count ? level.last_modulus : level.modulus;
      numbers[i + 1] = number / level.modulus % high_modulus;
      numbers[i] = number % level.modulus;
    }
  }
}

}  // namespace

void encode_small(std::span<std::uint8_t, small_size> out, const Coefficients& polynomial) {
  for (std::size_t octet = 0; octet < small_size; ++octet) {
    int value = 0;
    for (std::size_t i = 0; i < 4 && 4 * octet + i < p; ++i) {
      value |= (polynomial[4 * octet + i] + 1) << (2 * i);
    }
    out[octet] = static_cast<std::uint8_t>(value);
  }
}

void decode_small(Coefficients& polynomial, std::span<const std::uint8_t, small_size> in) {
  for (std::size_t i = 0; i < p; ++i) {
    polynomial[i] = static_cast<std::int16_t>((in[i / 4] >> (i % 4 * 2) & 3) - 1);
  }
}

void encode_modulo_q(std::span<std::uint8_t, public_size> out, const Coefficients& polynomial) {
  Numbers numbers;
  for (std::size_t i = 0; i < p; ++i) numbers[i] = static_cast<std::uint32_t>(polynomial[i] + half_modulus);
  encode<modulus>(out.data(), numbers);
}

void decode_modulo_q(Coefficients& polynomial, std::span<const std::uint8_t, public_size> in) {
  Numbers numbers;
  decode<modulus>(numbers, in.data() + in.size());
  for (std::size_t i = 0; i < p; ++i) {
    polynomial[i] = static_cast<std::int16_t>(static_cast<std::int32_t>(numbers[i]) - half_modulus);
  }
}

void encode_rounded(std::span<std::uint8_t, rounded_size> out, const Coefficients& polynomial) {
  Numbers numbers;
  // x / 3 for a multiple of 3 up to 4590, without dividing.
  for (std::size_t i = 0; i < p; ++i) {
    numbers[i] = static_cast<std::uint32_t>((polynomial[i] + half_modulus) * 10923) >> 15;
  }
  encode<rounded_modulus>(out.data(), numbers);
}

void decode_rounded(Coefficients& polynomial, std::span<const std::uint8_t, rounded_size> in) {
  Numbers numbers;
  decode<rounded_modulus>(numbers, in.data() + in.size());
  for (std::size_t i = 0; i < p; ++i) {
    polynomial[i] = static_cast<std::int16_t>(static_cast<std::int32_t>(numbers[i] * 3) - half_modulus);
  }
}

}  // namespace simplex::crypto::sntrup761
