#include "simplex/base/bytes.hpp"

#include <gtest/gtest.h>

#include "simplex/base/secret.hpp"

namespace simplex {
namespace {

TEST(Bytes, ConstantTimeComparisonIsEquality) {
  EXPECT_TRUE(equal_constant_time(as_bytes("key"), as_bytes("key")));
  EXPECT_FALSE(equal_constant_time(as_bytes("key"), as_bytes("kez")));
  EXPECT_FALSE(equal_constant_time(as_bytes("key"), as_bytes("keys")));
  EXPECT_TRUE(equal_constant_time({}, {}));
}

struct TestTag;

TEST(Secret, IsEmptyAfterItIsMovedFrom) {
  auto secret = Secret<TestTag, 4>::from(as_bytes("abcd"));
  ASSERT_TRUE(secret);
  const auto moved = std::move(*secret);
  EXPECT_EQ(as_text(moved.reveal()), "abcd");
  EXPECT_EQ(*secret, (Secret<TestTag, 4>{}));  // NOLINT(bugprone-use-after-move): the wiped value is what is tested
  static_assert(!std::is_copy_constructible_v<Secret<TestTag, 4>>);
}

TEST(Secret, RefusesAnotherLength) { EXPECT_FALSE((Secret<TestTag, 4>::from(as_bytes("abc")))); }

}  // namespace
}  // namespace simplex
