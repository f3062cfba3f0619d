// Rows of commands: what has to be done at relays, in steps that survive a restart.
#pragma once

#include "simplex/protocol/queue_address.hpp"
#include "connection_table.hpp"

namespace simplex::agent {

struct CommandKeyTag;
using CommandKey = StrongInt<CommandKeyTag, std::int64_t>;

enum class CommandKind : std::uint8_t {
  create = 0,              // NEW; then the invitation or the address is ready; argument: of a short link, or none
  join = 1,                // SKEY where allowed, NEW for the reply queue, confirmation; argument: our information
  allow = 2,               // KEY where needed, SKEY where allowed, confirmation; argument: confirmation id
  secure_reply = 3,        // KEY, HELLO; argument: the inviter's key, SPKI
  delete_queue = 4,        // DEL; argument: our queue's row number; none: the only one
  request = 5,             // NEW, then our invitation goes to an address; argument: its queue and our information
  switch_queue = 6,        // NEW, QADD
  secure_replacement = 7,  // KEY, QUSE; argument: the sender's key, SPKI
  retire_queue = 8,        // OFF, and DEL when nothing comes any more; argument: our queue's row number
  join_link = 9,           // LKEY or LGET, then join or request; argument: the short link, PQ, our information
  set_link = 10,           // LSET; argument: what the link shows
  delete_link = 11,        // LDEL
  secure_second = 12,      // SKEY; argument: row number of the peer's second queue
  await_sender = 13,       // nothing; argument: row number of one of our two queues that the peer may not use
};

struct Command {
  CommandKey key;
  ConnKey conn;
  CommandKind kind{};
  std::string server;  // where a new queue of ours will be
  Bytes argument;
};

// A peer's confirmation that waits to be allowed.
struct Confirmation {
  ConfirmationId id;
  ConnKey conn;
  std::optional<crypto::AuthPublicKey> sender_key;
  protocol::QueueInfo reply_queue;
  std::optional<protocol::QueueInfo> second_reply_queue{};
  std::optional<Bytes> own_info;  // present: allowed
};

class CommandTable {
 public:
  explicit CommandTable(store::Database& database) : db_(database) {}

  [[nodiscard]] Result<CommandKey> insert(const Command& command, WallTime now);
  [[nodiscard]] Result<std::optional<Command>> find(CommandKey key);
  [[nodiscard]] Result<> set_server(CommandKey key, std::string_view server);
  [[nodiscard]] Result<> erase(CommandKey key);
  [[nodiscard]] Result<> erase_of(ConnKey conn);
  [[nodiscard]] Result<> erase_of(ConnKey conn, CommandKind kind);
  [[nodiscard]] Result<bool> exists(ConnKey conn);
  [[nodiscard]] Result<bool> exists(ConnKey conn, CommandKind kind);
  [[nodiscard]] Result<std::vector<CommandKey>> all();
  [[nodiscard]] Result<std::vector<CommandKey>> older_than(CommandKind kind, WallTime created);

  [[nodiscard]] Result<ConfirmationId> insert(const Confirmation& confirmation);
  [[nodiscard]] Result<std::optional<Confirmation>> confirmation(ConfirmationId id);
  [[nodiscard]] Result<> allow(ConfirmationId id, BytesView own_info);
  [[nodiscard]] Result<> erase_confirmations(ConnKey conn);

 private:
  store::Database& db_;
};

}  // namespace simplex::agent
