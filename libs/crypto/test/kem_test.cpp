#include "simplex/crypto/kem.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "simplex/testing/random.hpp"
#include "simplex/testing/vectors.hpp"
#include "sntrup761_encoding.hpp"
#include "sntrup761_polynomial.hpp"
#include "sntrup761_sort.hpp"

namespace simplex::crypto {
namespace {

using testing::SeededRandom;
using namespace sntrup761;

constexpr std::size_t p = degree;

int modulo(std::int64_t x, int m) {
  const auto rest = static_cast<int>((x % m + m) % m);
  return rest > m / 2 ? rest - m : rest;
}

// Long multiplication and division by x^761 - x - 1.
std::vector<int> slow_product(const Coefficients& a, const Coefficients& b, int m) {
  std::vector<std::int64_t> whole(2 * p - 1);
  for (std::size_t i = 0; i < p; ++i) {
    for (std::size_t j = 0; j < p; ++j) whole[i + j] += std::int64_t{a[i]} * b[j];
  }
  for (std::size_t i = 2 * p - 2; i >= p; --i) {
    whole[i - p] += whole[i];
    whole[i - p + 1] += whole[i];
  }
  std::vector<int> product(p);
  for (std::size_t i = 0; i < p; ++i) product[i] = modulo(whole[i], m);
  return product;
}

std::vector<int> values(const Coefficients& polynomial) { return {polynomial.values.begin(), polynomial.values.end()}; }

void fill(Coefficients& polynomial, Random& random, int largest) {
  const auto range = static_cast<std::uint64_t>(2 * largest + 1);
  for (auto& one : polynomial.values) one = static_cast<std::int16_t>(static_cast<int>(random.below(range)) - largest);
}

void fill_all(Coefficients& polynomial, int value) {
  std::ranges::fill(polynomial.values, static_cast<std::int16_t>(value));
}

TEST(Sntrup761, FreezeIsTheRemainderNearestToZero) {
  for (std::int32_t x = -6'000'000; x <= 6'000'000; ++x) {
    if (freeze_q(x) != modulo(x, modulus)) FAIL() << x;
  }
  for (std::int32_t x = -16'000; x <= 16'000; ++x) ASSERT_EQ(freeze_3(x), modulo(x, 3)) << x;
}

TEST(Sntrup761, ProductsAreThoseOfLongMultiplication) {
  SeededRandom random(1);
  Coefficients a;
  Coefficients b;
  Coefficients product;
  for (int round = 0; round < 5; ++round) {
    fill(a, random, half_modulus);
    fill(b, random, 1);
    multiply_q(product, a, b);
    EXPECT_EQ(values(product), slow_product(a, b, modulus));
    fill(a, random, 1);
    multiply_3(product, a, b);
    EXPECT_EQ(values(product), slow_product(a, b, 3));
  }
  // The largest sums.
  for (const int sign : {-1, 1}) {
    fill_all(a, half_modulus);
    fill_all(b, sign);
    multiply_q(product, a, b);
    EXPECT_EQ(values(product), slow_product(a, b, modulus));
    fill_all(a, 1);
    multiply_3(product, a, b);
    EXPECT_EQ(values(product), slow_product(a, b, 3));
  }
}

TEST(Sntrup761, ReciprocalsMultiplyToOne) {
  SeededRandom random(2);
  Coefficients a;
  Coefficients reciprocal;
  Coefficients product;
  std::vector<int> one(p);
  one[0] = 1;
  int invertible = 0;
  for (int round = 0; round < 20; ++round) {
    fill(a, random, 1);
    reciprocal_of_3a_q(reciprocal, a);
    multiply_q(product, reciprocal, a);
    for (auto& coefficient : product.values) coefficient = freeze_q(3 * coefficient);
    EXPECT_EQ(values(product), one);
    if (!reciprocal_3(reciprocal, a)) continue;
    ++invertible;
    multiply_3(product, reciprocal, a);
    EXPECT_EQ(values(product), one);
  }
  EXPECT_GT(invertible, 15);
}

TEST(Sntrup761, ReciprocalsOfSimplePolynomials) {
  Coefficients a;
  Coefficients reciprocal;
  EXPECT_FALSE(reciprocal_3(reciprocal, a)) << "zero has no reciprocal";
  a[0] = -1;
  ASSERT_TRUE(reciprocal_3(reciprocal, a));
  EXPECT_EQ(values(reciprocal), values(a));
  a[0] = 0;
  a[1] = 1;  // x (x^760 - 1) = 1
  ASSERT_TRUE(reciprocal_3(reciprocal, a));
  EXPECT_EQ(reciprocal[760], 1);
  EXPECT_EQ(reciprocal[0], -1);
}

TEST(Sntrup761, SortsZerosAndOnesOfEverySmallSize) {
  // A network that sorts every sequence of zeros and ones sorts everything (Knuth, 5.3.4, theorem Z).
  for (std::size_t size = 0; size <= 12; ++size) {
    for (std::uint32_t bits = 0; bits < 1U << size; ++bits) {
      std::vector<std::uint32_t> sorted(size);
      for (std::size_t i = 0; i < size; ++i) sorted[i] = (bits >> i & 1U) * 0xFFFFFFFFU;
      sntrup761::sort(sorted);
      ASSERT_TRUE(std::ranges::is_sorted(sorted)) << size << ' ' << bits;
    }
  }
  for (std::size_t ones = 0; ones <= p; ++ones) {
    std::vector<std::uint32_t> sorted(p);
    std::fill_n(sorted.begin(), ones, 1U);
    sntrup761::sort(sorted);
    ASSERT_TRUE(std::ranges::is_sorted(sorted)) << ones;
  }
}

TEST(Sntrup761, SortsLikeTheLibrary) {
  EXPECT_TRUE(rc::check([](std::vector<std::uint32_t> numbers) {
    auto expected = numbers;
    std::ranges::sort(expected);
    sntrup761::sort(numbers);
    RC_ASSERT(numbers == expected);
  }));
  SeededRandom random(3);
  std::vector<std::uint32_t> numbers(p);
  for (auto& number : numbers) number = static_cast<std::uint32_t>(random.number() & 0xFFFFFFFFU);
  auto expected = numbers;
  std::ranges::sort(expected);
  sntrup761::sort(numbers);
  EXPECT_EQ(numbers, expected);
}

TEST(Sntrup761, PolynomialsComeBackFromTheirOctets) {
  SeededRandom random(4);
  Coefficients polynomial;
  Coefficients decoded;
  std::array<std::uint8_t, small_size> small{};
  std::array<std::uint8_t, public_size> whole{};
  std::array<std::uint8_t, rounded_size> rounded{};
  for (const int largest : {0, 1, half_modulus}) {
    if (largest <= 1) {
      fill(polynomial, random, largest);
      encode_small(small, polynomial);
      decode_small(decoded, small);
      EXPECT_EQ(values(decoded), values(polynomial));
    }
    fill(polynomial, random, largest);
    encode_modulo_q(whole, polynomial);
    decode_modulo_q(decoded, whole);
    EXPECT_EQ(values(decoded), values(polynomial));
    for (auto& one : polynomial.values) one = static_cast<std::int16_t>(one - freeze_3(one));
    encode_rounded(rounded, polynomial);
    decode_rounded(decoded, rounded);
    EXPECT_EQ(values(decoded), values(polynomial));
  }
  for (const int value : {-half_modulus, half_modulus}) {
    fill_all(polynomial, value);
    encode_modulo_q(whole, polynomial);
    decode_modulo_q(decoded, whole);
    EXPECT_EQ(values(decoded), values(polynomial));
    encode_rounded(rounded, polynomial);
    decode_rounded(decoded, rounded);
    EXPECT_EQ(values(decoded), values(polynomial));
  }
}

TEST(Sntrup761, AnyOctetsDecodeWithinBounds) {
  SeededRandom random(5);
  Coefficients decoded;
  std::array<std::uint8_t, public_size> whole{};
  std::array<std::uint8_t, rounded_size> rounded{};
  for (int round = 0; round < 50; ++round) {
    random.fill(whole);
    random.fill(rounded);
    if (round == 0) {
      whole.fill(0xFF);
      rounded.fill(0xFF);
    }
    decode_modulo_q(decoded, whole);
    for (const int one : values(decoded)) ASSERT_LE(std::abs(one), half_modulus);
    decode_rounded(decoded, rounded);
    for (const int one : values(decoded)) {
      ASSERT_LE(std::abs(one), half_modulus);
      ASSERT_EQ(one % 3, 0);
    }
  }
}

TEST(Kem, BothSidesAgree) {
  SeededRandom random(6);
  for (int round = 0; round < 10; ++round) {
    const KemKeyPair keys = generate_kem_key_pair(random);
    const KemEncapsulation made = kem_encapsulate(keys.public_key, random);
    EXPECT_TRUE(kem_decapsulate(made.ciphertext, keys.secret_key) == made.shared_secret);
    EXPECT_EQ(kem_key_pair(keys.secret_key.clone()).public_key, keys.public_key);
    const KemKeyPair other = generate_kem_key_pair(random);
    EXPECT_FALSE(kem_decapsulate(made.ciphertext, other.secret_key) == made.shared_secret);
  }
}

TEST(Kem, EveryChangedCiphertextIsRefusedInTheSameWay) {
  SeededRandom random(7);
  const KemKeyPair keys = generate_kem_key_pair(random);
  const KemEncapsulation made = kem_encapsulate(keys.public_key, random);
  for (std::size_t octet = 0; octet < KemCiphertext::size_bytes; octet += 37) {
    KemCiphertext changed = made.ciphertext;
    changed.mutable_view()[octet] ^= 0x10;
    const KemSharedSecret once = kem_decapsulate(changed, keys.secret_key);
    EXPECT_FALSE(once == made.shared_secret);
    EXPECT_TRUE(once == kem_decapsulate(changed, keys.secret_key));
  }
}

TEST(Kem, KeysThatNobodyMadeAreHarmless) {
  SeededRandom random(8);
  KemPublicKey public_key;
  KemSecretKey secret_key;
  KemCiphertext ciphertext;
  for (int round = 0; round < 20; ++round) {
    random.fill(public_key.mutable_view());
    random.fill(ciphertext.mutable_view());
    random.fill(secret_key.reveal_mutable());
    static_cast<void>(kem_encapsulate(public_key, random));
    static_cast<void>(kem_decapsulate(ciphertext, secret_key));
  }
}

TEST(Kem, FieldsOfAnotherSizeAreRefused) {
  Writer writer;
  writer.large_string(Bytes(KemPublicKey::size_bytes - 1));
  Reader short_key(writer.view());
  const auto key = read_kem_public_key(short_key);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().kind, ErrorKind::malformed);
  Reader empty(BytesView{});
  EXPECT_FALSE(read_kem_ciphertext(empty));

  SeededRandom random(9);
  const KemKeyPair keys = generate_kem_key_pair(random);
  Writer whole;
  write_kem_public_key(whole, keys.public_key);
  write_kem_secret_key(whole, keys.secret_key);
  Reader reader(whole.view());
  EXPECT_EQ(read_kem_public_key(reader), keys.public_key);
  EXPECT_TRUE(read_kem_secret_key(reader) == keys.secret_key);
  EXPECT_TRUE(reader.finish());
}

}  // namespace
}  // namespace simplex::crypto
