// What the values of the tables look like. Each begins with the version of its form, so that a later one can be told
// from it; a program that does not know the version refuses the record.
//
//   queue    1 flags(u16) count(u8) recipient key... dh secret(32) sender id
//            [sender key] [link id] [notifier: id, key, dh secret(32), service id or empty] [date(i64)]
//            [reason(u8) length(u16) notice] [service id]
//   key      kind(u8) octets, as many as its kind has      id: length(u8) octets
//   link     1 length(u32) fixed, user
//   message  1 flags(u8) id sent at(i64) octets of the body(u32)
//   service  1 role(u8) id count(u16) (length(u32) certificate)... length(u16) hash, date(i64)
//
// An idle queue of one key takes about 130 octets.
#pragma once

#include "simplex/base/result.hpp"
#include "simplex/smp/server/store_record.hpp"

namespace simplex::smp::stores::embedded {

// Fields longer than their lengths can say are refused: no command of the protocol brings them.
[[nodiscard]] Result<Bytes> encode_queue(const server::QueueRecord& queue);
// Its link has an id, but no data yet.
[[nodiscard]] Result<server::QueueRecord> decode_queue(const server::RecipientId& id, BytesView value);

[[nodiscard]] Result<Bytes> encode_link(const server::LinkData& link);
[[nodiscard]] Result<server::LinkData> decode_link(const server::LinkId& id, BytesView value);

struct MessageHeader {
  server::MessageId id;
  std::int64_t sent_at = 0;
  bool notification = false;
  bool quota = false;
  std::uint32_t body_octets = 0;
};
[[nodiscard]] Result<Bytes> encode_header(const server::StoredMessage& message);
[[nodiscard]] Result<MessageHeader> decode_header(BytesView value);

[[nodiscard]] Result<Bytes> encode_service(const server::ServiceRecord& service);
[[nodiscard]] Result<server::ServiceRecord> decode_service(BytesView value);

}  // namespace simplex::smp::stores::embedded
