// Reading and writing of what several commands and messages have in common.
#pragma once

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/writer.hpp"
#include "simplex/smp/types.hpp"
#include "simplex/smp/version.hpp"

namespace simplex::smp {

template <class Id>
[[nodiscard]] Result<Id> read_id(Reader& reader) {
  SIMPLEX_ASSIGN(const BytesView bytes, reader.short_string());
  return Id(bytes);
}

template <class Id>
void write_id(Writer& writer, const Id& id) {
  writer.short_string(id.view());
}

[[nodiscard]] inline Result<crypto::AuthPublicKey> read_auth_key(Reader& reader) {
  return crypto::read_key<crypto::AuthPublicKey>(reader);
}
[[nodiscard]] inline Result<crypto::X25519PublicKey> read_dh_key(Reader& reader) {
  return crypto::read_key<crypto::X25519PublicKey>(reader);
}

[[nodiscard]] inline Result<BasicAuth> read_basic_auth(Reader& reader) {
  SIMPLEX_ASSIGN(const BytesView password, reader.short_string());
  return BasicAuth::from(password);
}
inline void write_basic_auth(Writer& writer, const BasicAuth& password) { writer.short_string(password.reveal()); }

[[nodiscard]] inline Result<QueueLinkData> read_link_data(Reader& reader) {
  QueueLinkData data;
  SIMPLEX_ASSIGN(data.fixed.bytes, reader.large_string());
  SIMPLEX_ASSIGN(data.user.bytes, reader.large_string());
  return data;
}
inline void write_link_data(Writer& writer, const QueueLinkData& data) {
  writer.large_string(data.fixed.bytes).large_string(data.user.bytes);
}

// short(16 octets)
[[nodiscard]] inline Result<IdsHash> read_ids_hash(Reader& reader) {
  SIMPLEX_ASSIGN(const BytesView bytes, reader.short_string());
  const auto hash = IdsHash::from(bytes);
  if (!hash) return fail(ErrorKind::malformed, "hash of queue ids of a wrong size");
  return *hash;
}

}  // namespace simplex::smp
