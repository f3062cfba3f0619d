#include "simplex/crypto/key_encoding.hpp"

#include <string>

namespace simplex::crypto {

namespace {

// Last octet of the algorithm's object identifier, 1.3.101.x.
template <class Key>
struct Algorithm;
template <>
struct Algorithm<X25519PublicKey> {
  static constexpr std::uint8_t id = 110;
  static constexpr std::string_view name = "X25519";
};
template <>
struct Algorithm<X448PublicKey> {
  static constexpr std::uint8_t id = 111;
  static constexpr std::string_view name = "X448";
};
template <>
struct Algorithm<Ed25519PublicKey> {
  static constexpr std::uint8_t id = 112;
  static constexpr std::string_view name = "Ed25519";
};
template <>
struct Algorithm<Ed448PublicKey> {
  static constexpr std::uint8_t id = 113;
  static constexpr std::string_view name = "Ed448";
};
template <>
struct Algorithm<X25519PrivateKey> : Algorithm<X25519PublicKey> {};
template <>
struct Algorithm<X448PrivateKey> : Algorithm<X448PublicKey> {};
template <>
struct Algorithm<Ed25519PrivateKey> : Algorithm<Ed25519PublicKey> {};
template <>
struct Algorithm<Ed448PrivateKey> : Algorithm<Ed448PublicKey> {};

// SEQUENCE { SEQUENCE { OID }, BIT STRING { no unused bits, key } }
template <class Key>
constexpr std::array<std::uint8_t, 12> spki_prefix = {
    0x30, Key::size_bytes + 10, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, Algorithm<Key>::id,
    0x03, Key::size_bytes + 1,  0x00};

// SEQUENCE { INTEGER 0, SEQUENCE { OID }, OCTET STRING { OCTET STRING { key } } }
template <class Key>
constexpr std::array<std::uint8_t, 16> pkcs8_prefix = {
    0x30, Key::size_bytes + 14, 0x02, 0x01,           0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, Algorithm<Key>::id,
    0x04, Key::size_bytes + 2,  0x04, Key::size_bytes};

template <class Key, std::size_t N>
std::optional<Key> after_prefix(const std::array<std::uint8_t, N>& prefix, BytesView der) {
  if (der.size() != N + Key::size_bytes || !std::equal(prefix.begin(), prefix.end(), der.begin())) return std::nullopt;
  return Key::from(der.subspan(N));
}

template <class Key>
Bytes spki(const Key& key) {
  Bytes made;
  made.reserve(spki_prefix<Key>.size() + Key::size_bytes);
  append(made, spki_prefix<Key>);
  append(made, key.view());
  return made;
}

template <class Key>
SecretBytes pkcs8(const Key& key) {
  const auto& prefix = pkcs8_prefix<Key>;
  SecretBytes made(prefix.size() + Key::size_bytes);
  const auto end = std::copy(prefix.begin(), prefix.end(), made.reveal_mutable().begin());
  const auto secret = key.reveal();
  std::copy(secret.begin(), secret.end(), end);
  return made;
}

template <class Variant>
struct AnyOf;
template <class... Keys>
struct AnyOf<std::variant<Keys...>> {
  using Variant = std::variant<Keys...>;

  static std::string names() {
    std::string made;
    ((made += (made.empty() ? "" : ", "), made += Algorithm<Keys>::name), ...);
    return made;
  }

  static Result<Variant> from_spki(BytesView der) {
    std::optional<Variant> found;
    (read(found, after_prefix<Keys>(spki_prefix<Keys>, der)), ...);
    if (!found) return fail(ErrorKind::malformed, "not a public key (SPKI DER) of " + names());
    return std::move(*found);
  }

  static Result<Variant> from_pkcs8(BytesView der) {
    std::optional<Variant> found;
    (read(found, after_prefix<Keys>(pkcs8_prefix<Keys>, der)), ...);
    if (!found) return fail(ErrorKind::malformed, "not a private key (PKCS #8 DER) of " + names());
    return std::move(*found);
  }

 private:
  template <class Key>
  static void read(std::optional<Variant>& found, std::optional<Key> key) {
    if (key) found.emplace(std::move(*key));
  }
};

template <class Key>
Result<Key> one_from_spki(BytesView der) {
  auto found = after_prefix<Key>(spki_prefix<Key>, der);
  if (!found) {
    return fail(ErrorKind::malformed, "not a public key (SPKI DER) of " + std::string(Algorithm<Key>::name));
  }
  return *found;
}

template <class Key>
Result<Key> one_from_pkcs8(BytesView der) {
  auto found = after_prefix<Key>(pkcs8_prefix<Key>, der);
  if (!found) {
    return fail(ErrorKind::malformed, "not a private key (PKCS #8 DER) of " + std::string(Algorithm<Key>::name));
  }
  return std::move(*found);
}

template <class Variant>
Bytes any_to_spki(const Variant& key) {
  return std::visit([](const auto& one) { return to_spki(one); }, key);
}

template <class Variant>
SecretBytes any_to_pkcs8(const Variant& key) {
  return std::visit([](const auto& one) { return to_pkcs8(one); }, key);
}

}  // namespace

Bytes to_spki(const X25519PublicKey& key) { return spki(key); }
Bytes to_spki(const X448PublicKey& key) { return spki(key); }
Bytes to_spki(const Ed25519PublicKey& key) { return spki(key); }
Bytes to_spki(const Ed448PublicKey& key) { return spki(key); }
Bytes to_spki(const AuthPublicKey& key) { return any_to_spki(key); }
Bytes to_spki(const SignaturePublicKey& key) { return any_to_spki(key); }
Bytes to_spki(const DhPublicKey& key) { return any_to_spki(key); }

template <>
Result<X25519PublicKey> from_spki(BytesView der) {
  return one_from_spki<X25519PublicKey>(der);
}
template <>
Result<X448PublicKey> from_spki(BytesView der) {
  return one_from_spki<X448PublicKey>(der);
}
template <>
Result<Ed25519PublicKey> from_spki(BytesView der) {
  return one_from_spki<Ed25519PublicKey>(der);
}
template <>
Result<Ed448PublicKey> from_spki(BytesView der) {
  return one_from_spki<Ed448PublicKey>(der);
}
template <>
Result<AuthPublicKey> from_spki(BytesView der) {
  return AnyOf<AuthPublicKey>::from_spki(der);
}
template <>
Result<SignaturePublicKey> from_spki(BytesView der) {
  return AnyOf<SignaturePublicKey>::from_spki(der);
}
template <>
Result<DhPublicKey> from_spki(BytesView der) {
  return AnyOf<DhPublicKey>::from_spki(der);
}

SecretBytes to_pkcs8(const X25519PrivateKey& key) { return pkcs8(key); }
SecretBytes to_pkcs8(const X448PrivateKey& key) { return pkcs8(key); }
SecretBytes to_pkcs8(const Ed25519PrivateKey& key) { return pkcs8(key); }
SecretBytes to_pkcs8(const Ed448PrivateKey& key) { return pkcs8(key); }
SecretBytes to_pkcs8(const AuthPrivateKey& key) { return any_to_pkcs8(key); }
SecretBytes to_pkcs8(const SignaturePrivateKey& key) { return any_to_pkcs8(key); }
SecretBytes to_pkcs8(const DhPrivateKey& key) { return any_to_pkcs8(key); }

template <>
Result<X25519PrivateKey> from_pkcs8(BytesView der) {
  return one_from_pkcs8<X25519PrivateKey>(der);
}
template <>
Result<X448PrivateKey> from_pkcs8(BytesView der) {
  return one_from_pkcs8<X448PrivateKey>(der);
}
template <>
Result<Ed25519PrivateKey> from_pkcs8(BytesView der) {
  return one_from_pkcs8<Ed25519PrivateKey>(der);
}
template <>
Result<Ed448PrivateKey> from_pkcs8(BytesView der) {
  return one_from_pkcs8<Ed448PrivateKey>(der);
}
template <>
Result<AuthPrivateKey> from_pkcs8(BytesView der) {
  return AnyOf<AuthPrivateKey>::from_pkcs8(der);
}
template <>
Result<SignaturePrivateKey> from_pkcs8(BytesView der) {
  return AnyOf<SignaturePrivateKey>::from_pkcs8(der);
}
template <>
Result<DhPrivateKey> from_pkcs8(BytesView der) {
  return AnyOf<DhPrivateKey>::from_pkcs8(der);
}

}  // namespace simplex::crypto
