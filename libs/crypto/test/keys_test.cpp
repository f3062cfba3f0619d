#include "simplex/crypto/keys.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/testing/random.hpp"

namespace simplex::crypto {
namespace {

using testing::ScriptedRandom;
using testing::SeededRandom;

static_assert(!std::is_copy_constructible_v<X25519PrivateKey> && !std::is_copy_constructible_v<Ed25519PrivateKey>);
static_assert(!std::is_copy_constructible_v<AuthPrivateKey>);
static_assert(!std::is_convertible_v<X25519PublicKey, Ed25519PublicKey>);
static_assert(!std::is_convertible_v<Bytes, X25519PublicKey>);

Bytes unhex(std::string_view text) { return from_hex(text).value(); }

TEST(Keys, PublicKeysOfTheRfcs) {
  // RFC 8032, 7.1 and 7.4.
  const auto ed25519 =
      Ed25519PrivateKey::from(unhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  ASSERT_TRUE(ed25519);
  EXPECT_EQ(hex(public_key(*ed25519).view()), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const auto ed448 =
      Ed448PrivateKey::from(unhex("6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3"
                                  "528c8a3fcc2f044e39a3fc5b94492f8f032e7549a20098f95b"));
  ASSERT_TRUE(ed448);
  EXPECT_EQ(hex(public_key(*ed448).view()),
            "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778"
            "edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180");
}

TEST(Keys, GeneratedFromTheRandomnessHandedIn) {
  SeededRandom one(1);
  SeededRandom same(1);
  SeededRandom other(2);
  const auto made = generate_x25519(one);
  EXPECT_TRUE(made == generate_x25519(same));
  EXPECT_FALSE(made == generate_x25519(other));
  EXPECT_FALSE(generate_ed25519(one) == generate_ed25519(one));

  ScriptedRandom ones(Bytes(32 + 56 + 32 + 57, 0xff));
  const auto x25519 = generate_x25519(ones);
  EXPECT_EQ(x25519.private_key.reveal().front(), 0xf8);  // the stored form is clamped
  EXPECT_EQ(x25519.private_key.reveal().back(), 0x7f);
  EXPECT_EQ(generate_x448(ones).private_key.reveal().front(), 0xff);
  EXPECT_EQ(generate_ed25519(ones).private_key.reveal().back(), 0xff);
  EXPECT_EQ(generate_ed448(ones).private_key.reveal().back(), 0xff);
  EXPECT_EQ(ones.remaining(), 0U);
}

TEST(Keys, WipedWhenMovedFrom) {
  SeededRandom random(3);
  auto key = generate_ed25519(random).private_key;
  const auto copy = key.clone();
  const auto* memory = key.reveal_both().data();
  const auto moved = std::move(key);
  EXPECT_TRUE(moved == copy);
  EXPECT_EQ(to_bytes(BytesView(memory, 64)), Bytes(64));

  auto agreement = generate_x25519(random).private_key;
  memory = agreement.reveal().data();
  const AuthPrivateKey in_variant = std::move(agreement);
  EXPECT_EQ(to_bytes(BytesView(memory, 32)), Bytes(32));
  EXPECT_NE(to_bytes(std::get<X25519PrivateKey>(in_variant).reveal()), Bytes(32));
}

TEST(Keys, WrongSizes) {
  for (const std::size_t size : {0U, 31U, 33U, 64U}) {
    EXPECT_FALSE(Ed25519PrivateKey::from(Bytes(size)));
    EXPECT_FALSE(X25519PublicKey::from(Bytes(size)));
  }
  EXPECT_FALSE(X448PublicKey::from(Bytes(57)));
  EXPECT_FALSE(Ed448PublicKey::from(Bytes(56)));
}

// Every key: the one DER is taken, and nothing near it.
template <class Public, class Private>
void strict(const KeyPair<Public, Private>& pair, std::size_t spki_size, std::size_t pkcs8_size) {
  const auto spki = to_spki(pair.public_key);
  const auto pkcs8 = to_pkcs8(pair.private_key);
  EXPECT_EQ(spki.size(), spki_size);
  EXPECT_EQ(pkcs8.size(), pkcs8_size);
  EXPECT_TRUE(from_spki<Public>(spki) == pair.public_key);
  const auto back = from_pkcs8<Private>(pkcs8.reveal());
  ASSERT_TRUE(back);
  EXPECT_TRUE(*back == pair.private_key);

  for (std::size_t cut = 0; cut < spki.size(); ++cut) EXPECT_FALSE(from_spki<Public>(BytesView(spki).first(cut)));
  for (std::size_t cut = 0; cut < pkcs8.size(); ++cut) EXPECT_FALSE(from_pkcs8<Private>(pkcs8.reveal().first(cut)));
  auto longer = spki;
  longer.push_back(0);
  EXPECT_FALSE(from_spki<Public>(longer));
  for (std::size_t i = 0; i < spki_size - Public::size_bytes; ++i) {
    auto changed = spki;
    changed[i] ^= 1;
    const auto refused = from_spki<Public>(changed);
    ASSERT_FALSE(refused) << i;
    EXPECT_EQ(refused.error().kind, ErrorKind::malformed);
  }
  for (std::size_t i = 0; i < pkcs8_size - Private::size_bytes; ++i) {
    auto changed = pkcs8.clone();
    changed.reveal_mutable()[i] ^= 1;
    EXPECT_FALSE(from_pkcs8<Private>(changed.reveal())) << i;
  }
}

TEST(KeyEncoding, OneDerForEachKey) {
  SeededRandom random(4);
  strict(generate_x25519(random), 44, 48);
  strict(generate_x448(random), 68, 72);
  strict(generate_ed25519(random), 44, 48);
  strict(generate_ed448(random), 69, 73);
}

TEST(KeyEncoding, FieldsTakeTheirKinds) {
  SeededRandom random(5);
  const auto x25519 = generate_x25519(random);
  const auto x448 = generate_x448(random);
  const auto ed25519 = generate_ed25519(random);
  const auto ed448 = generate_ed448(random);
  EXPECT_TRUE(from_spki<AuthPublicKey>(to_spki(ed448.public_key)) == AuthPublicKey(ed448.public_key));
  EXPECT_FALSE(from_spki<AuthPublicKey>(to_spki(x448.public_key)));
  EXPECT_FALSE(from_spki<SignaturePublicKey>(to_spki(x25519.public_key)));
  EXPECT_FALSE(from_spki<DhPublicKey>(to_spki(ed25519.public_key)));
  EXPECT_TRUE(from_pkcs8<AuthPrivateKey>(to_pkcs8(x25519.private_key).reveal()));
  EXPECT_FALSE(from_pkcs8<AuthPrivateKey>(to_pkcs8(x448.private_key).reveal()));
  EXPECT_TRUE(from_pkcs8<DhPrivateKey>(to_pkcs8(x448.private_key).reveal()));
  EXPECT_FALSE(from_pkcs8<SignaturePrivateKey>(to_pkcs8(x448.private_key).reveal()));
  EXPECT_EQ(from_spki<DhPublicKey>({}).error().message, "not a public key (SPKI DER) of X25519, X448");

  const AuthPrivateKey key = ed25519.private_key.clone();
  EXPECT_TRUE(public_key(key) == AuthPublicKey(ed25519.public_key));
  EXPECT_TRUE(clone(key) == key);
}

TEST(KeyEncoding, Fields) {
  SeededRandom random(6);
  const auto key = generate_ed448(random).public_key;
  Writer writer;
  write_key(writer, key);
  write_key(writer, AuthPublicKey(key));
  EXPECT_EQ(writer.size(), 2 * (1U + 69U));
  Reader reader(writer.view());
  EXPECT_TRUE(read_key<Ed448PublicKey>(reader) == key);
  EXPECT_TRUE(read_key<AuthPublicKey>(reader) == AuthPublicKey(key));
  EXPECT_TRUE(reader.finish());
  Reader cut(writer.view().first(69));
  EXPECT_FALSE(read_key<Ed448PublicKey>(cut));
}

}  // namespace
}  // namespace simplex::crypto
