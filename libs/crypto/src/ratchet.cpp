#include "simplex/crypto/ratchet.hpp"

#include <string>

#include "simplex/crypto/pad.hpp"
#include "ratchet_kdf.hpp"
#include "ratchet_message.hpp"

namespace simplex::crypto {

X448KeyPair FreshRatchetKeys::dh_key() { return generate_x448(*random_); }
KemKeyPair FreshRatchetKeys::kem_keys() { return generate_kem_key_pair(*random_); }
KemEncapsulation FreshRatchetKeys::encapsulate(const KemPublicKey& their_key) {
  return kem_encapsulate(their_key, *random_);
}

Error to_error(RatchetError error) {
  const auto messages = [&](std::uint32_t count) {
    return std::to_string(count) + (count == 1 ? " message" : " messages");
  };
  switch (error.kind) {
    case RatchetErrorKind::malformed:
      return {ErrorKind::malformed, "An encrypted message does not have the form of one. It is lost."};
    case RatchetErrorKind::header:
      return {ErrorKind::authentication,
              "A message cannot be decrypted with any key of this connection. If it happens again, the connection "
              "needs new encryption keys.",
              Advice::ask_user};
    case RatchetErrorKind::duplicate:
      return {ErrorKind::conflict, "The last message arrived again. It was not shown twice."};
    case RatchetErrorKind::earlier:
      return {ErrorKind::conflict, "A message that was received " + messages(error.count) +
                                       " before arrived again. It was not shown twice."};
    case RatchetErrorKind::too_many_skipped:
      return {ErrorKind::limit,
              "Too many messages are missing: this one is " + messages(error.count) + " ahead, and at most " +
                  std::to_string(max_skipped_messages) + " can be skipped. The connection needs new encryption keys.",
              Advice::ask_user};
    case RatchetErrorKind::body:
      return {ErrorKind::authentication, "A message was damaged on the way and cannot be decrypted. It is lost."};
    case RatchetErrorKind::kem_state:
      return {ErrorKind::conflict,
              "The contact accepted post-quantum keys that were not proposed. The connection "
              "needs new encryption keys.",
              Advice::ask_user};
    case RatchetErrorKind::key_agreement:
      return {ErrorKind::malformed, "The contact sent a key that gives no secret. The message was refused."};
    case RatchetErrorKind::too_large: return {ErrorKind::limit, "The message is too large to be sent."};
    case RatchetErrorKind::not_ready:
      return {ErrorKind::conflict, "Nothing can be sent before the first message of the contact has arrived.",
              Advice::retry};
    case RatchetErrorKind::storage:
      return {ErrorKind::storage, "The keys of skipped messages cannot be read from the database.", Advice::retry};
  }
  return {ErrorKind::internal, "Decryption failed."};
}

Result<RatchetState> RatchetState::init_sending(RatchetVersions versions, const X448PublicKey& their_key,
                                                X448KeyPair our_key, RatchetInitParams params) {
  SIMPLEX_ASSIGN(const auto agreed, dh(their_key, our_key.private_key));
  RootStep step =
      root_step(params.root_key, agreed, params.kem_accepted ? &params.kem_accepted->shared_secret : nullptr);
  const bool has_kem = params.kem_keys.has_value();
  RatchetState state;
  state.versions = versions;
  state.associated_data = params.associated_data;
  state.dh_key = std::move(our_key);
  state.pq_support = has_kem ? PqSupport::on : PqSupport::off;
  state.pq_enabled = to_encryption(state.pq_support);
  state.sending_kem = params.kem_accepted ? PqEncryption::on : PqEncryption::off;
  if (has_kem) state.kem = Kem{std::move(*params.kem_keys), std::move(params.kem_accepted)};
  state.root_key = std::move(step.root_key);
  state.sending = Sending{their_key, std::move(step.chain_key), std::move(params.sending_header_key)};
  state.next_sending_header_key = std::move(step.next_header_key);
  state.next_receiving_header_key = std::move(params.receiving_next_header_key);
  return state;
}

RatchetState RatchetState::init_receiving(RatchetVersions versions, X448KeyPair our_key, RatchetInitParams params,
                                          PqSupport support) {
  RatchetState state;
  state.versions = versions;
  state.associated_data = params.associated_data;
  state.dh_key = std::move(our_key);
  state.pq_support = support;
  state.pq_enabled = to_encryption(support);
  if (params.kem_keys) state.kem = Kem{std::move(*params.kem_keys), std::move(params.kem_accepted)};
  state.root_key = std::move(params.root_key);
  state.next_sending_header_key = std::move(params.receiving_next_header_key);
  state.next_receiving_header_key = std::move(params.sending_header_key);
  return state;
}

RatchetState RatchetState::clone() const {
  RatchetState copy;
  copy.versions = versions;
  copy.associated_data = associated_data;
  copy.dh_key = dh_key.clone();
  if (kem) {
    copy.kem = Kem{kem->keys.clone(), std::nullopt};
    if (kem->accepted) copy.kem->accepted = kem->accepted->clone();
  }
  copy.pq_support = pq_support;
  copy.pq_enabled = pq_enabled;
  copy.sending_kem = sending_kem;
  copy.receiving_kem = receiving_kem;
  copy.root_key = root_key.clone();
  if (sending) copy.sending = Sending{sending->their_key, sending->chain_key.clone(), sending->header_key.clone()};
  if (receiving) copy.receiving = Receiving{receiving->chain_key.clone(), receiving->header_key.clone()};
  copy.sent = sent;
  copy.received = received;
  copy.sent_previous = sent_previous;
  copy.next_sending_header_key = next_sending_header_key.clone();
  copy.next_receiving_header_key = next_receiving_header_key.clone();
  return copy;
}

std::expected<MessageEncryptKey, RatchetError> RatchetState::encrypt_header(std::optional<PqEncryption> pq,
                                                                            E2eVersion max_supported) {
  if (!sending) return std::unexpected(RatchetError{RatchetErrorKind::not_ready});
  ChainStep step = chain_step(sending->chain_key);
  const E2eVersion version = versions.current;
  const PqEncryption enabled = pq.value_or(pq_enabled);
  const bool gains_support = version >= e2e_version_pq && enabled == PqEncryption::on;
  const PqSupport support = gains_support ? PqSupport::on : pq_support;
  const E2eVersion announced = std::max(max_supported, pq == PqEncryption::on ? e2e_version_pq : version);

  MessageHeader header{announced, dh_key.public_key, std::nullopt, sent_previous, sent};
  if (kem) {
    if (kem->accepted) {
      header.kem = KemAccepted{kem->accepted->ciphertext, kem->keys.public_key};
    } else {
      header.kem = KemProposed{kem->keys.public_key};
    }
  }
  // Without KEM 80 octets of 88, with it at most 2,288 of 2,310; KEM keys are never there without support.
  const auto sealed =
      aead_seal_padded(*AesKey::from(sending->header_key.reveal()), step.header_iv, associated_data.view(),
                       encode_message_header(header, version), padded_header_size(version, support));
  if (!sealed) return std::unexpected(RatchetError{RatchetErrorKind::too_large});
  Writer encrypted(2 + AesIv16::size_bytes + AesTag::size_bytes + 2 + sealed->ciphertext.size());
  encrypted.u16(version.value()).raw(step.header_iv.view()).raw(sealed->tag.view());
  write_versioned(encrypted, version, sealed->ciphertext);

  sending->chain_key = std::move(step.chain_key);
  ++sent;
  pq_enabled = enabled;
  pq_support = support;
  versions.max_supported = announced;
  // This header still carries what was agreed; the next ones only propose.
  if (pq == PqEncryption::off && kem) kem->accepted.reset();
  return MessageEncryptKey{version, std::move(step.message_key), associated_data, std::move(encrypted).take()};
}

std::expected<Bytes, RatchetError> RatchetState::encrypt(BytesView plaintext, std::size_t padded_length,
                                                         std::optional<PqEncryption> pq, E2eVersion max_supported) {
  if (!fits_padded(plaintext.size(), padded_length)) {
    return std::unexpected(RatchetError{RatchetErrorKind::too_large});
  }
  const auto key = encrypt_header(pq, max_supported);
  if (!key) return std::unexpected(key.error());
  auto message = key->encrypt(plaintext, padded_length);
  if (!message) return std::unexpected(RatchetError{RatchetErrorKind::too_large});
  return std::move(*message);
}

Sha256 RatchetState::associated_data_hash() const { return sha256(associated_data.view()); }

}  // namespace simplex::crypto
