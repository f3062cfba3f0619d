#include "queue_table.hpp"

#include <algorithm>
#include <array>

#include "simplex/crypto/key_encoding.hpp"
#include "failures.hpp"

namespace simplex::agent {
namespace {

// A statement made of two parts when the program is compiled.
template <std::size_t Size>
struct Sql {
  std::array<char, Size> text{};
  constexpr operator std::string_view() const { return {text.data(), text.size()}; }
};
template <std::size_t First, std::size_t Second>
consteval auto join(const char (&first)[First], const char (&second)[Second]) {
  Sql<First + Second - 2> joined;
  const auto middle = std::copy_n(first, First - 1, joined.text.begin());
  std::copy_n(second, Second - 1, middle);
  return joined;
}

// The columns are those that read_rcv and read_snd take.
template <std::size_t Size>
consteval auto rcv_where(const char (&condition)[Size]) {
  return join(
      "SELECT queue, conn, server, recipient_id, sender_id, recipient_key, relay_key, dh_key, e2e_key, mode, status, "
      "client_version, purpose FROM rcv_queues WHERE ",
      condition);
}
template <std::size_t Size>
consteval auto snd_where(const char (&condition)[Size]) {
  return join(
      "SELECT queue, conn, server, sender_id, sender_key, dh_public, e2e_key, mode, status, client_version, purpose "
      "FROM snd_queues WHERE ",
      condition);
}

constexpr auto rcv_by_id = rcv_where("server = ? AND recipient_id = ?");
constexpr auto rcv_by_key = rcv_where("queue = ?");
constexpr auto rcv_by_conn = rcv_where("conn = ? AND purpose = ?");
constexpr auto rcv_replacement = rcv_where("conn = ? AND purpose IN (2, 5)");
constexpr auto rcv_of_conn = rcv_where("conn = ? ORDER BY queue");
constexpr auto snd_by_key = snd_where("queue = ?");
constexpr auto snd_by_conn = snd_where("conn = ? AND purpose = ?");
constexpr auto snd_replacement = snd_where("conn = ? AND purpose IN (2, 5)");
constexpr auto snd_of_conn = snd_where("conn = ? ORDER BY queue");
constexpr auto snd_parked = snd_where("purpose = 2 AND status = 0 ORDER BY queue");

std::optional<int> stored(std::optional<protocol::QueueMode> mode) {
  if (!mode) return std::nullopt;
  return *mode == protocol::QueueMode::messaging ? 0 : 1;
}

std::optional<protocol::QueueMode> mode_at(const store::Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column) == 0 ? protocol::QueueMode::messaging : protocol::QueueMode::contact;
}

QueueStatus status_at(const store::Statement& row, int column) { return static_cast<QueueStatus>(row.integer(column)); }

// A value that does not decode means damage, whoever wrote it.
template <class T>
Result<T> intact(Result<T> value) {
  if (value) return value;
  return unreadable("a queue");
}

Result<std::optional<RcvQueue>> read_rcv(store::Statement& row) {
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  RcvQueue queue;
  queue.key = row.number<RcvQueueKey>(0);
  queue.conn = row.number<ConnKey>(1);
  SIMPLEX_ASSIGN(queue.server, intact(protocol::parse_server_address(row.text(2))));
  queue.recipient_id = smp::RecipientId(row.octets(3));
  queue.sender_id = protocol::SenderId(row.octets(4));
  SIMPLEX_ASSIGN(queue.recipient_key, intact(crypto::from_pkcs8<crypto::AuthPrivateKey>(row.octets(5))));
  SIMPLEX_ASSIGN(queue.relay_key, row.fixed<crypto::BoxKey>(6));
  SIMPLEX_ASSIGN(queue.dh_key, row.fixed<crypto::X25519PrivateKey>(7));
  if (!row.is_null(8)) {
    SIMPLEX_ASSIGN(queue.e2e_key, row.fixed<crypto::BoxKey>(8));
  }
  queue.mode = mode_at(row, 9);
  queue.status = status_at(row, 10);
  queue.client_version = row.number<SmpClientVersion>(11);
  queue.purpose = static_cast<QueuePurpose>(row.integer(12));
  return queue;
}

Result<std::optional<SndQueue>> read_snd(store::Statement& row) {
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  SndQueue queue;
  queue.key = row.number<SndQueueKey>(0);
  queue.conn = row.number<ConnKey>(1);
  SIMPLEX_ASSIGN(queue.server, intact(protocol::parse_server_address(row.text(2))));
  queue.sender_id = protocol::SenderId(row.octets(3));
  SIMPLEX_ASSIGN(queue.sender_key, intact(crypto::from_pkcs8<crypto::AuthPrivateKey>(row.octets(4))));
  SIMPLEX_ASSIGN(queue.dh_public, row.fixed<crypto::X25519PublicKey>(5));
  SIMPLEX_ASSIGN(queue.e2e_key, row.fixed<crypto::BoxKey>(6));
  queue.mode = mode_at(row, 7);
  queue.status = status_at(row, 8);
  queue.client_version = row.number<SmpClientVersion>(9);
  queue.purpose = static_cast<QueuePurpose>(row.integer(10));
  return queue;
}

// All rows, each read like a single one.
template <class Queue>
Result<std::vector<Queue>> read_all(store::Statement& rows, Result<std::optional<Queue>> (*read)(store::Statement&)) {
  std::vector<Queue> queues;
  for (;;) {
    SIMPLEX_ASSIGN(auto queue, read(rows));
    if (!queue) return queues;
    queues.push_back(std::move(*queue));
  }
}

}  // namespace

protocol::QueueAddress RcvQueue::address() const {
  return {.server = server, .sender_id = sender_id, .dh_key = crypto::public_key(dh_key), .mode = mode};
}

Result<RcvQueueKey> QueueTable::insert(const RcvQueue& queue) {
  SIMPLEX_TRY(
      db_.run("INSERT INTO rcv_queues (conn, server, recipient_id, sender_id, recipient_key, relay_key, dh_key, "
              "e2e_key, mode, status, client_version, purpose) VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?)",
              queue.conn, protocol::format(queue.server), queue.recipient_id, queue.sender_id,
              crypto::to_pkcs8(queue.recipient_key), queue.relay_key, queue.dh_key, stored(queue.mode),
              static_cast<int>(queue.status), queue.client_version, static_cast<int>(queue.purpose)));
  return RcvQueueKey(db_.last_row_id());
}

Result<SndQueueKey> QueueTable::insert(const SndQueue& queue) {
  SIMPLEX_TRY(
      db_.run("INSERT INTO snd_queues (conn, server, sender_id, sender_key, dh_public, e2e_key, mode, status, "
              "client_version, purpose) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
              queue.conn, protocol::format(queue.server), queue.sender_id, crypto::to_pkcs8(queue.sender_key),
              queue.dh_public, queue.e2e_key, stored(queue.mode), static_cast<int>(queue.status), queue.client_version,
              static_cast<int>(queue.purpose)));
  return SndQueueKey(db_.last_row_id());
}

Result<std::optional<RcvQueue>> QueueTable::rcv_queue(std::string_view server, const smp::RecipientId& id) {
  SIMPLEX_ASSIGN(auto row, db_.prepare(rcv_by_id));
  SIMPLEX_TRY(row.bind_all(server, id));
  return read_rcv(row);
}
Result<std::optional<RcvQueue>> QueueTable::rcv_queue(RcvQueueKey key) {
  SIMPLEX_ASSIGN(auto row, db_.prepare(rcv_by_key));
  SIMPLEX_TRY(row.bind_all(key));
  return read_rcv(row);
}
Result<std::optional<RcvQueue>> QueueTable::rcv_queue_of(ConnKey conn, QueuePurpose purpose) {
  SIMPLEX_ASSIGN(auto row, db_.prepare(rcv_by_conn));
  SIMPLEX_TRY(row.bind_all(conn, static_cast<int>(purpose)));
  return read_rcv(row);
}
Result<std::optional<SndQueue>> QueueTable::snd_queue_of(ConnKey conn, QueuePurpose purpose) {
  SIMPLEX_ASSIGN(auto row, db_.prepare(snd_by_conn));
  SIMPLEX_TRY(row.bind_all(conn, static_cast<int>(purpose)));
  return read_snd(row);
}
Result<std::optional<SndQueue>> QueueTable::snd_queue(SndQueueKey key) {
  SIMPLEX_ASSIGN(auto row, db_.prepare(snd_by_key));
  SIMPLEX_TRY(row.bind_all(key));
  return read_snd(row);
}

Result<std::vector<RcvQueue>> QueueTable::rcv_queues_of(ConnKey conn) {
  SIMPLEX_ASSIGN(auto rows, db_.prepare(rcv_of_conn));
  SIMPLEX_TRY(rows.bind_all(conn));
  return read_all<RcvQueue>(rows, read_rcv);
}
Result<std::vector<SndQueue>> QueueTable::snd_queues_of(ConnKey conn) {
  SIMPLEX_ASSIGN(auto rows, db_.prepare(snd_of_conn));
  SIMPLEX_TRY(rows.bind_all(conn));
  return read_all<SndQueue>(rows, read_snd);
}
Result<std::optional<RcvQueue>> QueueTable::rcv_replacement_of(ConnKey conn) {
  SIMPLEX_ASSIGN(auto row, db_.prepare(rcv_replacement));
  SIMPLEX_TRY(row.bind_all(conn));
  return read_rcv(row);
}
Result<std::optional<SndQueue>> QueueTable::snd_replacement_of(ConnKey conn) {
  SIMPLEX_ASSIGN(auto row, db_.prepare(snd_replacement));
  SIMPLEX_TRY(row.bind_all(conn));
  return read_snd(row);
}

Result<std::optional<RcvQueue>> QueueTable::other_of(const RcvQueue& queue) {
  if (!carries_messages(queue.purpose)) return std::nullopt;
  return rcv_queue_of(queue.conn,
                      queue.purpose == QueuePurpose::second ? QueuePurpose::messages : QueuePurpose::second);
}
Result<std::optional<SndQueue>> QueueTable::other_of(const SndQueue& queue) {
  if (!carries_messages(queue.purpose)) return std::nullopt;
  return snd_queue_of(queue.conn,
                      queue.purpose == QueuePurpose::second ? QueuePurpose::messages : QueuePurpose::second);
}
Result<std::vector<ConnKey>> QueueTable::with_lost_queues() {
  SIMPLEX_ASSIGN(auto rows, db_.prepare("SELECT DISTINCT conn FROM rcv_queues WHERE status = 4 AND purpose IN (0, 4)"));
  std::vector<ConnKey> connections;
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) return connections;
    connections.push_back(rows.number<ConnKey>(0));
  }
}

Result<std::optional<QueueTable::Replacement>> QueueTable::companion_of(ConnKey conn) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT queue, status, purpose FROM snd_queues "
                                       "WHERE conn = ? AND purpose IN (2, 4) ORDER BY purpose DESC LIMIT 1"));
  SIMPLEX_TRY(row.bind_all(conn));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  return Replacement{row.number<SndQueueKey>(0), status_at(row, 1) == QueueStatus::new_,
                     static_cast<QueuePurpose>(row.integer(2))};
}

Result<std::optional<QueueTable::Replacement>> QueueTable::replacement_of(ConnKey conn) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT queue, status FROM snd_queues WHERE conn = ? AND purpose = 2"));
  SIMPLEX_TRY(row.bind_all(conn));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  return Replacement{row.number<SndQueueKey>(0), status_at(row, 1) == QueueStatus::new_, QueuePurpose::replacement};
}
Result<std::vector<SndQueue>> QueueTable::parked() {
  SIMPLEX_ASSIGN(auto rows, db_.prepare(snd_parked));
  return read_all<SndQueue>(rows, read_snd);
}

Result<> QueueTable::set_status(RcvQueueKey queue, QueueStatus status) {
  SIMPLEX_TRY(db_.run("UPDATE rcv_queues SET status = ? WHERE queue = ?", static_cast<int>(status), queue));
  return {};
}
Result<> QueueTable::set_status(SndQueueKey queue, QueueStatus status) {
  SIMPLEX_TRY(db_.run("UPDATE snd_queues SET status = ? WHERE queue = ?", static_cast<int>(status), queue));
  return {};
}
Result<> QueueTable::set_confirmed(RcvQueueKey queue, const crypto::BoxKey& e2e_key, SmpClientVersion version) {
  SIMPLEX_TRY(db_.run("UPDATE rcv_queues SET e2e_key = ?, client_version = ?, status = ? WHERE queue = ?", e2e_key,
                      version, static_cast<int>(QueueStatus::confirmed), queue));
  return {};
}
Result<> QueueTable::set_purpose(RcvQueueKey queue, QueuePurpose purpose) {
  SIMPLEX_TRY(db_.run("UPDATE rcv_queues SET purpose = ? WHERE queue = ?", static_cast<int>(purpose), queue));
  return {};
}
Result<> QueueTable::set_purpose(SndQueueKey queue, QueuePurpose purpose) {
  SIMPLEX_TRY(db_.run("UPDATE snd_queues SET purpose = ? WHERE queue = ?", static_cast<int>(purpose), queue));
  return {};
}
Result<> QueueTable::set_keys_due(SndQueueKey queue, bool due) {
  SIMPLEX_TRY(db_.run("UPDATE snd_queues SET keys_due = ? WHERE queue = ?", due, queue));
  return {};
}

Result<bool> QueueTable::keys_due(SndQueueKey queue) {
  return db_.any("SELECT 1 FROM snd_queues WHERE queue = ? AND keys_due <> 0", queue);
}

Result<> QueueTable::erase(RcvQueueKey queue) {
  SIMPLEX_TRY(db_.run("DELETE FROM rcv_queues WHERE queue = ?", queue));
  return {};
}
Result<> QueueTable::erase(SndQueueKey queue) {
  SIMPLEX_TRY(db_.run("DELETE FROM snd_queues WHERE queue = ?", queue));
  return {};
}

Result<> QueueTable::insert_former(ConnKey conn, const protocol::SenderId& queue, WallTime now) {
  SIMPLEX_TRY(
      db_.run("INSERT OR IGNORE INTO former_queues (conn, sender_id, ended_at) VALUES (?, ?, ?)", conn, queue, now));
  return {};
}
Result<bool> QueueTable::is_former(ConnKey conn, const protocol::SenderId& queue) {
  return db_.any("SELECT 1 FROM former_queues WHERE conn = ? AND sender_id = ?", conn, queue);
}
Result<> QueueTable::forget_former_before(WallTime time) {
  SIMPLEX_TRY(db_.run("DELETE FROM former_queues WHERE ended_at < ?", time));
  return {};
}

namespace {

// Queues at a server, of a user, and of one connection where sessions are for each.
Result<store::Statement> queues_at(store::Database& db, const std::string& columns, const Party& party,
                                   std::string_view server, std::string_view end = "") {
  const bool one = !party.entity.empty();
  std::string sql = "SELECT " + columns +
                    " FROM rcv_queues q JOIN connections c ON c.conn = q.conn "
                    "WHERE q.server = ? AND c.user_id = ? AND c.deleted = 0";
  if (one) sql += " AND c.connection_id = ?";
  sql += end;
  SIMPLEX_ASSIGN(auto rows, db.prepare(sql));
  if (one) {
    SIMPLEX_TRY(rows.bind_all(server, party.user, party.entity.view()));
  } else {
    SIMPLEX_TRY(rows.bind_all(server, party.user));
  }
  return rows;
}

}  // namespace

Result<std::vector<QueueTable::Subscribed>> QueueTable::to_subscribe(const Party& party, std::string_view server) {
  SIMPLEX_ASSIGN(
      auto rows,
      queues_at(db_, "q.queue, c.connection_id, q.recipient_id, q.recipient_key, q.purpose, q.status", party, server));
  std::vector<Subscribed> queues;
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) return queues;
    Subscribed queue;
    queue.key = rows.number<RcvQueueKey>(0);
    SIMPLEX_ASSIGN(queue.connection, rows.fixed<ConnectionId>(1));
    queue.recipient_id = smp::RecipientId(rows.octets(2));
    SIMPLEX_ASSIGN(queue.recipient_key, intact(crypto::from_pkcs8<crypto::AuthPrivateKey>(rows.octets(3))));
    queue.purpose = static_cast<QueuePurpose>(rows.integer(4));
    queue.lost = status_at(rows, 5) == QueueStatus::lost;
    queues.push_back(std::move(queue));
  }
}

Result<bool> QueueTable::receives_at(const Party& party, std::string_view server) {
  SIMPLEX_ASSIGN(auto row, queues_at(db_, "1", party, server, " LIMIT 1"));
  return row.step();
}

Result<std::size_t> QueueTable::number_at(const Party& party, std::string_view server) {
  SIMPLEX_ASSIGN(auto row, queues_at(db_, "count(*)", party, server));
  SIMPLEX_TRY(row.step());
  return static_cast<std::size_t>(row.integer(0));
}

Result<std::vector<QueueTable::At>> QueueTable::receiving_servers(bool of_each) {
  const std::string entity = of_each ? "c.connection_id" : "x''";
  SIMPLEX_ASSIGN(auto rows,
                 db_.prepare("SELECT DISTINCT c.user_id, q.server, " + entity +
                             " FROM rcv_queues q JOIN connections c ON c.conn = q.conn WHERE c.deleted = 0"));
  std::vector<At> servers;
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) return servers;
    SIMPLEX_ASSIGN(auto server, intact(protocol::parse_server_address(rows.text(1))));
    servers.push_back({rows.number<UserId>(0), std::move(server), SessionEntity(rows.octets(2))});
  }
}

}  // namespace simplex::agent
