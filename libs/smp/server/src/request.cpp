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

namespace {

QueueMessage plain(const StoredMessage& message) {
  const auto received = from_seconds_since_epoch(message.sent_at);
  if (message.quota) return QuotaExceeded{received};
  return MessageBody{received, MessageFlags{message.notification}, Content(message.body)};
}

Result<> write(Writer& writer, const SessionParams& session, const Delivery& delivery) {
  const auto& message = *delivery.message;
  return write_message_transmission(writer, session, delivery.corr_id, delivery.entity_id.view(), *delivery.key,
                                    smp::MessageId(message.id.view()), plain(message));
}

}  // namespace

std::size_t size_of_delivery(const SessionParams& session, const Delivery& delivery) noexcept {
  return message_transmission_size(session, delivery.corr_id, delivery.entity_id.view(), delivery.message->id.view());
}

bool add_delivery(protocol::Batch& batch, const SessionParams& session, const Delivery& delivery) {
  if (delivery.message->body.size() > max_stored_message_length) return false;
  return batch.add(size_of_delivery(session, delivery),
                   [&](Writer& writer) { (void)write(writer, session, delivery); });
}

Result<Bytes> encode_delivery(const SessionParams& session, const Delivery& delivery) {
  Writer writer(size_of_delivery(session, delivery));
  SIMPLEX_TRY(write(writer, session, delivery));
  return std::move(writer).take();
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
