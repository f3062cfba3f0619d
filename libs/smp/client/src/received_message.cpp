#include "simplex/smp/client/received_message.hpp"

#include "simplex/smp/message_body.hpp"

namespace simplex::smp::client {

Result<ReceivedMessage> open_message(const crypto::BoxKey& key, const broker::Msg& message) {
  Bytes octets = to_bytes(message.encrypted_body.bytes);
  SIMPLEX_ASSIGN(const QueueMessage opened, decrypt_queue_message(key, message.id, octets));
  if (const auto* body = std::get_if<MessageBody>(&opened))
    return QueueMessageReceived{message.id, body->received, body->flags, to_bytes(body->body.bytes)};
  return QueueWasFull{message.id, std::get<QuotaExceeded>(opened).received};
}

}  // namespace simplex::smp::client
