#include "simplex/smp/client_message.hpp"

#include "parts.hpp"

namespace simplex::smp {

void write_client_message_envelope(Writer& writer, const ClientMessageEnvelope& envelope) {
  writer.u16(envelope.header.version.value())
      .optional(envelope.header.dh_key, crypto::write_key<crypto::X25519PublicKey>)
      .raw(envelope.nonce.view())
      .raw(envelope.encrypted.bytes);
}

Result<ClientMessageEnvelope> decode_client_message_envelope(BytesView body) {
  Reader reader(body);
  ClientMessageEnvelope envelope;
  SIMPLEX_ASSIGN(envelope.header.version, read_version<SmpClientVersionTag>(reader));
  SIMPLEX_ASSIGN(envelope.header.dh_key, reader.optional(read_dh_key));
  SIMPLEX_ASSIGN(const BytesView nonce, reader.take(crypto::CbNonce::size_bytes));
  envelope.nonce = crypto::cb_nonce(nonce);
  envelope.encrypted = Content(reader.tail());
  return envelope;
}

void write_client_message(Writer& writer, const ClientMessage& message) {
  if (message.sender_key) {
    writer.character('K');
    crypto::write_key(writer, *message.sender_key);
  } else {
    writer.character('_');
  }
  writer.raw(message.body.bytes);
}

Result<ClientMessage> decode_client_message(BytesView plain) {
  Reader reader(plain);
  ClientMessage message;
  SIMPLEX_ASSIGN(const std::uint8_t tag, reader.u8());
  if (tag == 'K') {
    SIMPLEX_ASSIGN(message.sender_key, read_auth_key(reader));
  } else if (tag != '_') {
    return fail(ErrorKind::malformed, "message of an unknown kind");
  }
  message.body = Content(reader.tail());
  return message;
}

Result<Bytes> seal_client_message(const crypto::BoxKey& key, const crypto::CbNonce& nonce, const PublicHeader& header,
                                  const ClientMessage& message) {
  const std::size_t padded = header.dh_key ? padded_confirmation_size : padded_client_message_size;
  Writer plain(message.body.size() + 72);
  write_client_message(plain, message);
  SIMPLEX_ASSIGN(const Bytes encrypted, crypto::seal_padded(key, nonce, plain.view(), padded));
  Writer writer(encrypted.size() + 80);
  write_client_message_envelope(writer, {header, nonce, Content(encrypted)});
  return std::move(writer).take();
}

Result<Bytes> open_client_message(const crypto::BoxKey& key, const ClientMessageEnvelope& envelope) {
  return crypto::open_padded(key, envelope.nonce, envelope.encrypted.bytes);
}

}  // namespace simplex::smp
