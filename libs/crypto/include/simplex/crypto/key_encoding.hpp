// DER of keys (RFC 8410): SubjectPublicKeyInfo of public keys, PKCS #8 of private keys.
//
//            SPKI  PKCS #8
//   X25519     44       48
//   Ed25519    44       48
//   X448       68       72
//   Ed448      69       73
//
// DER has one form for each key and nothing else is accepted: another length, another algorithm or octets left over are
// malformed.
#pragma once

#include "simplex/base/result.hpp"
#include "simplex/crypto/keys.hpp"
#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/writer.hpp"

namespace simplex::crypto {

[[nodiscard]] Bytes to_spki(const X25519PublicKey& key);
[[nodiscard]] Bytes to_spki(const X448PublicKey& key);
[[nodiscard]] Bytes to_spki(const Ed25519PublicKey& key);
[[nodiscard]] Bytes to_spki(const Ed448PublicKey& key);
[[nodiscard]] Bytes to_spki(const AuthPublicKey& key);
[[nodiscard]] Bytes to_spki(const SignaturePublicKey& key);
[[nodiscard]] Bytes to_spki(const DhPublicKey& key);

// from_spki<X25519PublicKey>(bytes). Key: any public key type above, or a variant of them.
template <class Key>
[[nodiscard]] Result<Key> from_spki(BytesView der) = delete;
template <>
Result<X25519PublicKey> from_spki(BytesView der);
template <>
Result<X448PublicKey> from_spki(BytesView der);
template <>
Result<Ed25519PublicKey> from_spki(BytesView der);
template <>
Result<Ed448PublicKey> from_spki(BytesView der);
template <>
Result<AuthPublicKey> from_spki(BytesView der);
template <>
Result<SignaturePublicKey> from_spki(BytesView der);
template <>
Result<DhPublicKey> from_spki(BytesView der);

[[nodiscard]] SecretBytes to_pkcs8(const X25519PrivateKey& key);
[[nodiscard]] SecretBytes to_pkcs8(const X448PrivateKey& key);
[[nodiscard]] SecretBytes to_pkcs8(const Ed25519PrivateKey& key);
[[nodiscard]] SecretBytes to_pkcs8(const Ed448PrivateKey& key);
[[nodiscard]] SecretBytes to_pkcs8(const AuthPrivateKey& key);
[[nodiscard]] SecretBytes to_pkcs8(const SignaturePrivateKey& key);
[[nodiscard]] SecretBytes to_pkcs8(const DhPrivateKey& key);

template <class Key>
[[nodiscard]] Result<Key> from_pkcs8(BytesView der) = delete;
template <>
Result<X25519PrivateKey> from_pkcs8(BytesView der);
template <>
Result<X448PrivateKey> from_pkcs8(BytesView der);
template <>
Result<Ed25519PrivateKey> from_pkcs8(BytesView der);
template <>
Result<Ed448PrivateKey> from_pkcs8(BytesView der);
template <>
Result<AuthPrivateKey> from_pkcs8(BytesView der);
template <>
Result<SignaturePrivateKey> from_pkcs8(BytesView der);
template <>
Result<DhPrivateKey> from_pkcs8(BytesView der);

// A key as a field of an SMP message: its SPKI with a 1-byte length.
template <class Key>
[[nodiscard]] Result<Key> read_key(Reader& reader) {
  SIMPLEX_ASSIGN(const auto der, reader.short_string());
  return from_spki<Key>(der);
}
template <class Key>
void write_key(Writer& writer, const Key& key) {
  writer.short_string(to_spki(key));
}

}  // namespace simplex::crypto
