// Rows of users and connections: who, which role, what was agreed, and the numbers and hashes of the last messages.
#pragma once

#include "simplex/agent/agent_message.hpp"
#include "simplex/agent/events.hpp"
#include "simplex/store/database.hpp"

namespace simplex::agent {

// Row number of a connection in the database.
struct ConnKeyTag;
using ConnKey = StrongInt<ConnKeyTag, std::int64_t>;

// address: has a queue to receive requests, and no peer.
enum class Role : std::uint8_t { inviter = 0, joiner = 1, address = 2 };

// Of the keys of a connection's ratchet, after the database turned out to be an old copy: may they have been used?
// asked: the peer was asked for new ones.
enum class KeyDoubt : std::uint8_t { none = 0, found = 1, asked = 2 };

struct Connection {
  ConnKey key;
  ConnectionId id;
  UserId user;
  Role role = Role::inviter;
  AgentVersion agent_version;
  crypto::PqSupport pq = crypto::PqSupport::off;  // sizes of messages; once on it stays on with this ratchet
  crypto::PqEncryption pq_wanted = crypto::PqEncryption::off;  // for the next messages of the application
  bool connected = false;
  bool deleted = false;
  std::string link;
  RatchetSyncState sync = RatchetSyncState::ok;
  KeyDoubt doubt = KeyDoubt::none;
  Duration max_delay{};  // see Mixing
  Duration cover_interval{};
  std::int64_t covers_unheard = 0;  // sent since the peer was heard from

  // Whether the peer will be able to read what is encrypted now.
  [[nodiscard]] bool may_send() const {
    return connected && doubt == KeyDoubt::none && (sync == RatchetSyncState::ok || sync == RatchetSyncState::allowed);
  }
};

// What a message to be sent is numbered with.
struct SendNumbers {
  MessageId message;
  SenderMessageId number;
  MessageHash previous;
};
// What was received last; the new message's own number in our row.
struct ReceiveNumbers {
  MessageId message;
  SenderMessageId previous_number;
  MessageHash previous;
};

class ConnectionTable {
 public:
  explicit ConnectionTable(store::Database& database) : db_(database) {}

  [[nodiscard]] Result<UserId> insert_user(WallTime now);
  [[nodiscard]] Result<std::vector<UserId>> users();
  [[nodiscard]] Result<bool> has_user(UserId user);  // that is not being deleted
  [[nodiscard]] Result<bool> is_deleting(UserId user);
  [[nodiscard]] Result<> set_deleting(UserId user);
  // Such a user, and when no connection is left. True: it is gone.
  [[nodiscard]] Result<bool> erase_deleted(UserId user);

  [[nodiscard]] Result<ConnKey> insert(const Connection& connection, WallTime now);
  // not_found when there is none.
  [[nodiscard]] Result<Connection> by_id(ConnectionId id);
  [[nodiscard]] Result<Connection> by_key(ConnKey key);
  [[nodiscard]] Result<bool> has(ConnKey key);
  [[nodiscard]] Result<std::optional<Connection>> find(ConnectionId id);
  [[nodiscard]] Result<std::vector<ConnectionId>> of_user(UserId user);
  [[nodiscard]] Result<std::vector<Connection>> all_of(UserId user);  // and those that are being deleted

  // What is supported is wanted.
  [[nodiscard]] Result<> set_agreed(ConnKey key, AgentVersion version, crypto::PqSupport pq);
  // Wanted: then it is supported from now on.
  [[nodiscard]] Result<> set_pq_wanted(ConnKey key, crypto::PqEncryption wanted);
  [[nodiscard]] Result<> set_agent_version(ConnKey key, AgentVersion version);
  [[nodiscard]] Result<> set_connected(ConnKey key);
  [[nodiscard]] Result<> set_link(ConnKey key, std::string_view link);
  [[nodiscard]] Result<> set_sync(ConnKey key, RatchetSyncState state);
  [[nodiscard]] Result<> set_doubt(ConnKey key, KeyDoubt doubt);
  [[nodiscard]] Result<> set_user(ConnKey key, UserId user);
  [[nodiscard]] Result<> set_mixing(ConnKey key, Duration max_delay, Duration cover_interval);
  [[nodiscard]] Result<> set_covers_unheard(ConnKey key, std::int64_t number);
  [[nodiscard]] Result<std::vector<ConnKey>> with_covers();
  [[nodiscard]] Result<> set_deleted(ConnKey key);
  [[nodiscard]] Result<> erase(ConnKey key);

  // The queue that we receive from counts as new from now on.
  [[nodiscard]] Result<> set_queue_since(ConnKey key, WallTime now);
  struct Worn {
    WallTime since_before;
    std::int64_t messages;
  };
  // Established ones whose receiving queue is as old, or has had as many messages; the oldest first.
  [[nodiscard]] Result<std::vector<ConnKey>> with_worn_queues(const Worn& worn, int most);

  // The database is an old copy: all ratchets that were begun are in doubt, and numbers that the application may know from
  // later are not used again.
  [[nodiscard]] Result<> doubt_keys();
  // Of those found, at most so many.
  [[nodiscard]] Result<std::vector<ConnKey>> in_doubt(std::optional<std::size_t> most);
  [[nodiscard]] Result<bool> any();

  // Takes the next numbers; the hash of the message is stored with set_sent_hash once it is encoded.
  [[nodiscard]] Result<SendNumbers> next_to_send(ConnKey key);
  [[nodiscard]] Result<> set_sent_hash(ConnKey key, const MessageHash& hash);
  [[nodiscard]] Result<ReceiveNumbers> next_to_receive(ConnKey key);
  [[nodiscard]] Result<SenderMessageId> last_received(ConnKey key);
  [[nodiscard]] Result<SenderMessageId> last_sent(ConnKey key);
  [[nodiscard]] Result<> set_received(ConnKey key, SenderMessageId number, const MessageHash& hash);

 private:
  // condition: "... = ?"
  template <class Key>
  [[nodiscard]] Result<std::optional<Connection>> one_where(std::string_view condition, const Key& key);
  store::Database& db_;
};

[[nodiscard]] std::unexpected<Error> no_connection();
[[nodiscard]] std::unexpected<Error> not_connected();

}  // namespace simplex::agent
