#include "simplex/smp/proxy_layers.hpp"

#include "simplex/protocol/block.hpp"
#include "parts.hpp"

namespace simplex::smp {

namespace {

Result<CorrId> read_corr_id(Reader& reader) {
  SIMPLEX_ASSIGN(const BytesView bytes, reader.short_string());
  const auto id = CorrId::from(bytes);
  if (!id) return fail(ErrorKind::malformed, "correlation id is too long");
  return *id;
}

}  // namespace

Result<Bytes> seal_forwarded(const crypto::BoxKey& key, const crypto::CbNonce& nonce, BytesView transmission) {
  protocol::Batch batch;
  if (!batch.add(transmission)) return fail(ErrorKind::limit, "the message is too large for a block");
  return crypto::seal_padded(key, nonce, batch.take(), padded_forwarded_size);
}

Result<BytesView> open_forwarded(const crypto::BoxKey& key, const crypto::CbNonce& nonce, MutableBytes encrypted) {
  SIMPLEX_ASSIGN(const MutableBytes content, crypto::open_padded_in_place(key, nonce, encrypted));
  SIMPLEX_ASSIGN(const auto transmissions, protocol::split_batch(content));
  if (transmissions.size() != 1) return fail(ErrorKind::malformed, "a forwarded block has one transmission");
  return transmissions.front();
}

Bytes seal_rfwd(const crypto::BoxKey& session, const crypto::CbNonce& nonce, const ForwardedTransmission& forwarded) {
  Writer writer(forwarded.encrypted.size() + 80);
  writer.short_string(forwarded.corr_id.view()).u16(forwarded.version.value());
  crypto::write_key(writer, forwarded.key);
  writer.raw(forwarded.encrypted.bytes);
  return crypto::seal(session, nonce, writer.view());
}

Result<ForwardedTransmission> open_rfwd(const crypto::BoxKey& session, const crypto::CbNonce& nonce,
                                        MutableBytes encrypted) {
  SIMPLEX_ASSIGN(const MutableBytes plain, crypto::open_in_place(session, nonce, encrypted));
  Reader reader(plain);
  ForwardedTransmission forwarded;
  SIMPLEX_ASSIGN(forwarded.corr_id, read_corr_id(reader));
  SIMPLEX_ASSIGN(forwarded.version, read_version<SmpVersionTag>(reader));
  SIMPLEX_ASSIGN(forwarded.key, read_dh_key(reader));
  forwarded.encrypted = Content(reader.tail());
  return forwarded;
}

Bytes seal_rres(const crypto::BoxKey& session, const crypto::CbNonce& nonce, const ForwardedResponse& response) {
  Writer writer(response.encrypted.size() + 32);
  writer.short_string(response.corr_id.view()).raw(response.encrypted.bytes);
  return crypto::seal(session, crypto::reversed(nonce), writer.view());
}

Result<ForwardedResponse> open_rres(const crypto::BoxKey& session, const crypto::CbNonce& nonce,
                                    MutableBytes encrypted) {
  SIMPLEX_ASSIGN(const MutableBytes plain, crypto::open_in_place(session, crypto::reversed(nonce), encrypted));
  Reader reader(plain);
  ForwardedResponse response;
  SIMPLEX_ASSIGN(response.corr_id, read_corr_id(reader));
  response.encrypted = Content(reader.tail());
  return response;
}

}  // namespace simplex::smp
