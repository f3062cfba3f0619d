#include <algorithm>

#include "simplex/crypto/ratchet.hpp"
#include "ratchet_kdf.hpp"
#include "ratchet_message.hpp"

namespace simplex::crypto {

namespace {

std::unexpected<RatchetError> refused(RatchetErrorKind kind, std::uint32_t count = 0) {
  return std::unexpected(RatchetError{kind, count});
}

using Outcome = std::expected<void, RatchetError>;
using OpenedHeader = std::expected<MessageHeader, RatchetError>;

// Error header: another key made it; malformed: this key made it, and what is inside cannot be read.
OpenedHeader open_header(const HeaderKey& key, const EncryptedHeader& header, const RatchetAssociatedData& associated) {
  const auto opened =
      aead_open_padded(*AesKey::from(key.reveal()), header.iv, associated.view(), header.body, header.tag);
  if (!opened) return refused(RatchetErrorKind::header);
  auto decoded = decode_message_header(*opened, header.version);
  if (!decoded) return refused(RatchetErrorKind::malformed);
  return std::move(*decoded);
}

std::expected<Bytes, RatchetError> open_body(const MessageKey& key, const RatchetMessage& message,
                                             const RatchetAssociatedData& associated) {
  Bytes authenticated = to_bytes(associated.view());
  append(authenticated, message.encrypted_header);
  auto opened = aead_open_padded(key.key, key.iv, authenticated, message.body, message.tag);
  if (!opened) return refused(RatchetErrorKind::body);
  return std::move(*opened);
}

// Advances the receiving chain to the message of that number, and keeps the keys that it passes.
Outcome skip_to(RatchetState& state, std::uint32_t number, std::vector<SkippedMessageKey>& passed) {
  if (!state.receiving) return {};
  const std::uint64_t wanted = number;
  const std::uint64_t expected = state.received;
  if (expected > wanted + 1) {
    return refused(RatchetErrorKind::earlier, static_cast<std::uint32_t>(expected - wanted - 1));
  }
  if (expected == wanted + 1) return refused(RatchetErrorKind::duplicate);
  if (expected + max_skipped_messages < wanted) {
    const std::uint64_t ahead = std::min<std::uint64_t>(wanted + 1 - expected, UINT32_MAX);
    return refused(RatchetErrorKind::too_many_skipped, static_cast<std::uint32_t>(ahead));
  }
  for (; state.received < number; ++state.received) {
    ChainStep step = chain_step(state.receiving->chain_key);
    passed.push_back({state.receiving->header_key.clone(), state.received, std::move(step.message_key)});
    state.receiving->chain_key = std::move(step.chain_key);
  }
  return {};
}

struct KemStep {
  std::optional<KemSharedSecret> receiving;
  std::optional<KemSharedSecret> sending;
  std::optional<RatchetState::Kem> kem;
};

std::expected<KemStep, RatchetError> kem_step(const RatchetState& state, const std::optional<KemParams>& theirs,
                                              RatchetKeySource& keys) {
  const bool wanted = state.pq_enabled == PqEncryption::on && state.versions.current >= e2e_version_pq;
  KemStep step;
  if (!theirs) {
    if (wanted && !state.kem) step.kem = RatchetState::Kem{keys.kem_keys(), std::nullopt};
    return step;
  }
  if (const auto* accepted = std::get_if<KemAccepted>(&*theirs)) {
    if (!state.kem) return refused(RatchetErrorKind::kem_state);
    step.receiving = kem_decapsulate(accepted->ciphertext, state.kem->keys.secret_key);
  }
  if (!wanted) return step;
  const KemPublicKey& their_key =
      std::visit([](const auto& params) -> const KemPublicKey& { return params.key; }, *theirs);
  KemEncapsulation made = keys.encapsulate(their_key);
  step.sending = made.shared_secret.clone();
  step.kem =
      RatchetState::Kem{keys.kem_keys(), KemAgreement{their_key, std::move(made.shared_secret), made.ciphertext}};
  return step;
}

const KemSharedSecret* if_any(const std::optional<KemSharedSecret>& secret) noexcept {
  return secret ? &*secret : nullptr;
}

// The other party has a new DH key: new chains in both directions.
Outcome ratchet_step(RatchetState& state, const MessageHeader& header, RatchetKeySource& keys) {
  auto kem = kem_step(state, header.kem, keys);
  if (!kem) return std::unexpected(kem.error());
  const auto agreed = dh(header.dh_key, state.dh_key.private_key);
  if (!agreed) return refused(RatchetErrorKind::key_agreement);
  X448KeyPair our_key = keys.dh_key();
  const auto agreed_next = dh(header.dh_key, our_key.private_key);
  if (!agreed_next) return refused(RatchetErrorKind::key_agreement);
  RootStep receiving = root_step(state.root_key, *agreed, if_any(kem->receiving));
  RootStep sending = root_step(receiving.root_key, *agreed_next, if_any(kem->sending));

  state.dh_key = std::move(our_key);
  state.sending_kem = kem->sending ? PqEncryption::on : PqEncryption::off;
  state.receiving_kem = kem->receiving ? PqEncryption::on : PqEncryption::off;
  state.pq_enabled = kem->sending || kem->receiving || kem->kem ? PqEncryption::on : PqEncryption::off;
  state.kem = std::move(kem->kem);
  if (state.versions.current >= e2e_version_pq && state.pq_enabled == PqEncryption::on) {
    state.pq_support = PqSupport::on;
  }
  state.root_key = std::move(sending.root_key);
  state.sending =
      RatchetState::Sending{header.dh_key, std::move(sending.chain_key), std::move(state.next_sending_header_key)};
  state.receiving = RatchetState::Receiving{std::move(receiving.chain_key), std::move(state.next_receiving_header_key)};
  state.sent_previous = state.sent;
  state.sent = 0;
  state.received = 0;
  state.next_sending_header_key = std::move(sending.next_header_key);
  state.next_receiving_header_key = std::move(receiving.next_header_key);
  return {};
}

enum class Chain : std::uint8_t { current, next, older };

struct FoundHeader {
  Chain chain{};
  MessageHeader header;
  std::optional<MessageKey> skipped_key;  // the message was skipped before
  std::optional<HeaderKey> header_key;    // of the skipped key
};

class Decryption {
 public:
  Decryption(RatchetState& state, RatchetKeySource& keys, const SkippedKeys& skipped)
      : state_(state), keys_(keys), skipped_(skipped) {}

  [[nodiscard]] Decrypted run(BytesView octets) {
    const auto message = decode_ratchet_message(octets);
    if (!message) return nothing_done({RatchetErrorKind::malformed});
    const auto header = decode_encrypted_header(message->encrypted_header);
    if (!header) return nothing_done({RatchetErrorKind::malformed});
    auto found = find(*header);
    if (!found) return nothing_done(found.error());
    if (found->skipped_key) {
      return {open_body(*found->skipped_key, *message, state_.associated_data), false,
              SkippedKeyRemoved{std::move(*found->header_key), found->header.number}};
    }
    // Every key of an older chain that can open anything is stored.
    if (found->chain == Chain::older) return nothing_done({RatchetErrorKind::header});
    return advance(*message, found->header, found->chain);
  }

 private:
  static Decrypted nothing_done(RatchetError error) { return {std::unexpected(error), false, SkippedKeysUnchanged{}}; }

  // Which key opens the header: of the current chain, of the next, or of a chain with skipped messages. A header is
  // made with one key, so that the order does not matter; the usual ones are first.
  std::expected<FoundHeader, RatchetError> find(const EncryptedHeader& header) const {
    if (state_.receiving) {
      const HeaderKey& key = state_.receiving->header_key;
      auto opened = open_header(key, header, state_.associated_data);
      if (opened) {
        if (opened->number >= state_.received) return FoundHeader{Chain::current, std::move(*opened), {}, {}};
        return with_skipped(Chain::current, std::move(*opened), key);
      }
      if (opened.error().kind != RatchetErrorKind::header) return std::unexpected(opened.error());
    }
    auto opened = open_header(state_.next_receiving_header_key, header, state_.associated_data);
    if (opened) return FoundHeader{Chain::next, std::move(*opened), {}, {}};
    if (opened.error().kind != RatchetErrorKind::header) return std::unexpected(opened.error());

    const auto header_keys = skipped_.header_keys();
    if (!header_keys) return refused(RatchetErrorKind::storage);
    for (const HeaderKey& key : *header_keys) {
      if (state_.receiving && key == state_.receiving->header_key) continue;
      opened = open_header(key, header, state_.associated_data);
      if (opened) return with_skipped(Chain::older, std::move(*opened), key);
      if (opened.error().kind != RatchetErrorKind::header) return std::unexpected(opened.error());
    }
    return refused(RatchetErrorKind::header);
  }

  std::expected<FoundHeader, RatchetError> with_skipped(Chain chain, MessageHeader header, const HeaderKey& key) const {
    auto stored = skipped_.find(key, header.number);
    if (!stored) return refused(RatchetErrorKind::storage);
    FoundHeader found{chain, std::move(header), std::move(*stored), {}};
    if (found.skipped_key) found.header_key = key.clone();
    return found;
  }

  // Works on a copy: an error before the new message number is known leaves everything as it was.
  Decrypted advance(const RatchetMessage& message, const MessageHeader& header, Chain chain) {
    RatchetState next = state_.clone();
    if (header.max_version > next.versions.current) {
      next.versions.current =
          std::max(next.versions.current, std::min(header.max_version, next.versions.max_supported));
    }
    std::vector<SkippedMessageKey> passed;
    if (chain == Chain::next) {
      if (const auto skipped = skip_to(next, header.previous_count, passed); !skipped) {
        return nothing_done(skipped.error());
      }
      if (const auto stepped = ratchet_step(next, header, keys_); !stepped) return nothing_done(stepped.error());
    }
    if (const auto skipped = skip_to(next, header.number, passed); !skipped) {
      const bool changed = chain == Chain::next || next.versions != state_.versions;
      if (changed) state_ = std::move(next);
      return {std::unexpected(skipped.error()), changed, added(std::move(passed))};
    }
    ChainStep step = chain_step(next.receiving->chain_key);
    next.receiving->chain_key = std::move(step.chain_key);
    ++next.received;
    state_ = std::move(next);
    return {open_body(step.message_key, message, state_.associated_data), true, added(std::move(passed))};
  }

  static SkippedKeysChange added(std::vector<SkippedMessageKey> keys) {
    if (keys.empty()) return SkippedKeysUnchanged{};
    return SkippedKeysAdded{std::move(keys)};
  }

  RatchetState& state_;
  RatchetKeySource& keys_;
  const SkippedKeys& skipped_;
};

}  // namespace

Decrypted RatchetState::decrypt(BytesView message, RatchetKeySource& keys, const SkippedKeys& skipped) {
  return Decryption(*this, keys, skipped).run(message);
}

Decrypted RatchetState::decrypt(BytesView message, Random& random, const SkippedKeys& skipped) {
  FreshRatchetKeys keys(random);
  return decrypt(message, keys, skipped);
}

}  // namespace simplex::crypto
