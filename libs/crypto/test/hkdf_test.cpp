#include "simplex/crypto/hkdf.hpp"

#include <gtest/gtest.h>

#include "simplex/testing/vectors.hpp"

namespace simplex::crypto {
namespace {

TEST(Hkdf, ShorterOutputIsTheStartOfLonger) {
  const auto key = testing::pattern(32);
  const auto whole = hkdf_sha512({}, key, "info", 16'320);
  for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 128U, 200U, 16'319U}) {
    EXPECT_EQ(to_bytes(hkdf_sha512({}, key, "info", size).reveal()), to_bytes(whole.reveal().first(size)));
  }
  EXPECT_THROW((void)hkdf_sha512({}, key, "info", 16'321), std::length_error);
}

TEST(Hkdf, NoSaltIsZeros) {
  const auto key = testing::pattern(32);
  EXPECT_TRUE(hkdf_sha512({}, key, "info", 96) == hkdf_sha512(Bytes(64), key, "info", 96));
  EXPECT_FALSE(hkdf_sha512({}, key, "info", 96) == hkdf_sha512(Bytes{1}, key, "info", 96));
  EXPECT_FALSE(hkdf_sha512({}, key, "info", 96) == hkdf_sha512({}, key, "", 96));
}

TEST(Hkdf, LongSaltIsHashed) {
  const auto key = testing::pattern(32);
  EXPECT_FALSE(hkdf_sha512(testing::pattern(129), key, "", 64) == hkdf_sha512(testing::pattern(130), key, "", 64));
}

}  // namespace
}  // namespace simplex::crypto
