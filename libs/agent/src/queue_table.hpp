// Rows of queues: those we receive from, and those we send to.
#pragma once

#include "simplex/crypto/box.hpp"
#include "simplex/protocol/queue_address.hpp"
#include "simplex/smp/ids.hpp"
#include "party.hpp"

namespace simplex::agent {

struct RcvQueueKeyTag;
using RcvQueueKey = StrongInt<RcvQueueKeyTag, std::int64_t>;
struct SndQueueKeyTag;
using SndQueueKey = StrongInt<SndQueueKeyTag, std::int64_t>;

// new_: nobody has shown a key. confirmed: the confirmation went (or came). secured: the relay knows the sender's key.
// active: messages go. lost: of two, the one that its relay does not know any more; the other does its work.
enum class QueueStatus : std::uint8_t { new_ = 0, confirmed = 1, secured = 2, active = 3, lost = 4 };

// request: the queue of somebody's address, until our request is there. replacement: will take the place of the one for
// messages (rotation.hpp). retired: is replaced, or is not wanted, and will be deleted at its relay. second: beside the one
// for messages, at another relay, and with the same messages (redundancy, docs/agent.md); it can be replaced, too.
enum class QueuePurpose : std::uint8_t {
  messages = 0,
  request = 1,
  replacement = 2,
  retired = 3,
  second = 4,
  second_replacement = 5,
};
[[nodiscard]] constexpr bool carries_messages(QueuePurpose purpose) noexcept {
  return purpose == QueuePurpose::messages || purpose == QueuePurpose::second;
}
[[nodiscard]] constexpr bool is_replacement(QueuePurpose purpose) noexcept {
  return purpose == QueuePurpose::replacement || purpose == QueuePurpose::second_replacement;
}
// What a replacement becomes, and what replaces a queue that carries messages.
[[nodiscard]] constexpr QueuePurpose replaced_by(QueuePurpose replacement) noexcept {
  return replacement == QueuePurpose::second_replacement ? QueuePurpose::second : QueuePurpose::messages;
}
[[nodiscard]] constexpr QueuePurpose replacement_for(QueuePurpose replaced) noexcept {
  return replaced == QueuePurpose::second ? QueuePurpose::second_replacement : QueuePurpose::replacement;
}

struct RcvQueue {
  RcvQueueKey key;
  ConnKey conn;
  protocol::ServerAddress server;
  smp::RecipientId recipient_id;
  protocol::SenderId sender_id;
  crypto::AuthPrivateKey recipient_key;
  crypto::BoxKey relay_key;
  crypto::X25519PrivateKey dh_key;
  std::optional<crypto::BoxKey> e2e_key;
  std::optional<protocol::QueueMode> mode;
  QueueStatus status = QueueStatus::new_;
  SmpClientVersion client_version;
  QueuePurpose purpose = QueuePurpose::messages;

  [[nodiscard]] protocol::QueueAddress address() const;
};

struct SndQueue {
  SndQueueKey key;
  ConnKey conn;
  protocol::ServerAddress server;
  protocol::SenderId sender_id;
  crypto::AuthPrivateKey sender_key;
  crypto::X25519PublicKey dh_public;
  crypto::BoxKey e2e_key;
  std::optional<protocol::QueueMode> mode;
  QueueStatus status = QueueStatus::new_;
  SmpClientVersion client_version;
  QueuePurpose purpose = QueuePurpose::messages;

  // What is to be sent to it waits until the peer asks to use it, or its relay has our key.
  [[nodiscard]] bool parked() const {
    return status == QueueStatus::new_ && (is_replacement(purpose) || purpose == QueuePurpose::second);
  }
};

class QueueTable {
 public:
  explicit QueueTable(store::Database& database) : db_(database) {}

  [[nodiscard]] Result<RcvQueueKey> insert(const RcvQueue& queue);
  [[nodiscard]] Result<SndQueueKey> insert(const SndQueue& queue);

  [[nodiscard]] Result<std::optional<RcvQueue>> rcv_queue(std::string_view server, const smp::RecipientId& id);
  [[nodiscard]] Result<std::optional<RcvQueue>> rcv_queue(RcvQueueKey key);
  // A connection has at most one of each for its messages, a second one, and one to replace either.
  [[nodiscard]] Result<std::optional<RcvQueue>> rcv_queue_of(ConnKey conn, QueuePurpose = QueuePurpose::messages);
  [[nodiscard]] Result<std::optional<SndQueue>> snd_queue_of(ConnKey conn, QueuePurpose = QueuePurpose::messages);
  [[nodiscard]] Result<std::vector<RcvQueue>> rcv_queues_of(ConnKey conn);
  [[nodiscard]] Result<std::vector<SndQueue>> snd_queues_of(ConnKey conn);
  // The one that is to replace either.
  [[nodiscard]] Result<std::optional<RcvQueue>> rcv_replacement_of(ConnKey conn);
  [[nodiscard]] Result<std::optional<SndQueue>> snd_replacement_of(ConnKey conn);
  // The one that carries the messages beside that one.
  [[nodiscard]] Result<std::optional<RcvQueue>> other_of(const RcvQueue& queue);
  [[nodiscard]] Result<std::optional<SndQueue>> other_of(const SndQueue& queue);
  // Connections of whose two queues one is lost.
  [[nodiscard]] Result<std::vector<ConnKey>> with_lost_queues();
  struct Replacement {
    SndQueueKey key;
    bool parked = true;
    QueuePurpose purpose = QueuePurpose::replacement;
  };
  // Where a copy of each message goes: to the second queue, or without one to that which replaces the first.
  [[nodiscard]] Result<std::optional<Replacement>> companion_of(ConnKey conn);
  [[nodiscard]] Result<std::optional<Replacement>> replacement_of(ConnKey conn);
  // Of all connections, those to send to.
  [[nodiscard]] Result<std::vector<SndQueue>> parked();
  [[nodiscard]] Result<std::optional<SndQueue>> snd_queue(SndQueueKey key);

  [[nodiscard]] Result<> set_status(RcvQueueKey queue, QueueStatus status);
  [[nodiscard]] Result<> set_status(SndQueueKey queue, QueueStatus status);
  [[nodiscard]] Result<> set_confirmed(RcvQueueKey queue, const crypto::BoxKey& e2e_key, SmpClientVersion version);
  [[nodiscard]] Result<> set_purpose(RcvQueueKey queue, QueuePurpose purpose);
  [[nodiscard]] Result<> set_purpose(SndQueueKey queue, QueuePurpose purpose);
  // Our keys for a queue that the peer has added could not be said yet.
  [[nodiscard]] Result<> set_keys_due(SndQueueKey queue, bool due);
  [[nodiscard]] Result<bool> keys_due(SndQueueKey queue);
  [[nodiscard]] Result<> erase(RcvQueueKey queue);
  [[nodiscard]] Result<> erase(SndQueueKey queue);

  // Queues of ours that the peer was offered, and that were taken back.
  [[nodiscard]] Result<> insert_former(ConnKey conn, const protocol::SenderId& queue, WallTime now);
  [[nodiscard]] Result<bool> is_former(ConnKey conn, const protocol::SenderId& queue);
  [[nodiscard]] Result<> forget_former_before(WallTime time);

  // What to subscribe to at a relay: for all connections of the user, or the one that the party is.
  struct Subscribed {
    RcvQueueKey key;
    ConnectionId connection;
    smp::RecipientId recipient_id;
    crypto::AuthPrivateKey recipient_key;
    QueuePurpose purpose = QueuePurpose::messages;
    bool lost = false;
  };
  [[nodiscard]] Result<std::vector<Subscribed>> to_subscribe(const Party& party, std::string_view server);
  struct At {
    UserId user;
    protocol::ServerAddress server;
    SessionEntity entity;
  };
  // of_each: once for each connection.
  [[nodiscard]] Result<std::vector<At>> receiving_servers(bool of_each);
  [[nodiscard]] Result<bool> receives_at(const Party& party, std::string_view server);
  [[nodiscard]] Result<std::size_t> number_at(const Party& party, std::string_view server);

 private:
  store::Database& db_;
};

}  // namespace simplex::agent
