#include <gtest/gtest.h>

#include "simplex/crypto/dh.hpp"
#include "simplex/crypto/kem.hpp"
#include "simplex/testing/random.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex::crypto {
namespace {

using testing::Case;
using testing::run_vectors;
using testing::ScriptedRandom;

TEST(Sntrup761Vectors, KeysCiphertextAndSecretFollowFromTheRandomOctets) {
  run_vectors("sntrup761.json", "sntrup761_deterministic", 8, [](const Case& c) {
    ASSERT_EQ(c.number("keygen_attempts_for_g"), 1);
    Bytes script = c.bytes("keygen_random_g");
    append(script, c.bytes("keygen_random_f"));
    append(script, c.bytes("keygen_random_rho"));
    ScriptedRandom key_random(std::move(script));
    const KemKeyPair keys = generate_kem_key_pair(key_random);
    EXPECT_EQ(key_random.remaining(), 0U);
    EXPECT_EQ(to_bytes(keys.public_key.view()), c.bytes("pk"));
    EXPECT_EQ(to_bytes(keys.secret_key.reveal()), c.bytes("sk"));

    ScriptedRandom encapsulation_random(c.bytes("encapsulation_random"));
    const KemEncapsulation made = kem_encapsulate(keys.public_key, encapsulation_random);
    EXPECT_EQ(encapsulation_random.remaining(), 0U);
    EXPECT_EQ(to_bytes(made.ciphertext.view()), c.bytes("ciphertext"));
    EXPECT_EQ(to_bytes(made.shared_secret.reveal()), c.bytes("shared"));
    EXPECT_EQ(kem_decapsulate(made.ciphertext, keys.secret_key) == made.shared_secret, c.boolean("decapsulated_same"));
  });
}

TEST(Sntrup761Vectors, ChangedCiphertextsGiveTheReferencesPseudoRandomSecret) {
  run_vectors("crypto.json", "sntrup761", 4, [](const Case& c) {
    const auto secret_key = *KemSecretKey::from(c.bytes("sk"));
    const Bytes ciphertext = c.bytes("ciphertext");
    const auto open = [&](const Bytes& octets) {
      return to_bytes(kem_decapsulate(*KemCiphertext::from(octets), secret_key).reveal());
    };
    EXPECT_EQ(open(ciphertext), c.bytes("shared"));
    EXPECT_EQ(open(ciphertext), c.bytes("decapsulated"));
    for (const std::size_t octet : {std::size_t{100}, std::size_t{1038}}) {
      Bytes changed = ciphertext;
      changed[octet] ^= 1;
      EXPECT_EQ(open(changed), c.bytes("wrong_ciphertext_flip_byte_" + std::to_string(octet) + "_bit_0_shared"));
    }
  });
}

TEST(Sntrup761Vectors, HybridSecretIsSha3OfBoth) {
  run_vectors("crypto.json", "kem_hybrid_secret", 4, [](const Case& c) {
    const auto theirs = *X25519PublicKey::from(c.object("b").bytes("pub_raw"));
    const auto ours = *X25519PrivateKey::from(c.object("a").bytes("priv_raw"));
    const auto agreed = dh(theirs, ours);
    ASSERT_TRUE(agreed);
    const auto kem_secret = *KemSharedSecret::from(c.bytes("kem_shared"));
    EXPECT_EQ(to_bytes(kem_hybrid_secret(agreed->reveal(), kem_secret).reveal()),
              c.bytes("hybrid_sha3_256_of_dh_then_kem"));
  });
}

}  // namespace
}  // namespace simplex::crypto
