#include "simplex/crypto/derived_random.hpp"

#include <gtest/gtest.h>

#include "simplex/testing/random.hpp"

namespace simplex::crypto {
namespace {

TEST(DerivedRandom, FollowsItsSourceAndNeverRepeats) {
  testing::SeededRandom one(1);
  testing::SeededRandom same(1);
  DerivedRandom first(one);
  DerivedRandom again(same);
  DerivedRandom other(one);
  const auto drawn = first.bytes(1'000);
  EXPECT_EQ(drawn, again.bytes(1'000));
  EXPECT_NE(drawn, other.bytes(1'000));
  const auto next = first.bytes(1'000);
  EXPECT_NE(drawn, next);
  EXPECT_EQ(next, again.bytes(1'000));
  EXPECT_TRUE(first.bytes(0).empty());
}

}  // namespace
}  // namespace simplex::crypto
