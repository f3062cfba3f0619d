// Values of the reference relay's tables: how its columns hold what a relay keeps.
//
//   msg_queues.recipient_keys  1-byte count, then each key's SPKI with a 1-byte length
//   *_key                      SPKI of a key        *_dh_secret  32 octets, raw
//   status                     active | off | blocked,reason=spam|content[,notice=JSON]
//   queue_mode                 M | C                service_role  M | N | P
//   updated_at, deleted_at     seconds of a whole day
//   services.service_cert      1-byte count, then each certificate's DER with a 2-byte length
#pragma once

#include "simplex/smp/server/store.hpp"
#include "postgres/connection.hpp"

namespace simplex::smp::stores::postgres {

[[nodiscard]] Bytes encode_keys(std::span<const crypto::AuthPublicKey> keys);
[[nodiscard]] std::string status_text(const server::QueueRecord& queue);
[[nodiscard]] Bytes encode_certificates(const std::vector<Bytes>& certificates);
[[nodiscard]] std::string_view role_text(server::ServiceRole role);

// The columns of a queue, in this order in every statement that writes or reads a whole queue.
inline constexpr std::size_t queue_columns = 16;
#define SIMPLEX_QUEUE_COLUMNS_WITHOUT_DATA                                                                      \
  "recipient_id, recipient_keys, rcv_dh_secret, sender_id, sender_key, queue_mode, notifier_id, notifier_key, " \
  "rcv_ntf_dh_secret, ntf_service_id, status, updated_at, link_id, rcv_service_id"
#define SIMPLEX_QUEUE_COLUMNS SIMPLEX_QUEUE_COLUMNS_WITHOUT_DATA ", fixed_data, user_data"
void append_queue(Values& values, const server::QueueRecord& queue);
[[nodiscard]] Result<server::QueueRecord> read_queue(const Rows& rows, std::size_t row, std::size_t first_column);

// service_id, service_role, service_cert, service_cert_hash, created_at
void append_service(Values& values, const server::ServiceRecord& service);
[[nodiscard]] Result<server::ServiceRecord> read_service(const Rows& rows, std::size_t row);

// msg_id, msg_ts, msg_quota, msg_ntf_flag, msg_body. The table has no positions that would fit those of the engine:
// message_id grows over all queues. A message's position is its place in its queue, the oldest is 1.
[[nodiscard]] Result<server::MessagePtr> read_message(const Rows& rows, std::size_t row, std::size_t first_column,
                                                      std::uint64_t position);

template <class Id>
[[nodiscard]] Result<Id> read_id(const Rows& rows, std::size_t row, std::size_t column) {
  const auto id = Id::from(rows.bytes(row, column));
  if (!id) return fail(ErrorKind::storage, "a row of the database has an id of a wrong length");
  return *id;
}

}  // namespace simplex::smp::stores::postgres
