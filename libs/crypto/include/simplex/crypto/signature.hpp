// Signatures: Ed25519 and Ed448 (RFC 8032, pure).
#pragma once

#include "simplex/base/result.hpp"
#include "simplex/crypto/keys.hpp"

namespace simplex::crypto {

using Ed25519Signature = FixedBytes<struct Ed25519SignatureTag, 64>;
using Ed448Signature = FixedBytes<struct Ed448SignatureTag, 114>;
using Signature = std::variant<Ed25519Signature, Ed448Signature>;

[[nodiscard]] Ed25519Signature sign(const Ed25519PrivateKey& key, BytesView message);
[[nodiscard]] Ed448Signature sign(const Ed448PrivateKey& key, BytesView message);
[[nodiscard]] Signature sign(const SignaturePrivateKey& key, BytesView message);

[[nodiscard]] bool verify(const Ed25519PublicKey& key, const Ed25519Signature& signature, BytesView message);
[[nodiscard]] bool verify(const Ed448PublicKey& key, const Ed448Signature& signature, BytesView message);
// False also when key and signature are of different algorithms.
[[nodiscard]] bool verify(const SignaturePublicKey& key, const Signature& signature, BytesView message);

// 64 octets are Ed25519, 114 are Ed448; another length is malformed.
[[nodiscard]] Result<Signature> decode_signature(BytesView bytes);
[[nodiscard]] BytesView view(const Signature& signature) noexcept;

}  // namespace simplex::crypto
