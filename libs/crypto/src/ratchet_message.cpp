#include "ratchet_message.hpp"

#include "simplex/crypto/key_encoding.hpp"

namespace simplex::crypto {

void write_versioned(Writer& writer, E2eVersion version, BytesView octets) {
  if (version >= e2e_version_pq) {
    writer.large_string(octets);
  } else {
    writer.short_string(octets);
  }
}

Result<BytesView> read_versioned(Reader& reader) {
  const BytesView rest = reader.peek();
  return !rest.empty() && rest[0] < 32 ? reader.large_string() : reader.short_string();
}

Result<RatchetMessage> decode_ratchet_message(BytesView message) {
  Reader reader(message);
  SIMPLEX_ASSIGN(const auto header, read_versioned(reader));
  SIMPLEX_ASSIGN(const auto tag, reader.take(AesTag::size_bytes));
  return RatchetMessage{header, *AesTag::from(tag), reader.tail()};
}

Result<EncryptedHeader> decode_encrypted_header(BytesView header) {
  Reader reader(header);
  SIMPLEX_ASSIGN(const auto version, read_version<E2eVersionTag>(reader));
  SIMPLEX_ASSIGN(const auto iv, reader.take(AesIv16::size_bytes));
  SIMPLEX_ASSIGN(const auto tag, reader.take(AesTag::size_bytes));
  SIMPLEX_ASSIGN(const auto body, read_versioned(reader));
  SIMPLEX_TRY(reader.finish());
  return EncryptedHeader{version, *AesIv16::from(iv), *AesTag::from(tag), body};
}

Bytes encode_message_header(const MessageHeader& header, E2eVersion version) {
  Writer writer(padded_header_size(version, PqSupport::on));
  writer.u16(header.max_version.value());
  write_key(writer, header.dh_key);
  if (version >= e2e_version_pq) writer.optional(header.kem, write_kem_params);
  writer.u32(header.previous_count).u32(header.number);
  return std::move(writer).take();
}

Result<MessageHeader> decode_message_header(BytesView octets, E2eVersion version) {
  Reader reader(octets);
  MessageHeader header;
  SIMPLEX_ASSIGN(header.max_version, read_version<E2eVersionTag>(reader));
  SIMPLEX_ASSIGN(header.dh_key, read_key<X448PublicKey>(reader));
  if (version >= e2e_version_pq) {
    SIMPLEX_ASSIGN(header.kem, reader.optional(read_kem_params));
  }
  SIMPLEX_ASSIGN(header.previous_count, reader.u32());
  SIMPLEX_ASSIGN(header.number, reader.u32());
  return header;
}

std::size_t padded_header_size(E2eVersion version, PqSupport support) noexcept {
  return support == PqSupport::on && version >= e2e_version_pq ? 2310 : 88;
}

}  // namespace simplex::crypto
