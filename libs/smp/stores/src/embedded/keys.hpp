// Keys of the tables. An id stands with its length before it, so that keys are in the order of the ids, and no key of a
// queue is the beginning of another queue's. Numbers are big-endian.
#pragma once

#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/writer.hpp"
#include "simplex/smp/server/queue_names.hpp"
#include "simplex/smp/server/store_record.hpp"

namespace simplex::smp::stores::embedded {

using server::IdKind;
using server::RecipientId;
using server::ServiceId;
using server::ServiceParty;

// of queues, links; the beginning of those of messages and bodies
[[nodiscard]] Bytes queue_key(const RecipientId& queue);
// of messages and bodies
[[nodiscard]] Bytes message_key(const RecipientId& queue, std::uint64_t position);
struct MessageName {
  RecipientId queue;
  std::uint64_t position = 0;
};
[[nodiscard]] Result<MessageName> read_message_key(BytesView key);

// of ids
[[nodiscard]] Bytes id_key(IdKind kind, BytesView id);

// of times
[[nodiscard]] Bytes time_key(std::int64_t sent_at, const RecipientId& queue, std::uint64_t position);
struct TimeName {
  std::int64_t sent_at = 0;
  MessageName message;
};
[[nodiscard]] Result<TimeName> read_time_key(BytesView key);

// of services: 'S' id -> record, 'H' hash of the certificate -> id, 'R' or 'N' id and queue -> notifier id or nothing
[[nodiscard]] Bytes service_key(const ServiceId& service);
[[nodiscard]] Bytes service_hash_key(BytesView certificate_hash);
[[nodiscard]] Bytes service_queues_key(ServiceParty party, const ServiceId& service);  // the beginning
[[nodiscard]] Bytes service_queue_key(ServiceParty party, const ServiceId& service, const RecipientId& queue);
inline constexpr std::string_view services_prefix = "S";

// An id that a key or a value holds.
template <class Id>
[[nodiscard]] Result<Id> read_id(BytesView bytes) {
  const auto id = Id::from(bytes);
  if (!id) return fail(ErrorKind::malformed, "not an id");
  return *id;
}
template <class Id>
[[nodiscard]] Result<Id> read_id(Reader& reader) {
  SIMPLEX_ASSIGN(const auto bytes, reader.short_string());
  return read_id<Id>(bytes);
}

}  // namespace simplex::smp::stores::embedded
