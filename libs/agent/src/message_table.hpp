// Rows of messages: received ones until the application acknowledges them, sent ones until the relay has them, and what
// it takes to know a repetition of either.
#pragma once

#include "simplex/agent/events.hpp"
#include "simplex/crypto/ratchet_keys.hpp"
#include "queue_table.hpp"

namespace simplex::agent {

struct DeliveryKeyTag;
using DeliveryKey = StrongInt<DeliveryKeyTag, std::int64_t>;
struct BodyKeyTag;
using BodyKey = StrongInt<BodyKeyTag, std::int64_t>;

// The end of the plaintext of several deliveries, stored once; it goes with the last of them.
struct SharedBody {
  BodyKey key;
  std::size_t size = 0;
};

enum class DeliveryKind : std::uint8_t {
  info = 0,        // confirmation of the inviter
  info_reply = 1,  // confirmation of the joining party
  hello = 2,
  user = 3,
  other = 4,
  ratchet_keys = 5,  // outside of the ratchet
  request = 6,       // to an address
  queue_keys = 7,    // QKEY
  queue_use = 8,     // QUSE
  cover = 9,         // of Covers: nobody misses it
};

// A message that waits for its relay. Its number, its place in the ratchet and its plaintext are fixed: encrypting it
// again gives the same octets, so that the peer knows a repetition by its hash. While a queue is being replaced, a
// message goes both ways: two deliveries, each the other's twin. The application is told of the first that arrives.
struct Delivery {
  DeliveryKey key;
  ConnKey conn;
  SndQueueKey queue;
  MessageId message;
  DeliveryKind kind = DeliveryKind::other;
  std::optional<crypto::MessageEncryptKey> encrypt_key;  // none: the plaintext is the envelope
  std::size_t padded_size = 0;
  Bytes plaintext;
  bool pq = false;
  WallTime created;
  std::optional<DeliveryKey> twin{};
  std::optional<SharedBody> shared{};
  bool notify = true;                    // the relay is to wake the peer's device
  std::optional<WallTime> not_before{};  // see Mixing
};

struct StoredMessage {
  ConnKey conn;
  RcvQueueKey queue;
  smp::MessageId relay_message_id;
  EventId event;
  MessageHash hash;  // empty: it came before receipts were known here
  MessageReceived content;
};

class MessageTable {
 public:
  explicit MessageTable(store::Database& database) : db_(database) {}

  // ---- to send
  [[nodiscard]] Result<SharedBody> insert_body(BytesView content);
  [[nodiscard]] Result<DeliveryKey> insert(const Delivery& delivery);
  // The first of the queue after that one which is not above the bound.
  [[nodiscard]] Result<std::optional<Delivery>> first_of(SndQueueKey queue, DeliveryKey after, DeliveryKey bound);
  [[nodiscard]] Result<std::vector<Delivery>> of_queue_before(SndQueueKey queue, WallTime created);
  [[nodiscard]] Result<bool> any_in(SndQueueKey queue);
  [[nodiscard]] Result<std::int64_t> waiting(SndQueueKey queue, DeliveryKind kind);
  struct Erased {
    std::optional<DeliveryKey> twin;  // still on its way
    bool told = false;                // the twin has arrived
  };
  [[nodiscard]] Result<Erased> erase(DeliveryKey delivery);
  [[nodiscard]] Result<DeliveryKey> last();
  [[nodiscard]] Result<std::vector<SndQueueKey>> queues_with_deliveries();

  // Twins.
  [[nodiscard]] Result<> set_twin(DeliveryKey delivery, std::optional<DeliveryKey> twin);
  [[nodiscard]] Result<> set_told(DeliveryKey delivery);  // and its twin is gone
  [[nodiscard]] Result<> forget_twins(SndQueueKey queue);
  // Those that go no other way, and of which nothing was said.
  [[nodiscard]] Result<> move(SndQueueKey from, SndQueueKey to);
  [[nodiscard]] Result<> move_all(SndQueueKey from, SndQueueKey to);
  // The application knows that it is sent.
  [[nodiscard]] Result<bool> is_told(DeliveryKey delivery);
  [[nodiscard]] Result<bool> is_in(SndQueueKey queue, DeliveryKey delivery);
  [[nodiscard]] Result<> move_before(SndQueueKey from, SndQueueKey to, WallTime created);
  [[nodiscard]] Result<> erase_told_before(SndQueueKey queue, WallTime created);
  // The peer has the message.
  [[nodiscard]] Result<> erase_told(SndQueueKey queue, MessageId message);

  [[nodiscard]] Result<std::optional<MessageId>> message_of(ConnKey conn, const SendKey& key);
  [[nodiscard]] Result<> insert_send_key(ConnKey conn, const SendKey& key, MessageId message, WallTime now);

  // ---- sent, until a receipt comes
  struct Sent {
    MessageId message;
    MessageHash hash;
  };
  [[nodiscard]] Result<> insert_sent(ConnKey conn, SenderMessageId number, const Sent& sent, WallTime now);
  [[nodiscard]] Result<std::optional<Sent>> sent(ConnKey conn, SenderMessageId number);
  [[nodiscard]] Result<> erase_sent(ConnKey conn, SenderMessageId number);

  // ---- received
  [[nodiscard]] Result<> insert(const StoredMessage& message);
  [[nodiscard]] Result<std::optional<StoredMessage>> received(ConnKey conn, ConnectionId id, MessageId message);
  // Whether a message that the relay delivers again is one that the application has not acknowledged.
  [[nodiscard]] Result<bool> waits_for_application(RcvQueueKey queue, const smp::MessageId& id);
  [[nodiscard]] Result<bool> waits_for_application(RcvQueueKey queue);  // any
  [[nodiscard]] Result<> erase_received(ConnKey conn, MessageId message);

  // False when the hash was there already.
  [[nodiscard]] Result<bool> insert_hash(ConnKey conn, const crypto::Sha256& hash, WallTime now);
  // All but the last so many.
  [[nodiscard]] Result<> forget_hashes_above(ConnKey conn, std::int64_t most);
  [[nodiscard]] Result<bool> has_hash(ConnKey conn, const crypto::Sha256& hash);

  // Forgets hashes, send keys and sent messages older than this.
  [[nodiscard]] Result<> forget_before(WallTime time);

 private:
  store::Database& db_;
};

}  // namespace simplex::agent
