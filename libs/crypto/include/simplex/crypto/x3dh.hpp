// Initial key agreement of two clients: X3DH with X448, and with sntrup761 where both sides want it
// (pqdr.md, "Initialization"; agent-protocol.md, e2e encryption parameters).
//
//   party that makes the invitation            party that joins
//   generate_receiver_params ---- E2eRatchetParamsUri (in the link) ----> generate_sender_params(kem_reply(...))
//                                                                        x3dh_sender, RatchetState::init_sending
//   x3dh_receiver, RatchetState::init_receiving <---- E2eRatchetParams (in the confirmation) ----
#pragma once

#include <optional>
#include <variant>

#include "simplex/crypto/kem.hpp"
#include "simplex/crypto/keys.hpp"
#include "simplex/encoding/version.hpp"

namespace simplex::crypto {

inline constexpr E2eVersion e2e_version_kdf{2};
inline constexpr E2eVersion e2e_version_pq{3};
inline constexpr E2eVersionRange supported_e2e_versions{e2e_version_kdf, e2e_version_pq};

// Whether a connection can carry KEM keys. Decides padded sizes; once on it stays on.
enum class PqSupport : bool { off, on };
// Whether KEM is wanted in the next ratchet steps, or was used in the last one.
enum class PqEncryption : bool { off, on };

[[nodiscard]] constexpr PqSupport both(PqSupport a, PqSupport b) noexcept {
  return a == PqSupport::on && b == PqSupport::on ? PqSupport::on : PqSupport::off;
}
[[nodiscard]] constexpr PqEncryption to_encryption(PqSupport support) noexcept {
  return support == PqSupport::on ? PqEncryption::on : PqEncryption::off;
}
[[nodiscard]] constexpr PqSupport to_support(PqEncryption encryption) noexcept {
  return encryption == PqEncryption::on ? PqSupport::on : PqSupport::off;
}

// What a message or a handshake says about KEM. Binary: 'P' key | 'A' ciphertext key.
struct KemProposed {
  KemPublicKey key;
  friend bool operator==(const KemProposed&, const KemProposed&) = default;
};
struct KemAccepted {
  KemCiphertext ciphertext;  // for the key that the other party proposed
  KemPublicKey key;          // for its answer
  friend bool operator==(const KemAccepted&, const KemAccepted&) = default;
};
using KemParams = std::variant<KemProposed, KemAccepted>;

void write_kem_params(Writer& writer, const KemParams& params);
[[nodiscard]] Result<KemParams> read_kem_params(Reader& reader);

// Public parameters as a link offers them. KEM can only be proposed here.
// Binary: version range 4, key1 and key2 (1-byte length, SPKI), Maybe KEM. The text form is with the links.
struct E2eRatchetParamsUri {
  E2eVersionRange versions;
  X448PublicKey key1;
  X448PublicKey key2;
  std::optional<KemPublicKey> kem;
};
void write_e2e_ratchet_params_uri(Writer& writer, const E2eRatchetParamsUri& params);
[[nodiscard]] Result<E2eRatchetParamsUri> read_e2e_ratchet_params_uri(Reader& reader);

// Public parameters with the agreed version: in a confirmation, and in both directions of a ratchet renegotiation.
// Binary: version 2, key1, key2, and from version 3 Maybe KEM.
struct E2eRatchetParams {
  E2eVersion version;
  X448PublicKey key1;
  X448PublicKey key2;
  std::optional<KemParams> kem;

  // The proposed key; nothing when there is none or KEM is accepted.
  [[nodiscard]] std::optional<KemPublicKey> proposed_kem() const;
};
void write_e2e_ratchet_params(Writer& writer, const E2eRatchetParams& params);
[[nodiscard]] Result<E2eRatchetParams> read_e2e_ratchet_params(Reader& reader);
[[nodiscard]] E2eRatchetParamsUri with_versions(const E2eRatchetParams& params, E2eVersionRange versions);
[[nodiscard]] E2eRatchetParams with_version(const E2eRatchetParamsUri& params, E2eVersion version);

// Private keys of the party that proposes (makes the invitation).
struct X3dhReceiverKeys {
  X448KeyPair key1;
  X448KeyPair key2;
  std::optional<KemKeyPair> kem;
};
// The same keys, as the public parameters were sent.
[[nodiscard]] E2eRatchetParams public_params(const X3dhReceiverKeys& keys, E2eVersion version);

struct KemAcceptedKeys {
  KemEncapsulation encapsulation;
  KemKeyPair keys;
};
// Private side of KemParams: own proposal, or acceptance of the other party's. Binary, for the database of a client:
// 'P' public key, secret key | 'A' ciphertext, shared secret, public key, secret key.
using KemPrivateParams = std::variant<KemKeyPair, KemAcceptedKeys>;
void write_kem_private_params(Writer& writer, const KemPrivateParams& params);
[[nodiscard]] Result<KemPrivateParams> read_kem_private_params(Reader& reader);

// Private keys of the party that replies (joins).
struct X3dhSenderKeys {
  X448KeyPair key1;
  X448KeyPair key2;
  std::optional<KemPrivateParams> kem;
};

// What the joining party does about KEM.
struct KemPropose {};
struct KemAccept {
  KemPublicKey their_key;
};
using KemReply = std::variant<std::monostate, KemPropose, KemAccept>;
// Nothing below version 3 or without support; else acceptance of what was proposed, or an own proposal.
[[nodiscard]] KemReply kem_reply(E2eVersion version, const std::optional<KemPublicKey>& proposed, PqSupport support);

struct X3dhReceiver {
  X3dhReceiverKeys keys;
  E2eRatchetParams params;
};
struct X3dhSender {
  X3dhSenderKeys keys;
  E2eRatchetParams params;
};
// Draw key1, key2, the KEM keys, the encapsulation, in this order.
[[nodiscard]] X3dhReceiver generate_receiver_params(Random& random, E2eVersion version, PqSupport support);
[[nodiscard]] X3dhSender generate_sender_params(Random& random, E2eVersion version, const KemReply& reply);

// Joining party's key 1, inviting party's key 1, raw. The same on both sides; authenticated with every message.
using RatchetAssociatedData = FixedBytes<struct RatchetAssociatedDataTag, 112>;
using HeaderKey = Secret<struct HeaderKeyTag, 32>;
using RootKey = Secret<struct RootKeyTag, 32>;

// An accepted KEM agreement, as the ratchet keeps it.
struct KemAgreement {
  KemPublicKey their_key;
  KemSharedSecret shared_secret;
  KemCiphertext ciphertext;  // of the shared secret, for their_key; goes into our headers

  [[nodiscard]] KemAgreement clone() const { return {their_key, shared_secret.clone(), ciphertext}; }
};

// What X3DH gives to the ratchet. The joining party sends with sending_header_key.
struct RatchetInitParams {
  RatchetAssociatedData associated_data;
  RootKey root_key;
  HeaderKey sending_header_key;
  HeaderKey receiving_next_header_key;
  std::optional<KemAgreement> kem_accepted;
  std::optional<KemKeyPair> kem_keys;  // own
};

// Errors: malformed (a key of low order, see dh.hpp); conflict (KEM was accepted that was not proposed, or the other
// way round).
[[nodiscard]] Result<RatchetInitParams> x3dh_sender(const X3dhSenderKeys& ours, const E2eRatchetParams& theirs);
[[nodiscard]] Result<RatchetInitParams> x3dh_receiver(const X3dhReceiverKeys& ours, const E2eRatchetParams& theirs);

}  // namespace simplex::crypto
