#include "message_layers.hpp"

#include "simplex/agent/envelope.hpp"

namespace simplex::agent {
namespace {

void decrypt(RatchetTable::Ahead& ratchet, BytesView client_message) {
  const auto message = smp::decode_client_message(client_message);
  if (!message) return;
  const auto inside = decode_envelope(message->body.bytes);
  if (!inside) return;
  if (const auto* envelope = std::get_if<AgentMessageEnvelope>(&*inside)) {
    ratchet.decrypt(envelope->encrypted_message.bytes);
  }
}

}  // namespace

crypto::Sha256 outer_hash(BytesView body) { return crypto::sha256({as_bytes("outer"), body}); }

MessageLayers take_off(const smp::broker::Msg& message, LayerKeys keys) {
  MessageLayers layers{smp::client::open_message(keys.relay, message), {}, std::nullopt, std::move(keys)};
  if (!layers.received) {
    layers.outer_hash = outer_hash(message.encrypted_body.bytes);
    return layers;
  }
  const auto* received = std::get_if<smp::client::QueueMessageReceived>(&*layers.received);
  if (received == nullptr) return layers;
  layers.outer_hash = outer_hash(received->body);
  if (!layers.keys.e2e) return layers;
  const auto envelope = smp::decode_client_message_envelope(received->body);
  if (!envelope) return layers;
  layers.client_message = smp::open_client_message(*layers.keys.e2e, *envelope);
  if (*layers.client_message && layers.keys.ratchet) decrypt(*layers.keys.ratchet, **layers.client_message);
  return layers;
}

}  // namespace simplex::agent
