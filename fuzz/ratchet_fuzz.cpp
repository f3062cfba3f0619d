// rooms: crypto encoding
// Octets of a peer as ratchet messages, as what is inside an encrypted header of a peer that knows the key, and as
// handshake parameters; octets of a damaged database as stored states. Nothing may throw; a refused message must leave
// the state as it was; what decodes must encode to something that decodes to the same.

#include "simplex/crypto/pad.hpp"
#include "simplex/crypto/ratchet.hpp"
#include "counting_random.hpp"

namespace {

using namespace simplex;
using namespace simplex::crypto;

using fuzz::CountingRandom;
using fuzz::require;

struct Setting {
  SecretBytes receiving;  // alice, after one message
  SecretBytes sending;    // bob
};

template <class T, class E>
T required(std::expected<T, E> result) {
  require(result.has_value());
  return std::move(*result);
}

Setting make_setting() {
  CountingRandom random;
  const X3dhReceiver alice = generate_receiver_params(random, e2e_version_pq, PqSupport::on);
  const X3dhSender bob = generate_sender_params(random, e2e_version_pq,
                                                kem_reply(e2e_version_pq, alice.params.proposed_kem(), PqSupport::on));
  const RatchetVersions versions{e2e_version_pq, e2e_version_pq};
  RatchetState sender = required(RatchetState::init_sending(versions, alice.params.key2, generate_x448(random),
                                                            required(x3dh_sender(bob.keys, alice.params))));
  RatchetState receiver = RatchetState::init_receiving(versions, alice.keys.key2.clone(),
                                                       required(x3dh_receiver(alice.keys, bob.params)), PqSupport::on);
  const Bytes first = required(sender.encrypt(as_bytes("hello"), 100));
  require(receiver.decrypt(first, random, SkippedKeysInMemory()).plaintext.has_value());
  return {receiver.encode(), sender.encode()};
}

RatchetState load(const SecretBytes& stored) { return required(RatchetState::decode(stored.reveal())); }

void receive(const SecretBytes& stored, BytesView message) {
  CountingRandom random;
  RatchetState state = load(stored);
  const Decrypted got = state.decrypt(message, random, SkippedKeysInMemory());
  if (got.plaintext) require(got.state_changed);
  if (!got.state_changed) require(state.encode() == stored);
  require(RatchetState::decode(state.encode().reveal()).has_value());
}

// The input as the plaintext of a header, sealed with the key that the receiver expects.
Bytes with_header(BytesView plaintext, const HeaderKey& header_key, const RatchetAssociatedData& associated) {
  const AesIv16 iv;
  const auto sealed = required(aead_seal_padded(*AesKey::from(header_key.reveal()), iv, associated.view(),
                                                plaintext.first(std::min<std::size_t>(plaintext.size(), 2308)), 2310));
  Writer header;
  header.u16(e2e_version_pq.value()).raw(iv.view()).raw(sealed.tag.view()).large_string(sealed.ciphertext);
  Writer message;
  message.large_string(header.view()).raw(AesTag().view()).raw(as_bytes("body"));
  return std::move(message).take();
}

template <class Read, class Write>
void same_again(BytesView input, Read read, Write write) {
  Reader reader(input);
  const auto decoded = read(reader);
  if (!decoded) return;
  Writer writer;
  write(writer, *decoded);
  require(equal_constant_time(writer.view(), input.first(input.size() - reader.remaining())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Setting setting = make_setting();
  if (size == 0) return 0;
  const BytesView input(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      receive(setting.receiving, input);
      receive(setting.sending, input);
      break;
    case 1: {
      const RatchetState state = load(setting.receiving);
      receive(setting.receiving, with_header(input, state.receiving->header_key, state.associated_data));
      break;
    }
    case 2: {
      const RatchetState state = load(setting.receiving);
      receive(setting.receiving, with_header(input, state.next_receiving_header_key, state.associated_data));
      break;
    }
    case 3:
      same_again(input, read_e2e_ratchet_params, write_e2e_ratchet_params);
      same_again(input, read_e2e_ratchet_params_uri, write_e2e_ratchet_params_uri);
      same_again(input, read_kem_private_params, write_kem_private_params);
      same_again(input, read_message_encrypt_key, write_message_encrypt_key);
      break;
    default:
      if (const auto state = RatchetState::decode(input)) {
        const SecretBytes encoded = state->encode();
        require(load(encoded).encode() == encoded);
        RatchetState sender = state->clone();
        static_cast<void>(sender.encrypt(as_bytes("hello"), 100));
      }
  }
  return 0;
}
