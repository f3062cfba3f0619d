// Keys of the four curves. Raw forms are those of RFC 7748 (X25519, X448) and RFC 8032 (Ed25519, Ed448).
// Public keys are plain values; private keys are secrets: move-only, wiped, unprintable (clone() copies on purpose).
#pragma once

#include <variant>

#include "simplex/base/random.hpp"
#include "simplex/base/secret.hpp"
#include "simplex/base/strong.hpp"

namespace simplex::crypto {

using X25519PublicKey = FixedBytes<struct X25519PublicKeyTag, 32>;
using X448PublicKey = FixedBytes<struct X448PublicKeyTag, 56>;
using Ed25519PublicKey = FixedBytes<struct Ed25519PublicKeyTag, 32>;
using Ed448PublicKey = FixedBytes<struct Ed448PublicKeyTag, 57>;

using X25519PrivateKey = Secret<struct X25519PrivateKeyTag, 32>;
using X448PrivateKey = Secret<struct X448PrivateKeyTag, 56>;
using Ed448PrivateKey = Secret<struct Ed448PrivateKeyTag, 57>;

// 32 octets of RFC 8032 secret, and beside them the public key, which every signature needs.
// Looks like a Secret of 32 octets.
class Ed25519PrivateKey {
 public:
  static constexpr std::size_t size_bytes = 32;

  // No key yet: zeros.
  Ed25519PrivateKey() = default;
  [[nodiscard]] static std::optional<Ed25519PrivateKey> from(BytesView bytes);  // 32 octets; computes the public key
  [[nodiscard]] Ed25519PrivateKey clone() const;
  [[nodiscard]] BytesView reveal() const noexcept { return both_.reveal().first(32); }
  // Secret and public key, 64 octets.
  [[nodiscard]] BytesView reveal_both() const noexcept { return both_.reveal(); }

  friend bool operator==(const Ed25519PrivateKey& a, const Ed25519PrivateKey& b) noexcept { return a.both_ == b.both_; }

 private:
  Secret<struct Ed25519BothTag, 64> both_;
};

// Costs a multiplication, but for Ed25519.
[[nodiscard]] X25519PublicKey public_key(const X25519PrivateKey& key);
[[nodiscard]] X448PublicKey public_key(const X448PrivateKey& key);
[[nodiscard]] Ed25519PublicKey public_key(const Ed25519PrivateKey& key);
[[nodiscard]] Ed448PublicKey public_key(const Ed448PrivateKey& key);

template <class Public, class Private>
struct KeyPair {
  using PublicKey = Public;
  using PrivateKey = Private;
  Public public_key;
  Private private_key;

  [[nodiscard]] KeyPair clone() const { return KeyPair{public_key, private_key.clone()}; }
  friend bool operator==(const KeyPair&, const KeyPair&) = default;
};
using X25519KeyPair = KeyPair<X25519PublicKey, X25519PrivateKey>;
using X448KeyPair = KeyPair<X448PublicKey, X448PrivateKey>;
using Ed25519KeyPair = KeyPair<Ed25519PublicKey, Ed25519PrivateKey>;
using Ed448KeyPair = KeyPair<Ed448PublicKey, Ed448PrivateKey>;

[[nodiscard]] X25519KeyPair generate_x25519(Random& random);
[[nodiscard]] X448KeyPair generate_x448(Random& random);
[[nodiscard]] Ed25519KeyPair generate_ed25519(Random& random);
[[nodiscard]] Ed448KeyPair generate_ed448(Random& random);

[[nodiscard]] X25519KeyPair pair_of(X25519PrivateKey key);
[[nodiscard]] X448KeyPair pair_of(X448PrivateKey key);
[[nodiscard]] Ed25519KeyPair pair_of(Ed25519PrivateKey key);
[[nodiscard]] Ed448KeyPair pair_of(Ed448PrivateKey key);

// What authorizes an SMP command: a signature key, or an X25519 key for an authenticator. Not X448.
using AuthPublicKey = std::variant<Ed25519PublicKey, Ed448PublicKey, X25519PublicKey>;
using AuthPrivateKey = std::variant<Ed25519PrivateKey, Ed448PrivateKey, X25519PrivateKey>;
// What signs.
using SignaturePublicKey = std::variant<Ed25519PublicKey, Ed448PublicKey>;
using SignaturePrivateKey = std::variant<Ed25519PrivateKey, Ed448PrivateKey>;
// What agrees on a secret.
using DhPublicKey = std::variant<X25519PublicKey, X448PublicKey>;
using DhPrivateKey = std::variant<X25519PrivateKey, X448PrivateKey>;

[[nodiscard]] AuthPublicKey public_key(const AuthPrivateKey& key);
[[nodiscard]] SignaturePublicKey public_key(const SignaturePrivateKey& key);
[[nodiscard]] DhPublicKey public_key(const DhPrivateKey& key);
[[nodiscard]] AuthPrivateKey clone(const AuthPrivateKey& key);

}  // namespace simplex::crypto
