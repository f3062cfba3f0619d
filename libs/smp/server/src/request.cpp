#include "simplex/smp/server/request.hpp"

#include "simplex/smp/message_body.hpp"

namespace simplex::smp::server {

void Request::own() {
  if (owned) return;
  owned = std::make_shared<const Bytes>(to_bytes(transmission));
  transmission = *owned;
  // The octets are the same, so this succeeds as it did before; the views now point into the copy.
  received = decode_client_transmission(session->params(), transmission).value();
}

Result<Bytes> encode_delivery(const SessionParams& session, const Delivery& delivery) {
  const auto& message = *delivery.message;
  const smp::MessageId id(message.id.view());
  const auto received = from_seconds_since_epoch(message.sent_at);
  QueueMessage plain = QuotaExceeded{received};
  if (!message.quota) plain = MessageBody{received, MessageFlags{message.notification}, Content(message.body)};
  SIMPLEX_ASSIGN(const auto encrypted, encrypt_queue_message(*delivery.key, id, plain));
  return encode_broker_transmission(session, delivery.corr_id, delivery.entity_id.view(),
                                    broker::Msg{id, Content(encrypted)});
}

Bytes encode_answer(const SessionParams& session, const Answer& answer) {
  return encode_broker_transmission(session, answer.corr_id, answer.entity_id.view(), answer.message);
}

}  // namespace simplex::smp::server
