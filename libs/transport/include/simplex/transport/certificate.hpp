// X.509 chains of relays and services, and keys that a certificate signs.
// A relay shows its leaf certificate first and its identity (offline CA) certificate second; an operator's and a
// network's certificate may follow. The identity is the SHA-256 of the DER of the second certificate.
// (simplex-messaging.md, "Transport handshake")
#pragma once

#include <vector>

#include "simplex/base/clock.hpp"
#include "simplex/crypto/keys.hpp"
#include "simplex/transport/channel.hpp"

namespace simplex::transport {

// DER of each certificate, leaf first. At most 4.
using CertificateChain = std::vector<Bytes>;

// SHA-256 of the second certificate of a chain of 2 to 4, or of the only one of a service's own chain of 1.
[[nodiscard]] Result<KeyHash> identity_of(const CertificateChain& chain);
[[nodiscard]] KeyHash fingerprint(BytesView certificate);

// The relay's chain has 2 to 4 certificates, the second has this fingerprint, each is signed by the next, is in force at
// this time, and all but the leaf are authorities. The name in the leaf is not looked at: the fingerprint is the name.
[[nodiscard]] Result<> verify_relay_chain(const CertificateChain& chain, const KeyHash& identity, WallTime now);
// A service's chain: the same without a fingerprint, or one self-signed certificate.
[[nodiscard]] Result<> verify_service_chain(const CertificateChain& chain, WallTime now);

[[nodiscard]] Result<crypto::SignaturePublicKey> certified_key(BytesView certificate);

// A session key signed by a leaf certificate's key:
//   SEQUENCE { SEQUENCE { SubjectPublicKeyInfo }, AlgorithmIdentifier, BIT STRING signature }
// The signature is over the inner SEQUENCE, the one that only wraps the SubjectPublicKeyInfo.
[[nodiscard]] Bytes sign_key(const crypto::SignaturePrivateKey& signer, BytesView spki);
// The SubjectPublicKeyInfo inside, once the signature is right.
[[nodiscard]] Result<BytesView> verify_signed_key(const crypto::SignaturePublicKey& signer, BytesView signed_key);

}  // namespace simplex::transport
