#include "simplex/crypto/dh.hpp"

#include <gtest/gtest.h>

#include "simplex/encoding/base64.hpp"
#include "simplex/testing/random.hpp"

namespace simplex::crypto {
namespace {

// RFC 7748, 5.2: the key becomes the point, the result the key.
template <class Public, class Private>
std::string iterate(std::uint8_t start, int times) {
  Public point;
  point.mutable_view()[0] = start;
  auto key = *Private::from(point.view());
  for (int i = 0; i < times; ++i) {
    const auto result = dh(point, key);
    if (!result) return "refused";
    point = *Public::from(key.reveal());
    key = *Private::from(result->reveal());
  }
  return hex(key.reveal());
}

TEST(Dh, IterationsOfTheRfc) {
  EXPECT_EQ((iterate<X25519PublicKey, X25519PrivateKey>(9, 1)),
            "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
  EXPECT_EQ((iterate<X25519PublicKey, X25519PrivateKey>(9, 1000)),
            "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
  EXPECT_EQ((iterate<X448PublicKey, X448PrivateKey>(5, 1)),
            "3f482c8a9f19b01e6c46ee9711d9dc14fd4bf67af30765c2ae2b846a4d23a8cd"
            "0db897086239492caf350b51f833868b9bc2b3bca9cf4113");
  EXPECT_EQ((iterate<X448PublicKey, X448PrivateKey>(5, 1000)),
            "aa3b4749d55b9daf1e5b00288826c467274ce3ebbdd5c17b975e09d4af6c67cf"
            "10d087202db88286e2b79fceea3ec353ef54faa26e219f38");
}

TEST(Dh, PointsOfLowOrderAreRefused) {
  testing::SeededRandom random(1);
  const auto x25519 = generate_x25519(random).private_key;
  const auto x448 = generate_x448(random).private_key;
  X25519PublicKey point;
  X448PublicKey long_point;
  for (const std::uint8_t low : {std::uint8_t{0}, std::uint8_t{1}}) {
    point.mutable_view()[0] = low;
    long_point.mutable_view()[0] = low;
    ASSERT_FALSE(dh(point, x25519));
    EXPECT_EQ(dh(point, x25519).error().kind, ErrorKind::malformed);
    ASSERT_FALSE(dh(long_point, x448));
    EXPECT_EQ(dh(long_point, x448).error().kind, ErrorKind::malformed);
  }
  // 2^255 - 19 - 1, of order 4; 2^448 - 2^224 - 1 is 0.
  const auto order_4 =
      X25519PublicKey::from(from_hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f").value());
  EXPECT_FALSE(dh(*order_4, x25519));
  std::fill(long_point.mutable_view().begin(), long_point.mutable_view().end(), std::uint8_t{0xff});
  long_point.mutable_view()[28] = 0xfe;
  EXPECT_FALSE(dh(long_point, x448));
}

}  // namespace
}  // namespace simplex::crypto
