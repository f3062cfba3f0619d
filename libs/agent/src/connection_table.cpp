#include "connection_table.hpp"

namespace simplex::agent {

std::unexpected<Error> no_connection() { return fail(ErrorKind::not_found, "There is no such connection."); }
std::unexpected<Error> not_connected() {
  return fail(ErrorKind::conflict, "The connection is not established yet.", Advice::retry);
}

namespace {

Result<std::vector<ConnKey>> read_keys(store::Statement& rows) {
  std::vector<ConnKey> keys;
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) return keys;
    keys.push_back(rows.number<ConnKey>(0));
  }
}

}  // namespace

Result<UserId> ConnectionTable::insert_user(WallTime now) {
  SIMPLEX_TRY(db_.run("INSERT INTO users (created_at) VALUES (?)", now));
  return UserId(db_.last_row_id());
}

Result<std::vector<UserId>> ConnectionTable::users() {
  SIMPLEX_ASSIGN(auto rows, db_.prepare("SELECT user_id FROM users WHERE deleted = 0 ORDER BY user_id"));
  std::vector<UserId> users;
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) return users;
    users.push_back(rows.number<UserId>(0));
  }
}

Result<bool> ConnectionTable::has_user(UserId user) {
  return db_.any("SELECT 1 FROM users WHERE user_id = ? AND deleted = 0", user);
}
Result<bool> ConnectionTable::is_deleting(UserId user) {
  return db_.any("SELECT 1 FROM users WHERE user_id = ? AND deleted = 1", user);
}
Result<> ConnectionTable::set_deleting(UserId user) {
  SIMPLEX_TRY(db_.run("UPDATE users SET deleted = 1 WHERE user_id = ?", user));
  return {};
}
Result<bool> ConnectionTable::erase_deleted(UserId user) {
  SIMPLEX_ASSIGN(const auto erased, db_.run("DELETE FROM users WHERE user_id = ?1 AND deleted = 1 "
                                            "AND NOT EXISTS (SELECT 1 FROM connections WHERE user_id = ?1)",
                                            user));
  return erased > 0;
}

Result<std::vector<Connection>> ConnectionTable::all_of(UserId user) {
  SIMPLEX_ASSIGN(auto rows, db_.prepare("SELECT conn FROM connections WHERE user_id = ? ORDER BY conn"));
  SIMPLEX_TRY(rows.bind_all(user));
  SIMPLEX_ASSIGN(const auto keys, read_keys(rows));
  std::vector<Connection> all;
  for (const auto key : keys) {
    SIMPLEX_ASSIGN(auto connection, by_key(key));
    all.push_back(std::move(connection));
  }
  return all;
}

Result<ConnKey> ConnectionTable::insert(const Connection& connection, WallTime now) {
  SIMPLEX_TRY(
      db_.run("INSERT INTO connections (connection_id, user_id, role, agent_version, pq_support, pq_wanted, link, "
              "created_at, queue_since) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?7)",
              connection.id, connection.user, static_cast<int>(connection.role), connection.agent_version,
              connection.pq == crypto::PqSupport::on, connection.link, now));
  return ConnKey(db_.last_row_id());
}

template <class Key>
Result<std::optional<Connection>> ConnectionTable::one_where(std::string_view condition, const Key& key) {
  SIMPLEX_ASSIGN(
      auto rows,
      db_.prepare("SELECT conn, connection_id, user_id, role, agent_version, pq_support, pq_wanted, "
                  "connected, deleted, link, ratchet_sync, keys_in_doubt, max_delay, cover_interval, covers_unheard "
                  "FROM connections WHERE " +
                  std::string(condition)));
  SIMPLEX_TRY(rows.bind_all(key));
  SIMPLEX_ASSIGN(const bool row, rows.step());
  if (!row) return std::nullopt;
  Connection connection;
  connection.key = rows.template number<ConnKey>(0);
  SIMPLEX_ASSIGN(connection.id, rows.template fixed<ConnectionId>(1));
  connection.user = rows.template number<UserId>(2);
  connection.role = static_cast<Role>(rows.integer(3));
  connection.agent_version = rows.template number<AgentVersion>(4);
  connection.pq = rows.boolean(5) ? crypto::PqSupport::on : crypto::PqSupport::off;
  connection.pq_wanted = rows.boolean(6) ? crypto::PqEncryption::on : crypto::PqEncryption::off;
  connection.connected = rows.boolean(7);
  connection.deleted = rows.boolean(8);
  connection.link = rows.text(9);
  connection.sync = static_cast<RatchetSyncState>(rows.integer(10));
  connection.doubt = static_cast<KeyDoubt>(rows.integer(11));
  connection.max_delay = Duration(rows.integer(12));
  connection.cover_interval = Duration(rows.integer(13));
  connection.covers_unheard = rows.integer(14);
  return connection;
}

Result<std::optional<Connection>> ConnectionTable::find(ConnectionId id) { return one_where("connection_id = ?", id); }

Result<Connection> ConnectionTable::by_id(ConnectionId id) {
  SIMPLEX_ASSIGN(auto found, find(id));
  if (!found || found->deleted) return no_connection();
  return std::move(*found);
}

Result<bool> ConnectionTable::has(ConnKey key) { return db_.any("SELECT 1 FROM connections WHERE conn = ?", key); }

Result<Connection> ConnectionTable::by_key(ConnKey key) {
  SIMPLEX_ASSIGN(auto found, one_where("conn = ?", key));
  if (!found) return no_connection();
  return std::move(*found);
}

Result<std::vector<ConnectionId>> ConnectionTable::of_user(UserId user) {
  SIMPLEX_ASSIGN(auto rows, db_.prepare("SELECT connection_id FROM connections WHERE user_id = ? AND deleted = 0 "
                                        "ORDER BY conn"));
  SIMPLEX_TRY(rows.bind_all(user));
  std::vector<ConnectionId> ids;
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) return ids;
    SIMPLEX_ASSIGN(auto id, rows.fixed<ConnectionId>(0));
    ids.push_back(id);
  }
}

Result<> ConnectionTable::set_agreed(ConnKey key, AgentVersion version, crypto::PqSupport pq) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET agent_version = ?1, pq_support = ?2, pq_wanted = ?2 WHERE conn = ?3",
                      version, pq == crypto::PqSupport::on, key));
  return {};
}
Result<> ConnectionTable::set_pq_wanted(ConnKey key, crypto::PqEncryption wanted) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET pq_wanted = ?1, pq_support = max(pq_support, ?1) WHERE conn = ?2",
                      wanted == crypto::PqEncryption::on, key));
  return {};
}
Result<> ConnectionTable::set_agent_version(ConnKey key, AgentVersion version) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET agent_version = ? WHERE conn = ?", version, key));
  return {};
}
Result<> ConnectionTable::set_connected(ConnKey key) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET connected = 1 WHERE conn = ?", key));
  return {};
}
Result<> ConnectionTable::set_link(ConnKey key, std::string_view link) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET link = ? WHERE conn = ?", link, key));
  return {};
}
Result<> ConnectionTable::set_sync(ConnKey key, RatchetSyncState state) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET ratchet_sync = ? WHERE conn = ?", static_cast<int>(state), key));
  return {};
}
Result<> ConnectionTable::set_doubt(ConnKey key, KeyDoubt doubt) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET keys_in_doubt = ? WHERE conn = ?", static_cast<int>(doubt), key));
  return {};
}
Result<> ConnectionTable::set_user(ConnKey key, UserId user) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET user_id = ? WHERE conn = ?", user, key));
  return {};
}
Result<> ConnectionTable::set_mixing(ConnKey key, Duration max_delay, Duration cover_interval) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET max_delay = ?, cover_interval = ? WHERE conn = ?", max_delay.count(),
                      cover_interval.count(), key));
  return {};
}
Result<> ConnectionTable::set_covers_unheard(ConnKey key, std::int64_t number) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET covers_unheard = ? WHERE conn = ?", number, key));
  return {};
}
Result<std::vector<ConnKey>> ConnectionTable::with_covers() {
  SIMPLEX_ASSIGN(auto rows, db_.prepare("SELECT conn FROM connections WHERE cover_interval > 0"));
  return read_keys(rows);
}
Result<> ConnectionTable::set_deleted(ConnKey key) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET deleted = 1 WHERE conn = ?", key));
  return {};
}
Result<> ConnectionTable::erase(ConnKey key) {
  SIMPLEX_TRY(db_.run("DELETE FROM connections WHERE conn = ?", key));
  return {};
}

Result<> ConnectionTable::doubt_keys() {
  constexpr std::int64_t leap = std::int64_t{1} << 32;
  SIMPLEX_TRY(
      db_.run("UPDATE connections SET keys_in_doubt = 1, ratchet_sync = iif(connected, 2, ratchet_sync) "
              "WHERE deleted = 0 AND role <> 2 AND conn IN (SELECT conn FROM ratchets WHERE state IS NOT NULL)"));
  SIMPLEX_TRY(
      db_.run("UPDATE ratchets SET x3dh_keys = NULL, peer_keys = NULL "
              "WHERE conn IN (SELECT conn FROM connections WHERE keys_in_doubt <> 0)"));
  SIMPLEX_TRY(db_.run("UPDATE connections SET last_message = last_message + ?", leap));
  for (const std::string_view table : {"events", "confirmations", "requests"}) {
    SIMPLEX_TRY(
        db_.run("INSERT INTO sqlite_sequence (name, seq) SELECT ?, 0 WHERE ? NOT IN (SELECT name FROM sqlite_sequence)",
                table, table));
    SIMPLEX_TRY(db_.run("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ?", leap, table));
  }
  return {};
}

Result<std::vector<ConnKey>> ConnectionTable::in_doubt(std::optional<std::size_t> most) {
  SIMPLEX_ASSIGN(
      auto rows,
      db_.prepare("SELECT conn FROM connections WHERE keys_in_doubt = 1 AND deleted = 0 ORDER BY conn LIMIT ?"));
  SIMPLEX_TRY(rows.bind_all(most ? static_cast<std::int64_t>(*most) : -1));
  return read_keys(rows);
}

Result<bool> ConnectionTable::any() {
  SIMPLEX_ASSIGN(auto rows, db_.prepare("SELECT 1 FROM connections LIMIT 1"));
  return rows.step();
}

Result<SendNumbers> ConnectionTable::next_to_send(ConnKey key) {
  SIMPLEX_ASSIGN(auto rows, db_.prepare("UPDATE connections SET last_message = last_message + 1, "
                                        "last_sent_number = last_sent_number + 1 WHERE conn = ? "
                                        "RETURNING last_message, last_sent_number, last_sent_hash"));
  SIMPLEX_TRY(rows.bind_all(key));
  SIMPLEX_ASSIGN(const bool row, rows.step());
  if (!row) return no_connection();
  SendNumbers numbers{rows.number<MessageId>(0), rows.number<SenderMessageId>(1), MessageHash(rows.octets(2))};
  SIMPLEX_TRY(rows.finish());
  return numbers;
}

Result<> ConnectionTable::set_sent_hash(ConnKey key, const MessageHash& hash) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET last_sent_hash = ? WHERE conn = ?", hash, key));
  return {};
}

Result<ReceiveNumbers> ConnectionTable::next_to_receive(ConnKey key) {
  SIMPLEX_ASSIGN(auto rows, db_.prepare("UPDATE connections SET last_message = last_message + 1 WHERE conn = ? "
                                        "RETURNING last_message, last_received_number, last_received_hash"));
  SIMPLEX_TRY(rows.bind_all(key));
  SIMPLEX_ASSIGN(const bool row, rows.step());
  if (!row) return no_connection();
  ReceiveNumbers numbers{rows.number<MessageId>(0), rows.number<SenderMessageId>(1), MessageHash(rows.octets(2))};
  SIMPLEX_TRY(rows.finish());
  return numbers;
}

Result<SenderMessageId> ConnectionTable::last_received(ConnKey key) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT last_received_number FROM connections WHERE conn = ?"));
  SIMPLEX_TRY(row.bind_all(key));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return no_connection();
  return row.number<SenderMessageId>(0);
}

Result<> ConnectionTable::set_queue_since(ConnKey key, WallTime now) {
  SIMPLEX_TRY(db_.run(
      "UPDATE connections SET queue_since = ?, queue_since_number = last_received_number WHERE conn = ?", now, key));
  return {};
}

Result<std::vector<ConnKey>> ConnectionTable::with_worn_queues(const Worn& worn, int most) {
  SIMPLEX_ASSIGN(auto rows,
                 db_.prepare("SELECT conn FROM connections WHERE connected = 1 AND deleted = 0 AND ratchet_sync <= ? "
                             "AND (queue_since < ? OR last_received_number - queue_since_number >= ?) "
                             "ORDER BY queue_since LIMIT ?"));
  SIMPLEX_TRY(rows.bind_all(static_cast<int>(RatchetSyncState::allowed), worn.since_before, worn.messages, most));
  return read_keys(rows);
}

Result<SenderMessageId> ConnectionTable::last_sent(ConnKey key) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT last_sent_number FROM connections WHERE conn = ?"));
  SIMPLEX_TRY(row.bind_all(key));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return no_connection();
  return row.number<SenderMessageId>(0);
}

Result<> ConnectionTable::set_received(ConnKey key, SenderMessageId number, const MessageHash& hash) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET last_received_number = ?, last_received_hash = ? WHERE conn = ?", number,
                      hash, key));
  return {};
}

}  // namespace simplex::agent
