// Diffie-Hellman agreement (RFC 7748).
#pragma once

#include "simplex/base/result.hpp"
#include "simplex/crypto/keys.hpp"

namespace simplex::crypto {

using X25519Secret = Secret<struct X25519SecretTag, 32>;
using X448Secret = Secret<struct X448SecretTag, 56>;

// The raw output of the curve. A peer's key of low order, which would make the secret a constant that everyone knows,
// is malformed; no honest program has one.
[[nodiscard]] Result<X25519Secret> dh(const X25519PublicKey& theirs, const X25519PrivateKey& ours);
[[nodiscard]] Result<X448Secret> dh(const X448PublicKey& theirs, const X448PrivateKey& ours);

}  // namespace simplex::crypto
