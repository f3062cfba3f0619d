// A queue as its shard holds it.
#pragma once

#include <deque>

#include "simplex/smp/server/request.hpp"

namespace simplex::smp::server {

// One connection's view of the queue: what was delivered to it and waits for ACK.
struct QueueReader {
  ClientId client;
  std::optional<MessageId> delivered;
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
  std::vector<MessagePtr> messages;           // that last, oldest first
  std::uint32_t storing = 0;                  // messages on their way to the store
  bool full = false;                          // took the quota marker; takes nothing until it is empty
  bool changing = false;                      // a change of the record is on its way to the store
  std::vector<Request> deferred;              // commands that wait for it
  std::shared_ptr<const crypto::BoxKey> box;  // for deliveries; made when first needed
  std::unique_ptr<Agreement> agreement;
  std::optional<QueueReader> subscriber;
  std::vector<QueueReader> fetchers;  // connections that used GET
  Queue* next_of_client = nullptr;    // other queues of the subscriber on this shard
  Queue* previous_of_client = nullptr;

  [[nodiscard]] std::size_t size() const { return messages.size() + storing; }
};

}  // namespace simplex::smp::server
