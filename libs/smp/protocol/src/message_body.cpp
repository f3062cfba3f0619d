#include "simplex/smp/message_body.hpp"

#include "simplex/crypto/pad.hpp"
#include "parts.hpp"

namespace simplex::smp {

namespace {

constexpr std::string_view quota_tag = "QUOTA ";
constexpr std::int64_t max_seconds = 9'000'000'000;  // the year 2255: what nanoseconds in 64 bits can hold

Result<WallTime> read_time(Reader& reader) {
  SIMPLEX_ASSIGN(const std::int64_t seconds, reader.i64());
  if (seconds < -max_seconds || seconds > max_seconds) return fail(ErrorKind::malformed, "impossible time");
  return from_seconds_since_epoch(seconds);
}

}  // namespace

void write_queue_message(Writer& writer, const QueueMessage& message) {
  if (const auto* body = std::get_if<MessageBody>(&message)) {
    writer.i64(seconds_since_epoch(body->received));
    write_message_flags(writer, body->flags);
    writer.character(' ').raw(body->body.bytes);
  } else {
    writer.raw(quota_tag).i64(seconds_since_epoch(std::get<QuotaExceeded>(message).received));
  }
}

Result<QueueMessage> read_queue_message(BytesView plain) {
  Reader reader(plain);
  if (reader.expect(quota_tag)) {
    SIMPLEX_ASSIGN(const WallTime received, read_time(reader));
    SIMPLEX_TRY(reader.finish());
    return QuotaExceeded{received};
  }
  SIMPLEX_ASSIGN(const WallTime received, read_time(reader));
  SIMPLEX_ASSIGN(const MessageFlags flags, read_message_flags(reader));
  SIMPLEX_TRY(reader.space());
  return MessageBody{received, flags, Content(reader.tail())};
}

Result<Bytes> encrypt_queue_message(const crypto::BoxKey& key, const MessageId& id, const QueueMessage& message) {
  Writer writer(encrypted_message_size);
  SIMPLEX_TRY(write_encrypted_message(writer, key, id, message));
  return std::move(writer).take();
}

Result<> write_encrypted_message(Writer& writer, const crypto::BoxKey& key, const MessageId& id,
                                 const QueueMessage& message) {
  const auto* body = std::get_if<MessageBody>(&message);
  if (body != nullptr && body->body.size() > max_stored_message_length) {
    return fail(ErrorKind::limit, "a message is larger than a relay may store");
  }
  constexpr std::size_t before = crypto::box_tag_size + crypto::pad_overhead;
  const auto begin = writer.size();
  writer.fill(before, 0);
  write_queue_message(writer, message);
  const auto size = writer.size() - begin - before;
  writer.fill(encrypted_message_size - before - size, '#');
  const auto sealed = writer.from(begin);
  return crypto::seal_padded_into(key, crypto::cb_nonce(id.view()), sealed.subspan(before, size), sealed);
}

Result<QueueMessage> decrypt_queue_message(const crypto::BoxKey& key, const MessageId& id, MutableBytes encrypted) {
  SIMPLEX_ASSIGN(const MutableBytes plain, crypto::open_padded_in_place(key, crypto::cb_nonce(id.view()), encrypted));
  return read_queue_message(plain);
}

Result<Bytes> encrypt_notification(const crypto::BoxKey& key, const crypto::CbNonce& nonce,
                                   const NotificationMeta& meta) {
  Writer writer(padded_notification_size);
  write_id(writer, meta.message_id);
  writer.i64(seconds_since_epoch(meta.received));
  return crypto::seal_padded(key, nonce, writer.view(), padded_notification_size);
}

Result<NotificationMeta> decrypt_notification(const crypto::BoxKey& key, const crypto::CbNonce& nonce,
                                              BytesView encrypted) {
  SIMPLEX_ASSIGN(const Bytes plain, crypto::open_padded(key, nonce, encrypted));
  Reader reader(plain);
  NotificationMeta meta;
  SIMPLEX_ASSIGN(meta.message_id, read_id<MessageId>(reader));
  SIMPLEX_ASSIGN(meta.received, read_time(reader));
  return meta;  // newer relays may say more
}

}  // namespace simplex::smp
