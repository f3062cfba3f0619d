// A ratchet in the database, format 1. Numbers are big-endian, keys raw.
//
//   1 format; 2 current, 2 max supported e2e version; 112 associated data; 56 private, 56 public DH key;
//   1 flags: 1 PQ support, 2 PQ enabled, 4 KEM used for sending, 8 for receiving;
//   32 root key; 4 sent, 4 received, 4 sent in the previous chain; 32 next sending, 32 next receiving header key;
//   Maybe sending: 56 their DH key, 32 chain key, 32 header key; Maybe receiving: 32 chain key, 32 header key;
//   Maybe KEM: 1763 secret key; Maybe accepted: 1158 their key, 32 shared secret, 1039 ciphertext.
//
// 525 octets with both chains and no KEM, 2,289 with KEM proposed, 4,518 with KEM accepted.
#include "simplex/crypto/ratchet.hpp"

namespace simplex::crypto {

namespace {

constexpr std::uint8_t format = 1;
constexpr std::size_t largest = 4518;

constexpr std::uint8_t flag_pq_support = 1;
constexpr std::uint8_t flag_pq_enabled = 2;
constexpr std::uint8_t flag_sending_kem = 4;
constexpr std::uint8_t flag_receiving_kem = 8;

std::uint8_t flags_of(const RatchetState& state) noexcept {
  int flags = 0;
  if (state.pq_support == PqSupport::on) flags |= flag_pq_support;
  if (state.pq_enabled == PqEncryption::on) flags |= flag_pq_enabled;
  if (state.sending_kem == PqEncryption::on) flags |= flag_sending_kem;
  if (state.receiving_kem == PqEncryption::on) flags |= flag_receiving_kem;
  return static_cast<std::uint8_t>(flags);
}

PqEncryption encryption(std::uint8_t flags, std::uint8_t flag) noexcept {
  return (flags & flag) != 0 ? PqEncryption::on : PqEncryption::off;
}

// One value of a fixed size.
template <class Value>
Result<> take_into(Reader& reader, Value& value) {
  SIMPLEX_ASSIGN(const auto octets, reader.take(Value::size_bytes));
  value = *Value::from(octets);
  return {};
}

Result<RatchetState::Sending> read_sending(Reader& reader) {
  RatchetState::Sending sending;
  SIMPLEX_TRY(take_into(reader, sending.their_key));
  SIMPLEX_TRY(take_into(reader, sending.chain_key));
  SIMPLEX_TRY(take_into(reader, sending.header_key));
  return sending;
}

Result<RatchetState::Receiving> read_receiving(Reader& reader) {
  RatchetState::Receiving receiving;
  SIMPLEX_TRY(take_into(reader, receiving.chain_key));
  SIMPLEX_TRY(take_into(reader, receiving.header_key));
  return receiving;
}

Result<KemAgreement> read_agreement(Reader& reader) {
  KemAgreement agreement;
  SIMPLEX_TRY(take_into(reader, agreement.their_key));
  SIMPLEX_TRY(take_into(reader, agreement.shared_secret));
  SIMPLEX_TRY(take_into(reader, agreement.ciphertext));
  return agreement;
}

Result<RatchetState::Kem> read_kem(Reader& reader) {
  KemSecretKey secret_key;
  SIMPLEX_TRY(take_into(reader, secret_key));
  SIMPLEX_ASSIGN(auto accepted, reader.optional(read_agreement));
  return RatchetState::Kem{kem_key_pair(std::move(secret_key)), std::move(accepted)};
}

}  // namespace

SecretBytes RatchetState::encode() const {
  Writer writer(largest);  // never grows, so that no copy of the keys stays behind
  writer.u8(format).u16(versions.current.value()).u16(versions.max_supported.value()).raw(associated_data.view());
  writer.raw(dh_key.private_key.reveal()).raw(dh_key.public_key.view()).u8(flags_of(*this)).raw(root_key.reveal());
  writer.u32(sent).u32(received).u32(sent_previous);
  writer.raw(next_sending_header_key.reveal()).raw(next_receiving_header_key.reveal());
  writer.optional(sending, [](Writer& to, const Sending& chain) {
    to.raw(chain.their_key.view()).raw(chain.chain_key.reveal()).raw(chain.header_key.reveal());
  });
  writer.optional(receiving, [](Writer& to, const Receiving& chain) {
    to.raw(chain.chain_key.reveal()).raw(chain.header_key.reveal());
  });
  writer.optional(kem, [](Writer& to, const Kem& keys) {
    to.raw(keys.keys.secret_key.reveal());
    to.optional(keys.accepted, [](Writer& agreed_to, const KemAgreement& agreement) {
      agreed_to.raw(agreement.their_key.view());
      agreed_to.raw(agreement.shared_secret.reveal()).raw(agreement.ciphertext.view());
    });
  });
  Bytes octets = std::move(writer).take();
  SecretBytes encoded{BytesView(octets)};
  wipe(octets);
  return encoded;
}

Result<RatchetState> RatchetState::decode(BytesView stored) {
  Reader reader(stored);
  SIMPLEX_ASSIGN(const auto found_format, reader.u8());
  if (found_format > format) {
    return fail(ErrorKind::version,
                "The stored encryption keys of a connection were written by a newer version of this program. "
                "Install that version.",
                Advice::ask_user);
  }
  if (found_format != format) return fail(ErrorKind::malformed, "Stored encryption keys of a connection are damaged.");
  RatchetState state;
  SIMPLEX_ASSIGN(state.versions.current, read_version<E2eVersionTag>(reader));
  SIMPLEX_ASSIGN(state.versions.max_supported, read_version<E2eVersionTag>(reader));
  SIMPLEX_TRY(take_into(reader, state.associated_data));
  SIMPLEX_TRY(take_into(reader, state.dh_key.private_key));
  SIMPLEX_TRY(take_into(reader, state.dh_key.public_key));
  SIMPLEX_ASSIGN(const auto flags, reader.u8());
  state.pq_support = to_support(encryption(flags, flag_pq_support));
  state.pq_enabled = encryption(flags, flag_pq_enabled);
  state.sending_kem = encryption(flags, flag_sending_kem);
  state.receiving_kem = encryption(flags, flag_receiving_kem);
  SIMPLEX_TRY(take_into(reader, state.root_key));
  SIMPLEX_ASSIGN(state.sent, reader.u32());
  SIMPLEX_ASSIGN(state.received, reader.u32());
  SIMPLEX_ASSIGN(state.sent_previous, reader.u32());
  SIMPLEX_TRY(take_into(reader, state.next_sending_header_key));
  SIMPLEX_TRY(take_into(reader, state.next_receiving_header_key));
  SIMPLEX_ASSIGN(state.sending, reader.optional(read_sending));
  SIMPLEX_ASSIGN(state.receiving, reader.optional(read_receiving));
  SIMPLEX_ASSIGN(state.kem, reader.optional(read_kem));
  SIMPLEX_TRY(reader.finish());
  return state;
}

}  // namespace simplex::crypto
