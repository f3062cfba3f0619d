// Key encapsulation: Streamlined NTRU Prime 761 ("sntrup761", NTRU Prime round 3; pqdr.md, "Chosen KEM algorithm").
// The arithmetic is in constant time: neither branches nor addresses depend on a secret.
#pragma once

#include "simplex/base/random.hpp"
#include "simplex/base/result.hpp"
#include "simplex/base/secret.hpp"
#include "simplex/base/strong.hpp"
#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/writer.hpp"

namespace simplex::crypto {

using KemPublicKey = FixedBytes<struct KemPublicKeyTag, 1158>;
using KemSecretKey = Secret<struct KemSecretKeyTag, 1763>;
using KemCiphertext = FixedBytes<struct KemCiphertextTag, 1039>;
using KemSharedSecret = Secret<struct KemSharedSecretTag, 32>;
using KemHybridSecret = Secret<struct KemHybridSecretTag, 32>;

struct KemKeyPair {
  KemPublicKey public_key;
  KemSecretKey secret_key;

  [[nodiscard]] KemKeyPair clone() const { return {public_key, secret_key.clone()}; }
};

// The public key is part of the secret key.
[[nodiscard]] KemKeyPair kem_key_pair(KemSecretKey secret_key);

struct KemEncapsulation {
  KemCiphertext ciphertext;
  KemSharedSecret shared_secret;
};

// Draws 761 x 4 octets (again while they give no invertible polynomial), 761 x 4 octets, 191 octets.
[[nodiscard]] KemKeyPair generate_kem_key_pair(Random& random);
// Draws 761 x 4 octets. Any 1158 octets are a key: one that nobody made gives a secret that nobody else can find.
[[nodiscard]] KemEncapsulation kem_encapsulate(const KemPublicKey& their_key, Random& random);
// A ciphertext made for another key, or changed on the way, gives a pseudo-random secret, not an error.
[[nodiscard]] KemSharedSecret kem_decapsulate(const KemCiphertext& ciphertext, const KemSecretKey& our_key);

// SHA3-256(dh_secret || kem_secret); dh_secret is the raw 32 octets of an X25519 agreement.
[[nodiscard]] KemHybridSecret kem_hybrid_secret(BytesView dh_secret, const KemSharedSecret& kem_secret);

// Binary: keys and ciphertext with a 2-byte length, the shared secret with a 1-byte length.
void write_kem_public_key(Writer& writer, const KemPublicKey& key);
void write_kem_secret_key(Writer& writer, const KemSecretKey& key);
void write_kem_ciphertext(Writer& writer, const KemCiphertext& ciphertext);
void write_kem_shared_secret(Writer& writer, const KemSharedSecret& secret);
[[nodiscard]] Result<KemPublicKey> read_kem_public_key(Reader& reader);
[[nodiscard]] Result<KemSecretKey> read_kem_secret_key(Reader& reader);
[[nodiscard]] Result<KemCiphertext> read_kem_ciphertext(Reader& reader);
[[nodiscard]] Result<KemSharedSecret> read_kem_shared_secret(Reader& reader);

}  // namespace simplex::crypto
