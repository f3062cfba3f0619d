// What two clients exchange through a queue: the body of SEND (simplex-messaging.md, "Message format"; vectors:
// agent_messages.json complete_send_body).
//
//   body:     client version (2) | Maybe key (X25519, short(SPKI)) | nonce (24) | encrypted
//   encrypted: crypto_box of the padded client message: padded to 15,904 when the key is there, else to 16,000
//   client message: 'K' key | '_'   and the agent's envelope
//
// The public key goes with the confirmation only; both sides keep the agreed secret afterwards.
#pragma once

#include <optional>

#include "simplex/crypto/box.hpp"
#include "simplex/crypto/keys.hpp"
#include "simplex/smp/types.hpp"

namespace simplex::smp {

inline constexpr std::size_t padded_confirmation_size = 15904;
inline constexpr std::size_t padded_client_message_size = 16000;

struct PublicHeader {
  SmpClientVersion version;
  std::optional<crypto::X25519PublicKey> dh_key;

  friend bool operator==(const PublicHeader&, const PublicHeader&) = default;
};

// The body of SEND. `encrypted` is a view.
struct ClientMessageEnvelope {
  PublicHeader header;
  crypto::CbNonce nonce;
  Content encrypted;

  friend bool operator==(const ClientMessageEnvelope&, const ClientMessageEnvelope&) = default;
};
void write_client_message_envelope(Writer& writer, const ClientMessageEnvelope& envelope);
[[nodiscard]] Result<ClientMessageEnvelope> decode_client_message_envelope(BytesView body);

// Inside: the sender's key for the recipient's KEY command, where the sender could not secure the queue itself.
struct ClientMessage {
  std::optional<crypto::AuthPublicKey> sender_key;  // 'K' key, or '_'
  Content body;

  friend bool operator==(const ClientMessage&, const ClientMessage&) = default;
};
void write_client_message(Writer& writer, const ClientMessage& message);
[[nodiscard]] Result<ClientMessage> decode_client_message(BytesView plain);

// Both layers. key: agreed between the queue's DH keys of sender and recipient. A body that does not fit is over the
// limit.
[[nodiscard]] Result<Bytes> seal_client_message(const crypto::BoxKey& key, const crypto::CbNonce& nonce,
                                                const PublicHeader& header, const ClientMessage& message);
// The client message inside, as octets to be read with decode_client_message.
[[nodiscard]] Result<Bytes> open_client_message(const crypto::BoxKey& key, const ClientMessageEnvelope& envelope);

}  // namespace simplex::smp
