#include "simplex/protocol/transmission.hpp"

#include <algorithm>

#include "simplex/encoding/reader.hpp"

namespace simplex::protocol {

bool RawTransmission::is_of_session(BytesView expected_session_id, TransmissionFormat format) const noexcept {
  return !format.sends_session_id || std::ranges::equal(session_id, expected_session_id);
}

Result<RawTransmission> parse_transmission(BytesView transmission, TransmissionFormat format) {
  Reader reader(transmission);
  RawTransmission raw;
  SIMPLEX_ASSIGN(raw.authenticator, reader.short_string());
  if (format.service_signatures && !raw.authenticator.empty()) {
    SIMPLEX_ASSIGN(raw.service_signature, reader.optional([](Reader& r) { return r.short_string(); }));
    if (raw.service_signature && raw.service_signature->size() != 64)
      return fail(ErrorKind::malformed, "service signature of a wrong size");
  }
  if (format.sends_session_id) {
    SIMPLEX_ASSIGN(raw.session_id, reader.short_string());
  }
  raw.body_after_session_id = reader.peek();
  SIMPLEX_ASSIGN(raw.corr_id, reader.short_string());
  if (raw.corr_id.size() > CorrId::size_bytes) return fail(ErrorKind::malformed, "correlation id is too long");
  SIMPLEX_ASSIGN(raw.entity_id, reader.short_string());
  raw.command = reader.tail();
  return raw;
}

Bytes authorized_bytes(BytesView session_id, BytesView body_after_session_id) {
  Writer writer(1 + session_id.size() + body_after_session_id.size());
  writer.short_string(session_id).raw(body_after_session_id);
  return std::move(writer).take();
}

Bytes transmission_body(const CorrId& corr_id, BytesView entity_id, BytesView command) {
  Writer writer(2 + corr_id.view().size() + entity_id.size() + command.size());
  writer.short_string(corr_id.view()).short_string(entity_id).raw(command);
  return std::move(writer).take();
}

Bytes encode_transmission(TransmissionFormat format, BytesView session_id, BytesView authenticator,
                          std::optional<BytesView> service_signature, BytesView body_after_session_id) {
  Writer writer(3 + 65 + session_id.size() + authenticator.size() + body_after_session_id.size());
  write_transmission(writer, format, session_id, authenticator, service_signature, body_after_session_id);
  return std::move(writer).take();
}

void write_transmission(Writer& writer, TransmissionFormat format, BytesView session_id, BytesView authenticator,
                        std::optional<BytesView> service_signature, BytesView body_after_session_id) {
  writer.short_string(authenticator);
  if (format.service_signatures && !authenticator.empty())
    writer.optional(service_signature, [](Writer& w, BytesView signature) { w.short_string(signature); });
  if (format.sends_session_id) writer.short_string(session_id);
  writer.raw(body_after_session_id);
}

}  // namespace simplex::protocol
