#include "embedded/crc32c.hpp"

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include "simplex/testing/random.hpp"

// The engine's, which the store replaces.
namespace rocksdb::crc32c {
std::uint32_t Extend(std::uint32_t before, const char* data, std::size_t size);
}

namespace simplex::smp::stores::embedded {
namespace {

TEST(Crc32c, IsTheOneOfTheStandard) {
  // RFC 3720, B.4
  EXPECT_EQ(extend_crc32c(0, as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(extend_crc32c(0, Bytes(32, 0)), 0x8A9136AAU);
  EXPECT_EQ(extend_crc32c(0, Bytes(32, 0xFF)), 0x62A8AB43U);
  EXPECT_EQ(extend_crc32c(0, {}), 0U);
}

TEST(Crc32c, IsTheSameInEveryWayAndInPieces) {
  testing::SeededRandom random(3);
  for (int i = 0; i < 300; ++i) {
    const auto octets = random.bytes(random.below(200));
    const auto whole = extend_crc32c_by_table(0, octets);
    EXPECT_EQ(extend_crc32c(0, octets), whole);
    const auto [first, rest] = std::pair(random.below(octets.size() + 1), BytesView(octets));
    EXPECT_EQ(extend_crc32c(extend_crc32c(0, rest.first(first)), rest.subspan(first)), whole);
    EXPECT_EQ(extend_crc32c_by_table(extend_crc32c_by_table(0, rest.first(first)), rest.subspan(first)), whole);
    EXPECT_EQ(rocksdb::crc32c::Extend(0, as_text(octets).data(), octets.size()), whole);
  }
}

}  // namespace
}  // namespace simplex::smp::stores::embedded
