#include "records.hpp"

#include <algorithm>

#include "keys.hpp"

namespace simplex::smp::stores::embedded {
namespace {

using server::Blocking;
using server::LinkData;
using server::NotifierCredentials;
using server::QueueRecord;
using server::QueueStatus;
using server::ServiceRecord;

constexpr std::uint8_t form = 1;
constexpr std::size_t most_octets = std::size_t{1} << 31;

namespace flag {
constexpr std::uint16_t sender_key = 1;
constexpr std::uint16_t messaging = 2;
constexpr std::uint16_t contact = 4;
constexpr std::uint16_t link = 8;
constexpr std::uint16_t notifier = 16;
constexpr std::uint16_t updated = 32;
constexpr std::uint16_t suspended = 64;
constexpr std::uint16_t blocked = 128;
constexpr std::uint16_t notice = 256;
constexpr std::uint16_t service = 512;
constexpr std::uint16_t known = 1023;
}  // namespace flag

constexpr std::uint8_t notification_flag = 1;
constexpr std::uint8_t quota_flag = 2;

std::unexpected<Error> too_long(std::string_view what) {
  return fail(ErrorKind::limit, std::string(what) + " is longer than the store takes");
}

Result<> read_form(Reader& reader) {
  SIMPLEX_ASSIGN(const auto found, reader.u8());
  if (found != form) return fail(ErrorKind::version, "the record has a form that this version does not know");
  return {};
}

void write_key(Writer& writer, const crypto::AuthPublicKey& key) {
  writer.u8(static_cast<std::uint8_t>(key.index()));
  std::visit([&](const auto& specific) { writer.raw(specific.view()); }, key);
}

template <class Key>
Result<crypto::AuthPublicKey> read_key_of(Reader& reader) {
  SIMPLEX_ASSIGN(const auto octets, reader.take(Key::size_bytes));
  return *Key::from(octets);
}

Result<crypto::AuthPublicKey> read_key(Reader& reader) {
  SIMPLEX_ASSIGN(const auto kind, reader.u8());
  switch (kind) {
    case 0: return read_key_of<std::variant_alternative_t<0, crypto::AuthPublicKey>>(reader);
    case 1: return read_key_of<std::variant_alternative_t<1, crypto::AuthPublicKey>>(reader);
    case 2: return read_key_of<std::variant_alternative_t<2, crypto::AuthPublicKey>>(reader);
    default: return fail(ErrorKind::malformed, "not a kind of key");
  }
}

Result<crypto::X25519Secret> read_secret(Reader& reader) {
  SIMPLEX_ASSIGN(const auto octets, reader.take(crypto::X25519Secret::size_bytes));
  return *crypto::X25519Secret::from(octets);
}

Writer& write_long(Writer& writer, BytesView octets) {
  return writer.u32(static_cast<std::uint32_t>(octets.size())).raw(octets);
}

Result<BytesView> read_long(Reader& reader) {
  SIMPLEX_ASSIGN(const auto size, reader.u32());
  return reader.take(size);
}

std::uint16_t flags_of(const QueueRecord& queue) {
  unsigned made = 0;
  if (queue.sender_key) made |= flag::sender_key;
  if (queue.mode == protocol::QueueMode::messaging) made |= flag::messaging;
  if (queue.mode == protocol::QueueMode::contact) made |= flag::contact;
  if (queue.link) made |= flag::link;
  if (queue.notifier) made |= flag::notifier;
  if (queue.updated) made |= flag::updated;
  if (queue.status == QueueStatus::suspended) made |= flag::suspended;
  if (queue.status == QueueStatus::blocked) made |= flag::blocked;
  if (queue.blocking && queue.blocking->notice) made |= flag::notice;
  if (queue.service) made |= flag::service;
  return static_cast<std::uint16_t>(made);
}

Result<NotifierCredentials> read_notifier(Reader& reader) {
  NotifierCredentials made;
  SIMPLEX_ASSIGN(made.id, read_id<server::NotifierId>(reader));
  SIMPLEX_ASSIGN(made.key, read_key(reader));
  SIMPLEX_ASSIGN(made.dh_secret, read_secret(reader));
  SIMPLEX_ASSIGN(const auto service, reader.short_string());
  if (!service.empty()) {
    SIMPLEX_ASSIGN(made.service, read_id<ServiceId>(service));
  }
  return made;
}

}  // namespace

Result<Bytes> encode_queue(const QueueRecord& queue) {
  if (queue.recipient_keys.size() > 0xFF) return too_long("the list of a queue's keys");
  const auto flags = flags_of(queue);
  Writer writer(192);
  writer.u8(form).u16(flags);
  writer.list(queue.recipient_keys, write_key).raw(queue.dh_secret.reveal()).short_string(queue.sender_id.view());
  if (queue.sender_key) write_key(writer, *queue.sender_key);
  if (queue.link) writer.short_string(queue.link->id.view());
  if (const auto* notifier = queue.notifier.get()) {
    writer.short_string(notifier->id.view());
    write_key(writer, notifier->key);
    writer.raw(notifier->dh_secret.reveal());
    writer.short_string(notifier->service ? notifier->service->view() : BytesView());
  }
  if (queue.updated) writer.i64(queue.updated->value());
  if (queue.status == QueueStatus::blocked) {
    writer.u8(queue.blocking ? static_cast<std::uint8_t>(queue.blocking->reason) : std::uint8_t{0});
  }
  if ((flags & flag::notice) != 0) {
    if (queue.blocking->notice->size() > 0xFFFF) return too_long("the notice of a blocked queue");
    writer.large_string(as_bytes(*queue.blocking->notice));
  }
  if (queue.service) writer.short_string(queue.service->view());
  return std::move(writer).take();
}

Result<QueueRecord> decode_queue(const server::RecipientId& id, BytesView value) {
  Reader reader(value);
  SIMPLEX_TRY(read_form(reader));
  SIMPLEX_ASSIGN(const auto flags, reader.u16());
  if ((flags & ~flag::known) != 0) return fail(ErrorKind::malformed, "unknown flags");
  const auto has = [&](std::uint16_t which) { return (flags & which) != 0; };
  QueueRecord made;
  made.recipient_id = id;
  SIMPLEX_ASSIGN(made.recipient_keys, reader.list(read_key));
  SIMPLEX_ASSIGN(made.dh_secret, read_secret(reader));
  SIMPLEX_ASSIGN(made.sender_id, read_id<server::SenderId>(reader));
  if (has(flag::sender_key)) {
    SIMPLEX_ASSIGN(made.sender_key, read_key(reader));
  }
  if (has(flag::messaging)) made.mode = protocol::QueueMode::messaging;
  if (has(flag::contact)) made.mode = protocol::QueueMode::contact;
  if (has(flag::link)) {
    SIMPLEX_ASSIGN(const auto link, read_id<server::LinkId>(reader));
    made.link = std::make_shared<const LinkData>(LinkData{link, {}, {}});
  }
  if (has(flag::notifier)) {
    SIMPLEX_ASSIGN(auto notifier, read_notifier(reader));
    made.notifier = std::make_unique<NotifierCredentials>(std::move(notifier));
  }
  if (has(flag::updated)) {
    SIMPLEX_ASSIGN(const auto date, reader.i64());
    made.updated = server::Date(date);
  }
  if (has(flag::suspended)) made.status = QueueStatus::suspended;
  if (has(flag::blocked)) {
    made.status = QueueStatus::blocked;
    made.blocking = std::make_unique<Blocking>();
    SIMPLEX_ASSIGN(const auto reason, reader.u8());
    if (reason > static_cast<std::uint8_t>(BlockingReason::content)) {
      return fail(ErrorKind::malformed, "not a reason of blocking");
    }
    made.blocking->reason = static_cast<BlockingReason>(reason);
  }
  if (has(flag::notice)) {
    if (!made.blocking) return fail(ErrorKind::malformed, "a notice of a queue that is not blocked");
    SIMPLEX_ASSIGN(const auto notice, reader.large_string());
    made.blocking->notice = std::string(as_text(notice));
  }
  if (has(flag::service)) {
    SIMPLEX_ASSIGN(made.service, read_id<ServiceId>(reader));
  }
  SIMPLEX_TRY(reader.finish());
  return made;
}

Result<Bytes> encode_link(const LinkData& link) {
  if (link.fixed.size() > most_octets || link.user.size() > most_octets) return too_long("the data of a link");
  Writer writer(5 + link.fixed.size() + link.user.size());
  write_long(writer.u8(form), link.fixed).raw(link.user);
  return std::move(writer).take();
}

Result<LinkData> decode_link(const server::LinkId& id, BytesView value) {
  Reader reader(value);
  SIMPLEX_TRY(read_form(reader));
  SIMPLEX_ASSIGN(const auto fixed, read_long(reader));
  return LinkData{id, to_bytes(fixed), to_bytes(reader.tail())};
}

Result<Bytes> encode_header(const server::StoredMessage& message) {
  if (message.body.size() > most_octets) return too_long("a message");
  const unsigned flags = (message.notification ? notification_flag : 0u) | (message.quota ? quota_flag : 0u);
  Writer writer(15 + server::MessageId::max_size);
  writer.u8(form).u8(static_cast<std::uint8_t>(flags)).short_string(message.id.view()).i64(message.sent_at);
  writer.u32(static_cast<std::uint32_t>(message.body.size()));
  return std::move(writer).take();
}

Result<MessageHeader> decode_header(BytesView value) {
  Reader reader(value);
  SIMPLEX_TRY(read_form(reader));
  MessageHeader made;
  SIMPLEX_ASSIGN(const auto flags, reader.u8());
  if (flags > (notification_flag | quota_flag)) return fail(ErrorKind::malformed, "unknown flags");
  made.notification = (flags & notification_flag) != 0;
  made.quota = (flags & quota_flag) != 0;
  SIMPLEX_ASSIGN(made.id, read_id<server::MessageId>(reader));
  SIMPLEX_ASSIGN(made.sent_at, reader.i64());
  SIMPLEX_ASSIGN(made.body_octets, reader.u32());
  SIMPLEX_TRY(reader.finish());
  return made;
}

Result<Bytes> encode_service(const ServiceRecord& service) {
  const auto long_one = [](const Bytes& certificate) { return certificate.size() > most_octets; };
  if (service.certificates.size() > 0xFFFF || service.certificate_hash.size() > 0xFFFF ||
      std::ranges::any_of(service.certificates, long_one)) {
    return too_long("the certificate of a service");
  }
  Writer writer;
  writer.u8(form).u8(static_cast<std::uint8_t>(service.role)).short_string(service.id.view());
  writer.u16(static_cast<std::uint16_t>(service.certificates.size()));
  for (const auto& certificate : service.certificates) write_long(writer, certificate);
  writer.large_string(service.certificate_hash).i64(service.created.value());
  return std::move(writer).take();
}

Result<ServiceRecord> decode_service(BytesView value) {
  Reader reader(value);
  SIMPLEX_TRY(read_form(reader));
  ServiceRecord made;
  SIMPLEX_ASSIGN(const auto role, reader.u8());
  if (role > static_cast<std::uint8_t>(server::ServiceRole::proxy)) {
    return fail(ErrorKind::malformed, "not a role of a service");
  }
  made.role = static_cast<server::ServiceRole>(role);
  SIMPLEX_ASSIGN(made.id, read_id<ServiceId>(reader));
  SIMPLEX_ASSIGN(const auto count, reader.u16());
  for (std::uint16_t i = 0; i < count; ++i) {
    SIMPLEX_ASSIGN(const auto certificate, read_long(reader));
    made.certificates.push_back(to_bytes(certificate));
  }
  SIMPLEX_ASSIGN(const auto hash, reader.large_string());
  made.certificate_hash = to_bytes(hash);
  SIMPLEX_ASSIGN(const auto created, reader.i64());
  made.created = server::Date(created);
  SIMPLEX_TRY(reader.finish());
  return made;
}

}  // namespace simplex::smp::stores::embedded
