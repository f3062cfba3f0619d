#include "message_table.hpp"

#include "event_encoding.hpp"
#include "failures.hpp"

namespace simplex::agent {
namespace {

SecretBytes encoded(const std::optional<crypto::MessageEncryptKey>& key) {
  Writer writer(2'600);
  if (key) crypto::write_message_encrypt_key(writer, *key);
  auto plain = std::move(writer).take();
  SecretBytes secret{BytesView(plain)};
  wipe(plain);
  return secret;
}

Result<Delivery> read_delivery(const store::Statement& row) {
  std::optional<crypto::MessageEncryptKey> key;
  if (const auto stored = row.octets(5); !stored.empty()) {
    Reader reader(stored);
    auto read = crypto::read_message_encrypt_key(reader);
    if (!read) return unreadable("a message");
    key = std::move(*read);
  }
  auto plaintext = row.bytes(7);
  std::optional<SharedBody> shared;
  if (!row.is_null(11)) {
    const auto content = row.octets(12);
    shared = SharedBody{row.number<BodyKey>(11), content.size()};
    plaintext.insert(plaintext.end(), content.begin(), content.end());
  }
  return Delivery{.key = row.number<DeliveryKey>(0),
                  .conn = row.number<ConnKey>(1),
                  .queue = row.number<SndQueueKey>(2),
                  .message = row.number<MessageId>(3),
                  .kind = static_cast<DeliveryKind>(row.integer(4)),
                  .encrypt_key = std::move(key),
                  .padded_size = static_cast<std::size_t>(row.integer(6)),
                  .plaintext = std::move(plaintext),
                  .pq = row.boolean(8),
                  .created = row.time(9),
                  .twin = row.is_null(10) ? std::nullopt : std::optional(row.number<DeliveryKey>(10)),
                  .shared = shared,
                  .notify = row.boolean(13),
                  .not_before = row.is_null(14) ? std::nullopt : std::optional(row.time(14))};
}

}  // namespace

Result<SharedBody> MessageTable::insert_body(BytesView content) {
  SIMPLEX_TRY(db_.run("INSERT INTO bodies (content) VALUES (?)", content));
  return SharedBody{BodyKey(db_.last_row_id()), content.size()};
}

Result<DeliveryKey> MessageTable::insert(const Delivery& delivery) {
  BytesView plaintext = delivery.plaintext;
  std::optional<BodyKey> body;
  if (delivery.shared) {
    plaintext = plaintext.first(plaintext.size() - delivery.shared->size);
    body = delivery.shared->key;
  }
  SIMPLEX_TRY(
      db_.run("INSERT INTO deliveries (conn, queue, message, kind, encrypt_key, padded_size, plaintext, pq, "
              "created_at, twin, body, notify, not_before) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
              delivery.conn, delivery.queue, delivery.message, static_cast<int>(delivery.kind),
              encoded(delivery.encrypt_key), delivery.padded_size, plaintext, delivery.pq, delivery.created,
              delivery.twin, body, delivery.notify, delivery.not_before));
  return DeliveryKey(db_.last_row_id());
}

Result<std::optional<Delivery>> MessageTable::first_of(SndQueueKey queue, DeliveryKey after, DeliveryKey bound) {
  SIMPLEX_ASSIGN(
      auto row,
      db_.prepare("SELECT delivery, conn, queue, message, kind, encrypt_key, padded_size, plaintext, pq, "
                  "created_at, twin, body, content, notify, not_before FROM deliveries LEFT JOIN bodies USING (body) "
                  "WHERE queue = ? AND delivery > ? AND delivery <= ? "
                  "ORDER BY delivery LIMIT 1"));
  SIMPLEX_TRY(row.bind_all(queue, after, bound));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  SIMPLEX_ASSIGN(auto delivery, read_delivery(row));
  return delivery;
}

Result<bool> MessageTable::any_in(SndQueueKey queue) {
  return db_.any("SELECT 1 FROM deliveries WHERE queue = ? LIMIT 1", queue);
}

Result<std::int64_t> MessageTable::waiting(SndQueueKey queue, DeliveryKind kind) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT count(*) FROM deliveries WHERE queue = ? AND kind = ?"));
  SIMPLEX_TRY(row.bind_all(queue, static_cast<int>(kind)));
  SIMPLEX_TRY(row.step());
  return row.integer(0);
}

Result<std::vector<Delivery>> MessageTable::of_queue_before(SndQueueKey queue, WallTime created) {
  SIMPLEX_ASSIGN(
      auto rows,
      db_.prepare(
          "SELECT delivery, conn, queue, message, kind, encrypt_key, padded_size, plaintext, "
          "pq, created_at, twin, body, content, notify, not_before FROM deliveries LEFT JOIN bodies USING (body) "
          "WHERE queue = ? AND created_at < ? "
          "ORDER BY delivery LIMIT 256"));
  SIMPLEX_TRY(rows.bind_all(queue, created));
  std::vector<Delivery> found;
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) return found;
    SIMPLEX_ASSIGN(auto delivery, read_delivery(rows));
    found.push_back(std::move(delivery));
  }
}

Result<MessageTable::Erased> MessageTable::erase(DeliveryKey delivery) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("DELETE FROM deliveries WHERE delivery = ? RETURNING twin, told"));
  SIMPLEX_TRY(row.bind_all(delivery));
  SIMPLEX_ASSIGN(const bool found, row.step());
  // With its queue it has gone already.
  if (!found) return Erased{std::nullopt, true};
  Erased erased{row.is_null(0) ? std::nullopt : std::optional(row.number<DeliveryKey>(0)), row.boolean(1)};
  SIMPLEX_TRY(row.finish());
  return erased;
}

Result<> MessageTable::set_twin(DeliveryKey delivery, std::optional<DeliveryKey> twin) {
  SIMPLEX_TRY(db_.run("UPDATE deliveries SET twin = ? WHERE delivery = ?", twin, delivery));
  return {};
}
Result<> MessageTable::set_told(DeliveryKey delivery) {
  SIMPLEX_TRY(db_.run("UPDATE deliveries SET told = 1, twin = NULL WHERE delivery = ?", delivery));
  return {};
}
Result<> MessageTable::forget_twins(SndQueueKey queue) {
  SIMPLEX_TRY(db_.run("UPDATE deliveries SET twin = NULL WHERE queue = ? AND twin IS NOT NULL", queue));
  return {};
}
Result<> MessageTable::move(SndQueueKey from, SndQueueKey to) {
  SIMPLEX_TRY(db_.run("UPDATE deliveries SET queue = ? WHERE queue = ? AND twin IS NULL AND told = 0", to, from));
  return {};
}
Result<> MessageTable::move_all(SndQueueKey from, SndQueueKey to) {
  SIMPLEX_TRY(db_.run("UPDATE deliveries SET queue = ? WHERE queue = ?", to, from));
  return {};
}
Result<bool> MessageTable::is_told(DeliveryKey delivery) {
  return db_.any("SELECT 1 FROM deliveries WHERE delivery = ? AND told = 1", delivery);
}
Result<bool> MessageTable::is_in(SndQueueKey queue, DeliveryKey delivery) {
  return db_.any("SELECT 1 FROM deliveries WHERE delivery = ? AND queue = ?", delivery, queue);
}
Result<> MessageTable::move_before(SndQueueKey from, SndQueueKey to, WallTime created) {
  SIMPLEX_TRY(
      db_.run("UPDATE deliveries SET queue = ? WHERE queue = ? AND twin IS NULL AND told = 0 AND created_at < ?", to,
              from, created));
  return {};
}
Result<> MessageTable::erase_told_before(SndQueueKey queue, WallTime created) {
  SIMPLEX_TRY(db_.run("DELETE FROM deliveries WHERE queue = ? AND told = 1 AND created_at < ?", queue, created));
  return {};
}
Result<> MessageTable::erase_told(SndQueueKey queue, MessageId message) {
  SIMPLEX_TRY(db_.run("DELETE FROM deliveries WHERE queue = ? AND told = 1 AND message = ?", queue, message));
  return {};
}

Result<DeliveryKey> MessageTable::last() {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT coalesce(max(delivery), 0) FROM deliveries"));
  SIMPLEX_TRY(row.step());
  return row.number<DeliveryKey>(0);
}

Result<std::vector<SndQueueKey>> MessageTable::queues_with_deliveries() {
  SIMPLEX_ASSIGN(auto rows, db_.prepare("SELECT DISTINCT queue FROM deliveries"));
  std::vector<SndQueueKey> queues;
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) return queues;
    queues.push_back(rows.number<SndQueueKey>(0));
  }
}

Result<std::optional<MessageId>> MessageTable::message_of(ConnKey conn, const SendKey& key) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT message FROM send_keys WHERE conn = ? AND send_key = ?"));
  SIMPLEX_TRY(row.bind_all(conn, key));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  return row.number<MessageId>(0);
}

Result<> MessageTable::insert_send_key(ConnKey conn, const SendKey& key, MessageId message, WallTime now) {
  SIMPLEX_TRY(db_.run("INSERT INTO send_keys (conn, send_key, message, created_at) VALUES (?, ?, ?, ?)", conn, key,
                      message, now));
  return {};
}

Result<> MessageTable::insert_sent(ConnKey conn, SenderMessageId number, const Sent& sent, WallTime now) {
  SIMPLEX_TRY(db_.run("INSERT INTO sent_messages (conn, number, message, hash, created_at) VALUES (?, ?, ?, ?, ?)",
                      conn, number, sent.message, sent.hash, now));
  return {};
}

Result<std::optional<MessageTable::Sent>> MessageTable::sent(ConnKey conn, SenderMessageId number) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT message, hash FROM sent_messages WHERE conn = ? AND number = ?"));
  SIMPLEX_TRY(row.bind_all(conn, number));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  return Sent{row.number<MessageId>(0), MessageHash(row.octets(1))};
}

Result<> MessageTable::erase_sent(ConnKey conn, SenderMessageId number) {
  SIMPLEX_TRY(db_.run("DELETE FROM sent_messages WHERE conn = ? AND number = ?", conn, number));
  return {};
}

Result<> MessageTable::insert(const StoredMessage& message) {
  const auto& content = message.content;
  Writer integrity;
  write_integrity(integrity, content.integrity);
  SIMPLEX_TRY(
      db_.run("INSERT INTO rcv_messages (conn, message, queue, relay_message_id, event, number, integrity, body, pq, "
              "relay_time, received_at, hash, notify) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
              message.conn, content.message, message.queue, message.relay_message_id, message.event,
              content.sender_message, integrity.view(), content.body, content.pq_encryption, content.relay_time,
              content.received_time, message.hash, content.notify));
  return {};
}

Result<std::optional<StoredMessage>> MessageTable::received(ConnKey conn, ConnectionId id, MessageId message) {
  SIMPLEX_ASSIGN(auto row,
                 db_.prepare("SELECT queue, relay_message_id, event, number, integrity, body, pq, relay_time, "
                             "received_at, hash, notify FROM rcv_messages WHERE conn = ? AND message = ?"));
  SIMPLEX_TRY(row.bind_all(conn, message));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  Reader integrity_reader(row.octets(4));
  auto integrity = read_integrity(integrity_reader);
  if (!integrity) return unreadable("a message");
  return StoredMessage{.conn = conn,
                       .queue = row.number<RcvQueueKey>(0),
                       .relay_message_id = smp::MessageId(row.octets(1)),
                       .event = row.number<EventId>(2),
                       .hash = MessageHash(row.octets(9)),
                       .content = MessageReceived{.connection = id,
                                                  .message = message,
                                                  .sender_message = row.number<SenderMessageId>(3),
                                                  .body = row.bytes(5),
                                                  .integrity = *integrity,
                                                  .relay_time = row.time(7),
                                                  .received_time = row.time(8),
                                                  .pq_encryption = row.boolean(6),
                                                  .notify = row.boolean(10)}};
}

Result<bool> MessageTable::waits_for_application(RcvQueueKey queue, const smp::MessageId& id) {
  return db_.any("SELECT 1 FROM rcv_messages WHERE queue = ? AND relay_message_id = ?", queue, id);
}

Result<bool> MessageTable::waits_for_application(RcvQueueKey queue) {
  return db_.any("SELECT 1 FROM rcv_messages WHERE queue = ? LIMIT 1", queue);
}

Result<> MessageTable::erase_received(ConnKey conn, MessageId message) {
  SIMPLEX_TRY(db_.run("DELETE FROM rcv_messages WHERE conn = ? AND message = ?", conn, message));
  return {};
}

Result<bool> MessageTable::insert_hash(ConnKey conn, const crypto::Sha256& hash, WallTime now) {
  SIMPLEX_ASSIGN(
      const auto added,
      db_.run("INSERT OR IGNORE INTO received_hashes (conn, hash, received_at) VALUES (?, ?, ?)", conn, hash, now));
  return added > 0;
}

Result<> MessageTable::forget_hashes_above(ConnKey conn, std::int64_t most) {
  SIMPLEX_TRY(
      db_.run("DELETE FROM received_hashes WHERE conn = ?1 AND received_at <= (SELECT received_at FROM received_hashes "
              "WHERE conn = ?1 ORDER BY received_at DESC LIMIT 1 OFFSET ?2)",
              conn, most));
  return {};
}

Result<bool> MessageTable::has_hash(ConnKey conn, const crypto::Sha256& hash) {
  return db_.any("SELECT 1 FROM received_hashes WHERE conn = ? AND hash = ?", conn, hash);
}

Result<> MessageTable::forget_before(WallTime time) {
  SIMPLEX_TRY(db_.run("DELETE FROM received_hashes WHERE received_at < ?", time));
  SIMPLEX_TRY(db_.run("DELETE FROM send_keys WHERE created_at < ?", time));
  SIMPLEX_TRY(db_.run("DELETE FROM sent_messages WHERE created_at < ?", time));
  return {};
}

}  // namespace simplex::agent
