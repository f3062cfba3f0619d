#include "command_table.hpp"

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/store/database.hpp"
#include "failures.hpp"

namespace simplex::agent {
namespace {

Result<std::vector<CommandKey>> read_keys(store::Statement& rows) {
  std::vector<CommandKey> keys;
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) return keys;
    keys.push_back(rows.number<CommandKey>(0));
  }
}

}  // namespace

Result<CommandKey> CommandTable::insert(const Command& command, WallTime now) {
  SIMPLEX_TRY(db_.run("INSERT INTO commands (conn, kind, server, argument, created_at) VALUES (?, ?, ?, ?, ?)",
                      command.conn, static_cast<int>(command.kind), command.server, command.argument, now));
  return CommandKey(db_.last_row_id());
}

Result<std::optional<Command>> CommandTable::find(CommandKey key) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT conn, kind, server, argument FROM commands WHERE command = ?"));
  SIMPLEX_TRY(row.bind_all(key));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  return Command{key, row.number<ConnKey>(0), static_cast<CommandKind>(row.integer(1)), row.text(2), row.bytes(3)};
}

Result<> CommandTable::set_server(CommandKey key, std::string_view server) {
  SIMPLEX_TRY(db_.run("UPDATE commands SET server = ? WHERE command = ?", server, key));
  return {};
}
Result<> CommandTable::erase(CommandKey key) {
  SIMPLEX_TRY(db_.run("DELETE FROM commands WHERE command = ?", key));
  return {};
}
Result<> CommandTable::erase_of(ConnKey conn) {
  SIMPLEX_TRY(db_.run("DELETE FROM commands WHERE conn = ?", conn));
  return {};
}

Result<> CommandTable::erase_of(ConnKey conn, CommandKind kind) {
  SIMPLEX_TRY(db_.run("DELETE FROM commands WHERE conn = ? AND kind = ?", conn, static_cast<int>(kind)));
  return {};
}

Result<bool> CommandTable::exists(ConnKey conn) { return db_.any("SELECT 1 FROM commands WHERE conn = ?", conn); }

Result<bool> CommandTable::exists(ConnKey conn, CommandKind kind) {
  return db_.any("SELECT 1 FROM commands WHERE conn = ? AND kind = ?", conn, static_cast<int>(kind));
}

Result<std::vector<CommandKey>> CommandTable::all() {
  SIMPLEX_ASSIGN(auto rows, db_.prepare("SELECT command FROM commands ORDER BY command"));
  return read_keys(rows);
}
Result<std::vector<CommandKey>> CommandTable::older_than(CommandKind kind, WallTime created) {
  SIMPLEX_ASSIGN(auto rows, db_.prepare("SELECT command FROM commands WHERE kind = ? AND created_at < ?"));
  SIMPLEX_TRY(rows.bind_all(static_cast<int>(kind), created));
  return read_keys(rows);
}

Result<ConfirmationId> CommandTable::insert(const Confirmation& confirmation) {
  std::optional<Bytes> sender_key;
  if (confirmation.sender_key) sender_key = crypto::to_spki(*confirmation.sender_key);
  Writer queue;
  protocol::write_queue_info(queue, confirmation.reply_queue);
  std::optional<Bytes> second;
  if (confirmation.second_reply_queue) {
    Writer writer;
    protocol::write_queue_info(writer, *confirmation.second_reply_queue);
    second = std::move(writer).take();
  }
  SIMPLEX_TRY(
      db_.run("INSERT INTO confirmations (conn, sender_key, reply_queue, second_reply_queue) VALUES (?, ?, ?, ?)",
              confirmation.conn, sender_key, queue.view(), second));
  return ConfirmationId(db_.last_row_id());
}

Result<std::optional<Confirmation>> CommandTable::confirmation(ConfirmationId id) {
  SIMPLEX_ASSIGN(auto row,
                 db_.prepare("SELECT conn, sender_key, reply_queue, own_info, second_reply_queue FROM confirmations "
                             "WHERE confirmation = ?"));
  SIMPLEX_TRY(row.bind_all(id));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  Confirmation confirmation;
  confirmation.id = id;
  confirmation.conn = row.number<ConnKey>(0);
  if (!row.is_null(1)) {
    auto key = crypto::from_spki<crypto::AuthPublicKey>(row.octets(1));
    if (!key) return unreadable("a confirmation");
    confirmation.sender_key = *key;
  }
  Reader reader(row.octets(2));
  auto queue = protocol::read_queue_info(reader);
  if (!queue) return unreadable("a confirmation");
  confirmation.reply_queue = std::move(*queue);
  if (!row.is_null(4)) {
    Reader second_reader(row.octets(4));
    auto second = protocol::read_queue_info(second_reader);
    if (!second) return unreadable("a confirmation");
    confirmation.second_reply_queue = std::move(*second);
  }
  if (!row.is_null(3)) confirmation.own_info = row.bytes(3);
  return confirmation;
}

Result<> CommandTable::allow(ConfirmationId id, BytesView own_info) {
  SIMPLEX_TRY(db_.run("UPDATE confirmations SET own_info = ? WHERE confirmation = ?", own_info, id));
  return {};
}
Result<> CommandTable::erase_confirmations(ConnKey conn) {
  SIMPLEX_TRY(db_.run("DELETE FROM confirmations WHERE conn = ?", conn));
  return {};
}

}  // namespace simplex::agent
