// A queue as its shard holds it.
#pragma once

#include "simplex/smp/server/request.hpp"
#include "message_window.hpp"
#include "waiting.hpp"

namespace simplex::smp::server {

// What of a message is needed for its ACK.
struct DeliveredMessage {
  MessageId id;
  std::uint64_t position = 0;
  std::int64_t sent_at = 0;
  std::int64_t delivered_at = 0;
  bool notification = false;
  bool quota = false;
  bool gone = false;  // removed since: it expired, or another reader acknowledged it
};

// One connection's view of the queue: what was delivered to it and waits for ACK.
struct QueueReader {
  ClientId client;
  std::optional<DeliveredMessage> delivered;
};

// An acknowledged message on its way out of the store.
struct Removal {
  DeliveredMessage message;
  std::uint64_t issued = 0;  // Shard::calls_ when the store was told
};

// The secret of a sender's key and the session key of its connection: the same for every command, so agreed on once.
// Kept only after a command was verified with it, so that the time of a refusal does not tell whether a queue exists.
struct Agreement {
  ClientId client;
  crypto::X25519PublicKey key;
  crypto::BoxKey box;
};

struct Queue {
  explicit Queue(QueueRecord made) : record(std::move(made)) {}

  QueueRecord record;
  MessageWindow messages;           // that last
  std::uint64_t next_position = 1;  // of the next message
  std::uint32_t storing = 0;        // messages on their way to the store
  bool undelivered = false;         // the store failed when the subscriber should have got a message
  bool full = false;                // took the quota marker; takes nothing until it is empty
  // A change of the record is on its way to the store, or messages are on their way from it: all commands wait.
  bool changing = false;
  bool senders_wait = false;                  // one needs what is not known before `removal` is done
  std::optional<Removal> removal;             // commands of recipients wait
  std::vector<WaitingRequest> deferred;       // commands that wait for these
  std::shared_ptr<const crypto::BoxKey> box;  // for deliveries; made when first needed
  std::unique_ptr<Agreement> agreement;
  std::optional<QueueReader> subscriber;
  std::vector<QueueReader> fetchers;  // connections that used GET
  Queue* next_of_client = nullptr;    // other queues of the subscriber on this shard
  Queue* previous_of_client = nullptr;

  // --- over a store that keeps everything
  std::uint64_t counted = 0;  // Shard::calls_ when the store was asked how many messages there are
  std::uint64_t expiry = 0;   // the expiry that `dropped` is about
  std::uint32_t dropped = 0;  // expired messages removed here since that began
  static constexpr std::size_t not_touched = ~std::size_t{0};
  std::size_t touched = not_touched;  // where it stands among those of ResidentQueues
  bool idle = false;                  // stands in the list of idle ones
  Queue* newer = nullptr;
  Queue* older = nullptr;
  std::size_t accounted = 0;  // octets

  [[nodiscard]] std::size_t size() const { return messages.count() + storing; }
  // Of what may be large and can be given back. Link data of a queue in use can't.
  [[nodiscard]] std::size_t octets() const {
    const bool has_link = record.link && unused();
    return messages.octets() + (has_link ? record.link->fixed.size() + record.link->user.size() : 0);
  }
  // Nothing would be missed if it was dropped from memory.
  [[nodiscard]] bool unused() const {
    return !subscriber && fetchers.empty() && !changing && !removal && storing == 0 && deferred.empty();
  }
};

}  // namespace simplex::smp::server
