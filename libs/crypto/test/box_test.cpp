#include "simplex/crypto/box.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sodium.h>

#include "simplex/crypto/pad.hpp"
#include "simplex/testing/random.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex::crypto {
namespace {

using testing::pattern;
using testing::SeededRandom;

struct Sides {
  BoxKey key;
  CbNonce nonce;
};

Sides sides(std::uint64_t seed) {
  SeededRandom random(seed);
  return {box_key(random_secret_box_key(random)), random_nonce(random)};
}

TEST(Box, SameOctetsAsLibsodiumAtEverySize) {
  ASSERT_GE(sodium_init(), 0);
  const auto [key, nonce] = sides(1);
  for (std::size_t size = 0; size < 1200; ++size) {
    const auto message = pattern(size);
    Bytes expected(size + box_tag_size);
    crypto_secretbox_easy(expected.data(), message.data(), size, nonce.view().data(), key.reveal().data());
    ASSERT_EQ(seal(key, nonce, message), expected) << size;
    const auto opened = open(key, nonce, expected);
    ASSERT_TRUE(opened) << size;
    ASSERT_EQ(*opened, message) << size;
  }
}

TEST(Box, SameKeyAsLibsodium) {
  SeededRandom random(2);
  const auto ours = generate_x25519(random);
  const auto theirs = generate_x25519(random);
  BoxKey expected;
  ASSERT_EQ(crypto_box_beforenm(expected.reveal_mutable().data(), theirs.public_key.view().data(),
                                ours.private_key.reveal().data()),
            0);
  EXPECT_TRUE(box_key(theirs.public_key, ours.private_key).value() == expected);
  EXPECT_FALSE(box_key(X25519PublicKey{}, ours.private_key));
}

TEST(Box, RoundTrip) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed, const Bytes& message) {
    const auto [key, nonce] = sides(seed);
    auto sealed = seal(key, nonce, message);
    RC_ASSERT(sealed.size() == message.size() + box_tag_size);
    const auto inside = open_in_place(key, nonce, sealed);
    RC_ASSERT((inside.has_value() && to_bytes(*inside) == message));
  }));
}

TEST(Box, PaddedRoundTrip) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed, const Bytes& message, std::uint8_t extra) {
    const auto [key, nonce] = sides(seed);
    const std::size_t padded_size = message.size() + pad_overhead + extra;
    auto sealed = seal_padded(key, nonce, message, padded_size);
    RC_ASSERT(sealed.has_value() && sealed->size() == padded_size + box_tag_size);
    RC_ASSERT((open_padded(key, nonce, *sealed) == message));
    RC_ASSERT(!seal_padded(key, nonce, message, message.size() + pad_overhead - 1).has_value());
    RC_ASSERT((to_bytes(open_padded_in_place(key, nonce, *sealed).value()) == message));
  }));
}

TEST(Box, AnyChangedBitIsRefusedAndChangesNothing) {
  for (const std::size_t size : {0U, 1U, 511U, 512U, 700U}) {
    const auto [key, nonce] = sides(size);
    const auto sealed = seal(key, nonce, pattern(size));
    for (std::size_t bit = 0; bit < sealed.size() * 8; bit += 7) {
      auto damaged = sealed;
      damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1U << (bit % 8)));
      auto memory = damaged;
      const auto refused = open_in_place(key, nonce, memory);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().kind, ErrorKind::authentication);
      EXPECT_EQ(memory, damaged);
    }
    auto other_nonce = nonce;
    other_nonce.mutable_view()[23] ^= 1;
    EXPECT_FALSE(open(key, other_nonce, sealed));
    EXPECT_FALSE(open(sides(size + 1).key, nonce, sealed));
  }
}

TEST(Box, InPlace) {
  for (const std::size_t size : {0U, 5U, 32U, 600U, 16'000U}) {
    const auto [key, nonce] = sides(size);
    const auto message = pattern(size);

    Bytes memory(size + box_tag_size);
    std::copy(message.begin(), message.end(), memory.begin() + box_tag_size);
    seal_into(key, nonce, BytesView(memory).subspan(box_tag_size), memory);
    EXPECT_EQ(memory, seal(key, nonce, message));

    Bytes block(16'384);
    std::copy(message.begin(), message.end(), block.begin() + box_tag_size + pad_overhead);
    const auto lying = BytesView(block).subspan(box_tag_size + pad_overhead, size);
    ASSERT_TRUE(seal_padded_into(key, nonce, lying, block));
    EXPECT_EQ(block, seal_padded(key, nonce, message, 16'368).value());

    auto apart = message;
    const auto tag = seal_detached(key, nonce, apart, apart);
    EXPECT_EQ(to_bytes(tag.view()), to_bytes(BytesView(memory).first(box_tag_size)));
    ASSERT_TRUE(open_detached(key, nonce, apart, tag, apart));
    EXPECT_EQ(apart, message);
  }
}

TEST(Box, Limits) {
  const auto [key, nonce] = sides(9);
  EXPECT_FALSE(open(key, nonce, {}));
  EXPECT_FALSE(open(key, nonce, Bytes(15)));
  Bytes small(15);
  EXPECT_EQ(seal_padded_into(key, nonce, {}, small).error().kind, ErrorKind::limit);
  EXPECT_THROW(seal_into(key, nonce, {}, small), std::invalid_argument);
  EXPECT_EQ(seal_padded(key, nonce, Bytes(65'534), 70'000).error().kind, ErrorKind::limit);
  EXPECT_EQ(seal_padded(key, nonce, {}, 0).error().kind, ErrorKind::limit);
  // A right tag over wrong padding.
  EXPECT_EQ(open_padded(key, nonce, seal(key, nonce, Bytes{0xff, 0xff, 1})).error().kind, ErrorKind::malformed);
}

TEST(Pad, RoundTrip) {
  EXPECT_TRUE(rc::check([](const Bytes& message, std::uint8_t extra) {
    const auto padded = pad(message, message.size() + pad_overhead + extra);
    RC_ASSERT(padded.has_value());
    RC_ASSERT((to_bytes(unpad(*padded).value()) == message));
    RC_ASSERT(std::count(padded->end() - extra, padded->end(), '#') == extra);
  }));
}

TEST(Pad, AnyOctetsAreReadSafely) {
  EXPECT_TRUE(rc::check([](const Bytes& octets) {
    const auto message = unpad(octets);
    RC_ASSERT(!message || message->size() + pad_overhead <= octets.size());
  }));
}

TEST(Pad, NonsenseSizesTakeNoMemory) {
  EXPECT_EQ(pad(Bytes(70'000), static_cast<std::size_t>(-1)).error().kind, ErrorKind::limit);
  EXPECT_EQ(pad({}, 1).error().kind, ErrorKind::limit);
}

}  // namespace
}  // namespace simplex::crypto
