#include "simplex/smp/transmission.hpp"

#include "simplex/crypto/signature.hpp"

namespace simplex::smp {

namespace {

bool is_authorization_size(std::size_t size) {
  return size == 0 || size == crypto::Ed25519Signature::size_bytes || size == crypto::Authenticator::size_bytes ||
         size == crypto::Ed448Signature::size_bytes;
}

// What the entity's key authorizes: in a service's session the service's certificate too, so that nobody in the middle
// can put another service in its place.
Bytes authorized(const SessionParams& session, BytesView service_cert_hash, BytesView body) {
  Writer writer(service_cert_hash.size() + 1 + session.session_id.size() + body.size());
  writer.raw(service_cert_hash).short_string(session.session_id).raw(body);
  return std::move(writer).take();
}

Result<Bytes> authorize(const ClientAuth& auth, const CorrId& corr_id, BytesView authorized_here) {
  const auto nonce = crypto::cb_nonce(corr_id.view());
  if (auth.agreed != nullptr) return to_bytes(crypto::authenticate(*auth.agreed, nonce, authorized_here).view());
  return crypto::authorize(*auth.key, auth.relay_key, nonce, authorized_here);
}

template <class Received, class Refused, class Decode>
Result<Received, Refused> decode(const SessionParams& session, BytesView transmission, Decode&& decode_rest) {
  const auto format = transmission_format(session.version);
  const auto raw = protocol::parse_transmission(transmission, format);
  if (!raw) return std::unexpected(Refused{.corr_id = {}, .entity_id = {}, .error = errors::Block{}});
  const auto corr_id = CorrId::from(raw->corr_id).value_or(CorrId());
  if (!raw->is_of_session(session.session_id, format))
    return std::unexpected(Refused{.corr_id = corr_id, .entity_id = {}, .error = errors::Session{}});
  return decode_rest(*raw, corr_id);
}

void write_broker_transmission(Writer& writer, const SessionParams& session, const CorrId& corr_id, BytesView entity_id,
                               const BrokerMessage& message) {
  writer.u8(0);
  if (transmission_format(session.version).sends_session_id) writer.short_string(session.session_id);
  writer.short_string(corr_id.view()).short_string(entity_id);
  write_message(writer, message, session.version);
}

}  // namespace

Result<Bytes> encode_client_transmission(const SessionParams& session, const ClientAuth& auth, const CorrId& corr_id,
                                         BytesView entity_id, const ClientCommand& command) {
  const auto format = transmission_format(session.version);
  const auto* send = std::get_if<command::Send>(&command);
  const std::size_t size = 384 + entity_id.size() + (send != nullptr ? send->body.size() : 0);
  const auto write_body = [&](Writer& writer) {
    writer.short_string(corr_id.view()).short_string(entity_id);
    write_command(writer, command, session.version);
  };
  if (auth.key == nullptr) {
    Writer writer(size);
    writer.u8(0);
    if (format.sends_session_id) writer.short_string(session.session_id);
    write_body(writer);
    return std::move(writer).take();
  }

  // [service certificate's hash] session id body: all of it for the entity's key, without the hash for the service's.
  const bool by_service = auth.service_key != nullptr && format.service_signatures;
  const BytesView cert_hash = by_service ? auth.service_cert_hash : BytesView();
  Writer writer(size);
  writer.raw(cert_hash).short_string(session.session_id);
  const std::size_t body_at = writer.size();
  write_body(writer);
  const BytesView authorized_here = writer.view();
  SIMPLEX_ASSIGN(const Bytes authenticator, authorize(auth, corr_id, authorized_here));
  std::optional<crypto::Ed25519Signature> signature;
  std::optional<BytesView> service_signature;
  if (by_service) {
    signature = crypto::sign(*auth.service_key, authorized_here.subspan(cert_hash.size()));
    service_signature = signature->view();
  }
  return protocol::encode_transmission(format, session.session_id, authenticator, service_signature,
                                       authorized_here.subspan(body_at));
}

Bytes encode_broker_transmission(const SessionParams& session, const CorrId& corr_id, BytesView entity_id,
                                 const BrokerMessage& message) {
  const auto* msg = std::get_if<broker::Msg>(&message);
  Writer writer(192 + (msg != nullptr ? msg->encrypted_body.size() : 0));
  write_broker_transmission(writer, session, corr_id, entity_id, message);
  return std::move(writer).take();
}

std::size_t message_transmission_size(const SessionParams& session, const CorrId& corr_id, BytesView entity_id,
                                      BytesView message_id) noexcept {
  const auto session_id = transmission_format(session.version).sends_session_id ? 1 + session.session_id.size() : 0;
  constexpr std::string_view word = "MSG ";
  return 1 + session_id + 1 + corr_id.view().size() + 1 + entity_id.size() + word.size() + 1 + message_id.size() +
         encrypted_message_size;
}

Result<> write_message_transmission(Writer& writer, const SessionParams& session, const CorrId& corr_id,
                                    BytesView entity_id, const crypto::BoxKey& key, const MessageId& id,
                                    const QueueMessage& message) {
  write_broker_transmission(writer, session, corr_id, entity_id, broker::Msg{id, Content()});
  return write_encrypted_message(writer, key, id, message);
}

Result<ReceivedCommand, RefusedCommand> decode_client_transmission(const SessionParams& session,
                                                                   BytesView transmission) {
  using Decoded = Result<ReceivedCommand, RefusedCommand>;
  return decode<ReceivedCommand, RefusedCommand>(
      session, transmission, [&](const protocol::RawTransmission& raw, const CorrId& corr_id) -> Decoded {
        if (!is_authorization_size(raw.authenticator.size()))
          return std::unexpected(RefusedCommand{.corr_id = corr_id, .entity_id = {}, .error = errors::Block{}});
        const auto refuse = [&](CommandError error) {
          return std::unexpected(RefusedCommand{.corr_id = corr_id, .entity_id = raw.entity_id, .error = error});
        };
        auto command = decode_command(raw.command, session.version);
        if (!command) return refuse(command.error());
        if (auto checked = check_credentials(*command, !raw.authenticator.empty(), !raw.entity_id.empty()); !checked)
          return refuse(checked.error());
        return ReceivedCommand{.corr_id = corr_id,
                               .entity_id = raw.entity_id,
                               .authorization = raw.authenticator,
                               .service_signature = raw.service_signature,
                               .body_after_session_id = raw.body_after_session_id,
                               .command = std::move(*command)};
      });
}

bool verify(const SessionParams& session, const ReceivedCommand& received, const crypto::AuthPublicKey& key,
            const crypto::X25519PrivateKey* relay_key, BytesView service_cert_hash) {
  return crypto::verify_authorization(key, relay_key, crypto::cb_nonce(received.corr_id.view()), received.authorization,
                                      authorized(session, service_cert_hash, received.body_after_session_id));
}

bool verify_nothing(const SessionParams& session, const ReceivedCommand& received,
                    const crypto::X25519PrivateKey* relay_key) {
  return crypto::verify_nothing(relay_key, crypto::cb_nonce(received.corr_id.view()), received.authorization,
                                authorized(session, {}, received.body_after_session_id));
}

bool verify_service_signature(const SessionParams& session, const ReceivedCommand& received,
                              const crypto::Ed25519PublicKey& service_key) {
  if (!received.service_signature) return false;
  const auto signature = crypto::Ed25519Signature::from(*received.service_signature);
  return signature && crypto::verify(service_key, *signature, authorized(session, {}, received.body_after_session_id));
}

Result<ReceivedMessage, RefusedMessage> decode_broker_transmission(const SessionParams& session,
                                                                   BytesView transmission) {
  using Decoded = Result<ReceivedMessage, RefusedMessage>;
  return decode<ReceivedMessage, RefusedMessage>(
      session, transmission, [&](const protocol::RawTransmission& raw, const CorrId& corr_id) -> Decoded {
        const auto refuse = [&](CommandError error) {
          return std::unexpected(RefusedMessage{.corr_id = corr_id, .entity_id = raw.entity_id, .error = error});
        };
        auto message = decode_message(raw.command, session.version);
        if (!message) return refuse(message.error());
        if (auto checked = check_credentials(*message, !raw.entity_id.empty()); !checked)
          return refuse(checked.error());
        return ReceivedMessage{.corr_id = corr_id, .entity_id = raw.entity_id, .message = std::move(*message)};
      });
}

}  // namespace simplex::smp
