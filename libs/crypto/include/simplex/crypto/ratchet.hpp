// The double ratchet with encrypted headers and KEM (pqdr.md): e2e versions 2 and 3, X448, sntrup761, AES-256-GCM.
// A state that messages go through: no clock, disk or thread. The owner stores encode() after every change, in the same
// transaction as the message; not thread-safe.
//
//   ratchet message = header length (1 octet in version 2, 2 in version 3), header, tag 16, padded body
//   header          = version 2, iv 16, tag 16, length (1 or 2), encrypted header of 88 or, with PQ support, 2310
#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "simplex/crypto/hash.hpp"
#include "simplex/crypto/ratchet_keys.hpp"
#include "simplex/crypto/x3dh.hpp"

namespace simplex::crypto {

// Messages that can be skipped at once in one chain.
inline constexpr std::uint32_t max_skipped_messages = 512;

// New keys for a ratchet step. The usual one draws them from Random; another may have prepared them.
class RatchetKeySource {
 public:
  virtual ~RatchetKeySource() = default;
  virtual X448KeyPair dh_key() = 0;
  virtual KemKeyPair kem_keys() = 0;
  virtual KemEncapsulation encapsulate(const KemPublicKey& their_key) = 0;
};

// Asked in the order: encapsulation, KEM keys, DH key.
class FreshRatchetKeys final : public RatchetKeySource {
 public:
  explicit FreshRatchetKeys(Random& random) : random_(&random) {}
  X448KeyPair dh_key() override;
  KemKeyPair kem_keys() override;
  KemEncapsulation encapsulate(const KemPublicKey& their_key) override;

 private:
  Random* random_;
};

struct RatchetVersions {
  E2eVersion current;        // what messages are sent in
  E2eVersion max_supported;  // what headers announce
  friend bool operator==(const RatchetVersions&, const RatchetVersions&) = default;
};

enum class RatchetErrorKind : std::uint8_t {
  malformed,         // not a ratchet message, or a header that does not decode
  header,            // no key opens the header: not for this ratchet, damaged, or much too old
  duplicate,         // the last message again
  earlier,           // a message received before; count: how many messages ago
  too_many_skipped,  // count: messages that would be skipped, and this one
  body,              // the header is right, the body is damaged
  kem_state,         // KEM was accepted that was not proposed
  key_agreement,     // the peer's new key agrees on nothing (a point of low order)
  too_large,         // plaintext does not fit its padded length
  not_ready,         // nothing can be sent before the first message was received
  storage,           // the skipped keys could not be read
};
struct RatchetError {
  RatchetErrorKind kind{};
  std::uint32_t count = 0;
  friend bool operator==(const RatchetError&, const RatchetError&) = default;
};
[[nodiscard]] Error to_error(RatchetError error);

struct Decrypted {
  std::expected<Bytes, RatchetError> plaintext;
  // To be stored together, also when plaintext is an error: a message whose body is damaged uses up its number.
  bool state_changed = false;
  SkippedKeysChange skipped;
};

struct RatchetState {
  struct Sending {
    X448PublicKey their_key;
    RatchetChainKey chain_key;
    HeaderKey header_key;
  };
  struct Receiving {
    RatchetChainKey chain_key;
    HeaderKey header_key;
  };
  struct Kem {
    KemKeyPair keys;  // own
    std::optional<KemAgreement> accepted;
  };

  RatchetVersions versions;
  RatchetAssociatedData associated_data;
  X448KeyPair dh_key;  // own
  std::optional<Kem> kem;
  PqSupport pq_support = PqSupport::off;         // header size; once on it stays on
  PqEncryption pq_enabled = PqEncryption::off;   // wanted in the next ratchet step
  PqEncryption sending_kem = PqEncryption::off;  // used in the current sending chain
  PqEncryption receiving_kem = PqEncryption::off;
  RootKey root_key;
  std::optional<Sending> sending;
  std::optional<Receiving> receiving;
  std::uint32_t sent = 0;           // in the current sending chain
  std::uint32_t received = 0;       // in the current receiving chain
  std::uint32_t sent_previous = 0;  // in the previous sending chain
  HeaderKey next_sending_header_key;
  HeaderKey next_receiving_header_key;

  // The joining party, which sends first. our_key is new; their_key is key 2 of the invitation.
  // Error: malformed (their_key is a point of low order).
  [[nodiscard]] static Result<RatchetState> init_sending(RatchetVersions versions, const X448PublicKey& their_key,
                                                         X448KeyPair our_key, RatchetInitParams params);
  // The inviting party, which receives first. our_key is its key 2.
  [[nodiscard]] static RatchetState init_receiving(RatchetVersions versions, X448KeyPair our_key,
                                                   RatchetInitParams params, PqSupport support);

  [[nodiscard]] RatchetState clone() const;

  // Takes the next message number. pq: a change of the wish for KEM, if any; it takes effect over the next steps.
  // max_supported: the highest e2e version of this program, announced in the header. Errors: not_ready.
  // The protocol's weak point: once a message has switched KEM off, later headers of its chain lack the ciphertext that
  // the chain began with, so that message (or one before it in its chain) has to be the first of them to arrive.
  [[nodiscard]] std::expected<MessageEncryptKey, RatchetError> encrypt_header(
      std::optional<PqEncryption> pq, E2eVersion max_supported = supported_e2e_versions.max);
  // Header and body at once; with an error the state is as it was. Errors: not_ready, too_large.
  [[nodiscard]] std::expected<Bytes, RatchetError> encrypt(BytesView plaintext, std::size_t padded_length,
                                                           std::optional<PqEncryption> pq = std::nullopt,
                                                           E2eVersion max_supported = supported_e2e_versions.max);

  // Costs at most 2 x 512 steps of the chain, one ratchet step, and one trial for each stored header key.
  [[nodiscard]] Decrypted decrypt(BytesView message, RatchetKeySource& keys, const SkippedKeys& skipped);
  [[nodiscard]] Decrypted decrypt(BytesView message, Random& random, const SkippedKeys& skipped);

  // SHA-256 of the associated data: equal on both sides, compared by people as the security code.
  [[nodiscard]] Sha256 associated_data_hash() const;

  // For the database; docs in ratchet_encoding.cpp. Errors: malformed, version (made by a newer program).
  [[nodiscard]] SecretBytes encode() const;
  [[nodiscard]] static Result<RatchetState> decode(BytesView stored);
};

}  // namespace simplex::crypto
