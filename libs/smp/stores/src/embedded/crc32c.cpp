#include "crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace simplex::smp::stores::embedded {
namespace {

constexpr std::uint32_t polynomial = 0x82F63B78;  // its bits from right to left
constexpr std::size_t at_once = 8;
using Table = std::array<std::uint32_t, 256>;

// The first for one octet, each next one for an octet that stands one before.
constexpr std::array<Table, at_once> make_tables() {
  std::array<Table, at_once> made{};
  for (std::uint32_t octet = 0; octet < 256; ++octet) {
    std::uint32_t crc = octet;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
    made[0][octet] = crc;
  }
  for (std::size_t before = 1; before < at_once; ++before) {
    for (std::size_t octet = 0; octet < 256; ++octet) {
      const auto crc = made[before - 1][octet];
      made[before][octet] = (crc >> 8) ^ made[0][crc & 0xFF];
    }
  }
  return made;
}

constexpr auto tables = make_tables();

std::uint64_t word_at(const std::uint8_t* octets) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < at_once; ++i) word |= std::uint64_t{octets[i]} << (8 * i);
  return word;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::uint32_t crc, BytesView octets) noexcept {
  std::uint64_t wide = ~crc;
  const auto* at = octets.data();
  std::size_t left = octets.size();
  for (; left >= at_once; left -= at_once, at += at_once) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, at_once);
    wide = _mm_crc32_u64(wide, word);
  }
  auto narrow = static_cast<std::uint32_t>(wide);
  for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, *at);
  return ~narrow;
}
#endif

}  // namespace

std::uint32_t extend_crc32c_by_table(std::uint32_t crc, BytesView octets) noexcept {
  crc = ~crc;
  const auto* at = octets.data();
  std::size_t left = octets.size();
  for (; left >= at_once; left -= at_once, at += at_once) {
    auto word = word_at(at) ^ crc;
    crc = 0;
    for (std::size_t i = 0; i < at_once; ++i, word >>= 8) crc ^= tables[at_once - 1 - i][word & 0xFF];
  }
  for (; left > 0; --left, ++at) crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xFF];
  return ~crc;
}

std::uint32_t extend_crc32c(std::uint32_t crc, BytesView octets) noexcept {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return by_instruction(crc, octets);
#endif
  return extend_crc32c_by_table(crc, octets);
}

}  // namespace simplex::smp::stores::embedded
