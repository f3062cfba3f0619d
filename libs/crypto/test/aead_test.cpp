#include "simplex/crypto/aead.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "simplex/testing/random.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex::crypto {
namespace {

struct Sides {
  explicit Sides(std::uint64_t seed) {
    testing::SeededRandom random(seed);
    random.fill(key.reveal_mutable());
    random.fill(iv.mutable_view());
    random.fill(short_iv.mutable_view());
  }
  AesKey key;
  AesIv16 iv;
  AesIv12 short_iv;
};

TEST(Aead, RoundTrip) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed, const Bytes& message, const Bytes& associated, std::uint8_t extra) {
    const Sides one(seed);
    const auto padded = aead_seal_padded(one.key, one.iv, associated, message, message.size() + 2 + extra);
    RC_ASSERT(padded.has_value());
    RC_ASSERT((aead_open_padded(one.key, one.iv, associated, padded->ciphertext, padded->tag) == message));
    const auto sealed = aead_seal(one.key, one.iv, associated, message);
    RC_ASSERT((aead_open(one.key, one.iv, associated, sealed.ciphertext, sealed.tag) == message));
    const auto with_short_iv = aead_seal(one.key, one.short_iv, associated, message);
    RC_ASSERT((aead_open(one.key, one.short_iv, associated, with_short_iv.ciphertext, with_short_iv.tag) == message));
  }));
}

TEST(Aead, AnyChangeIsRefused) {
  const Sides one(1);
  const auto message = testing::pattern(40);
  const auto associated = testing::pattern(20);
  const auto sealed = aead_seal(one.key, one.iv, associated, message);
  const auto refused = [&](const AesKey& key, const AesIv16& iv, BytesView with, BytesView ciphertext,
                           const AesTag& tag) {
    const auto opened = aead_open(key, iv, with, ciphertext, tag);
    return !opened && opened.error().kind == ErrorKind::authentication;
  };
  for (std::size_t i = 0; i < message.size(); ++i) {
    auto ciphertext = sealed.ciphertext;
    ciphertext[i] ^= 1;
    EXPECT_TRUE(refused(one.key, one.iv, associated, ciphertext, sealed.tag));
  }
  for (std::size_t i = 0; i < AesTag::size_bytes; ++i) {
    auto tag = sealed.tag;
    tag.mutable_view()[i] ^= 1;
    EXPECT_TRUE(refused(one.key, one.iv, associated, sealed.ciphertext, tag));
  }
  EXPECT_TRUE(refused(one.key, one.iv, {}, sealed.ciphertext, sealed.tag));
  EXPECT_TRUE(refused(one.key, one.iv, associated, BytesView(sealed.ciphertext).first(39), sealed.tag));
  EXPECT_TRUE(refused(one.key, one.iv, associated, {}, sealed.tag));
  EXPECT_TRUE(refused(Sides(2).key, one.iv, associated, sealed.ciphertext, sealed.tag));
  EXPECT_TRUE(refused(one.key, Sides(2).iv, associated, sealed.ciphertext, sealed.tag));
}

TEST(Aead, Limits) {
  const Sides one(3);
  EXPECT_EQ(aead_seal_padded(one.key, one.iv, {}, Bytes(31), 32).error().kind, ErrorKind::limit);
  EXPECT_EQ(aead_seal_padded(one.key, one.iv, {}, Bytes(65'534), 70'000).error().kind, ErrorKind::limit);
  // A right tag over wrong padding.
  const auto sealed = aead_seal(one.key, one.iv, {}, Bytes{0xff, 0xff});
  EXPECT_EQ(aead_open_padded(one.key, one.iv, {}, sealed.ciphertext, sealed.tag).error().kind, ErrorKind::malformed);
}

}  // namespace
}  // namespace simplex::crypto
