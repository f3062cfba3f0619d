#include "simplex/smp/server/request.hpp"

#include "simplex/smp/message_body.hpp"
#include "simplex/smp/proxy_layers.hpp"

namespace simplex::smp::server {

void Request::own() {
  if (owned || visit || control) return;
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
  if (!answer.forwarding) {
    return encode_broker_transmission(session, answer.corr_id, answer.entity_id.view(), answer.message);
  }
  const auto& way = *answer.forwarding;
  const auto to_proxy = [&](const BrokerMessage& message) {
    return encode_broker_transmission(session, way.corr_id, {}, message);
  };
  const auto inner = encode_broker_transmission({way.version, session.session_id}, answer.corr_id,
                                                answer.entity_id.view(), answer.message);
  const auto nonce = crypto::cb_nonce(way.client_corr_id.view());
  const auto sealed = seal_forwarded(way.client_key, crypto::reversed(nonce), inner);
  if (!sealed) return to_proxy(broker::Err{errors::Block{}});
  const auto wrapped = seal_rres(*way.proxy->proxy_key, crypto::cb_nonce(way.corr_id.view()),
                                 ForwardedResponse{way.client_corr_id, Content(*sealed)});
  return to_proxy(broker::Rres{Content(wrapped)});
}

}  // namespace simplex::smp::server
