// Rows of commands: what has to be done at relays, in steps that survive a restart.
#pragma once

#include "simplex/protocol/queue_address.hpp"
#include "connection_table.hpp"

namespace simplex::agent {

struct CommandKeyTag;
using CommandKey = StrongInt<CommandKeyTag, std::int64_t>;

enum class CommandKind : std::uint8_t {
  create = 0,        // NEW; then the invitation or the address is ready
  join = 1,          // SKEY where allowed, NEW for the reply queue, confirmation; argument: our information
  allow = 2,         // KEY where needed, SKEY where allowed, confirmation; argument: confirmation id
  secure_reply = 3,  // KEY, HELLO; argument: the inviter's key, SPKI
  delete_queue = 4,  // DEL
  request = 5,       // NEW, then our invitation goes to an address; argument: its queue and our information
};

struct Command {
  CommandKey key;
  ConnKey conn;
  CommandKind kind{};
  std::string server;  // create, join: where our queue will be
  Bytes argument;
};

// A peer's confirmation that waits to be allowed.
struct Confirmation {
  ConfirmationId id;
  ConnKey conn;
  std::optional<crypto::AuthPublicKey> sender_key;
  protocol::QueueInfo reply_queue;
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
  [[nodiscard]] Result<bool> exists(ConnKey conn);
  [[nodiscard]] Result<std::vector<CommandKey>> all();

  [[nodiscard]] Result<ConfirmationId> insert(const Confirmation& confirmation);
  [[nodiscard]] Result<std::optional<Confirmation>> confirmation(ConfirmationId id);
  [[nodiscard]] Result<> allow(ConfirmationId id, BytesView own_info);
  [[nodiscard]] Result<> erase_confirmations(ConnKey conn);

 private:
  store::Database& db_;
};

}  // namespace simplex::agent
