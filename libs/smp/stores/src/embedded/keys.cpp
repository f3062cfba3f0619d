#include "keys.hpp"

namespace simplex::smp::stores::embedded {
namespace {

// Times before 1970 come first.
constexpr std::uint64_t sign = std::uint64_t{1} << 63;

Writer& number(Writer& writer, std::uint64_t value) { return writer.i64(static_cast<std::int64_t>(value)); }

Result<std::uint64_t> read_number(Reader& reader) {
  SIMPLEX_ASSIGN(const auto value, reader.i64());
  return static_cast<std::uint64_t>(value);
}

Result<MessageName> read_message_name(Reader& reader) {
  MessageName made;
  SIMPLEX_ASSIGN(made.queue, read_id<RecipientId>(reader));
  SIMPLEX_ASSIGN(made.position, read_number(reader));
  SIMPLEX_TRY(reader.finish());
  return made;
}

char letter(IdKind kind) {
  switch (kind) {
    case IdKind::sender: return 's';
    case IdKind::link: return 'l';
    case IdKind::notifier: break;
  }
  return 'n';
}

}  // namespace

Bytes queue_key(const RecipientId& queue) {
  Writer writer(1 + RecipientId::max_size);
  writer.short_string(queue.view());
  return std::move(writer).take();
}

Bytes message_key(const RecipientId& queue, std::uint64_t position) {
  Writer writer(9 + RecipientId::max_size);
  writer.short_string(queue.view());
  number(writer, position);
  return std::move(writer).take();
}

Result<MessageName> read_message_key(BytesView key) {
  Reader reader(key);
  return read_message_name(reader);
}

Bytes id_key(IdKind kind, BytesView id) {
  Writer writer(1 + id.size());
  writer.character(letter(kind)).raw(id);
  return std::move(writer).take();
}

Bytes time_key(std::int64_t sent_at, const RecipientId& queue, std::uint64_t position) {
  Writer writer(17 + RecipientId::max_size);
  number(writer, static_cast<std::uint64_t>(sent_at) ^ sign);
  writer.short_string(queue.view());
  number(writer, position);
  return std::move(writer).take();
}

Result<TimeName> read_time_key(BytesView key) {
  Reader reader(key);
  TimeName made;
  SIMPLEX_ASSIGN(const auto time, read_number(reader));
  made.sent_at = static_cast<std::int64_t>(time ^ sign);
  SIMPLEX_ASSIGN(made.message, read_message_name(reader));
  return made;
}

Bytes service_key(const ServiceId& service) {
  Writer writer(1 + ServiceId::max_size);
  writer.raw(services_prefix).raw(service.view());
  return std::move(writer).take();
}

Bytes service_hash_key(BytesView certificate_hash) {
  Writer writer(1 + certificate_hash.size());
  writer.character('H').raw(certificate_hash);
  return std::move(writer).take();
}

Bytes service_queues_key(ServiceParty party, const ServiceId& service) {
  Writer writer(2 + ServiceId::max_size);
  writer.character(party == ServiceParty::recipient ? 'R' : 'N').short_string(service.view());
  return std::move(writer).take();
}

Bytes service_queue_key(ServiceParty party, const ServiceId& service, const RecipientId& queue) {
  auto made = service_queues_key(party, service);
  append(made, queue_key(queue));
  return made;
}

}  // namespace simplex::smp::stores::embedded
