// Authenticated encryption: NaCl crypto_box and secret box (XSalsa20, Poly1305), and their padded forms.
//
//   sealed = tag (16) || ciphertext (as long as the message)
//
// A BoxKey is what both boxes encrypt with, after HSalsa20 was applied once to the agreed or given key; make it once
// where a key is used many times. A secret box with key k is crypto_box with k in the place of the DH output, NOT
// NaCl's crypto_secretbox with k.
#pragma once

#include "simplex/base/result.hpp"
#include "simplex/crypto/dh.hpp"
#include "simplex/crypto/nonce.hpp"

namespace simplex::crypto {

inline constexpr std::size_t box_tag_size = 16;

// 32 random octets, or the output of a key derivation.
using SecretBoxKey = Secret<struct SecretBoxKeyTag, 32>;
using BoxKey = Secret<struct BoxKeyTag, 32>;
using BoxTag = FixedBytes<struct BoxTagTag, 16>;

[[nodiscard]] BoxKey box_key(const X25519Secret& agreed);
[[nodiscard]] BoxKey box_key(const SecretBoxKey& key);
// Agrees on the secret and derives its key; see dh() for the error.
[[nodiscard]] Result<BoxKey> box_key(const X25519PublicKey& theirs, const X25519PrivateKey& ours);
[[nodiscard]] SecretBoxKey random_secret_box_key(Random& random);

// Into memory of the caller. out.size() must be message.size() + 16 (else std::invalid_argument); the message may lie
// in place already, at out + 16, and otherwise must not overlap.
void seal_into(const BoxKey& key, const CbNonce& nonce, BytesView message, MutableBytes out);
// Pads the message to out.size() - 16; too long a message is over the limit. It may lie in place, at out + 18.
[[nodiscard]] Result<> seal_padded_into(const BoxKey& key, const CbNonce& nonce, BytesView message, MutableBytes out);
// Tag apart; out.size() must be message.size(), and out may be the message itself.
[[nodiscard]] BoxTag seal_detached(const BoxKey& key, const CbNonce& nonce, BytesView message, MutableBytes out);

[[nodiscard]] Bytes seal(const BoxKey& key, const CbNonce& nonce, BytesView message);
[[nodiscard]] Result<Bytes> seal_padded(const BoxKey& key, const CbNonce& nonce, BytesView message,
                                        std::size_t padded_size);

// Decrypts in place and returns where the message lies inside. A wrong tag is an authentication error and leaves the
// octets as they were.
[[nodiscard]] Result<MutableBytes> open_in_place(const BoxKey& key, const CbNonce& nonce, MutableBytes sealed);
[[nodiscard]] Result<MutableBytes> open_padded_in_place(const BoxKey& key, const CbNonce& nonce, MutableBytes sealed);
[[nodiscard]] Result<> open_detached(const BoxKey& key, const CbNonce& nonce, BytesView ciphertext, const BoxTag& tag,
                                     MutableBytes out);

[[nodiscard]] Result<Bytes> open(const BoxKey& key, const CbNonce& nonce, BytesView sealed);
[[nodiscard]] Result<Bytes> open_padded(const BoxKey& key, const CbNonce& nonce, BytesView sealed);

}  // namespace simplex::crypto
