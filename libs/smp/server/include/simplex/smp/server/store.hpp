// Where a shard keeps its queues and messages. The engine holds what it needs of them in memory; a store makes it last.
//
// Nothing is acknowledged before the store says that it lasts: every change has a `done`, called on the shard's loop,
// inside the call or later, in the order of the calls. What is collected in one turn of the loop is written together
// by flush() (group commit).
#pragma once

#include <functional>
#include <vector>

#include "simplex/smp/server/store_record.hpp"

namespace simplex::smp::server {

struct LoadedQueue {
  QueueRecord record;
  std::vector<MessagePtr> messages;  // oldest first
};

class Store {
 public:
  using Done = std::move_only_function<void(Result<>)>;
  using LoadDone = std::move_only_function<void(Result<std::optional<LoadedQueue>>)>;

  virtual ~Store() = default;

  virtual void write(const StoreRecord& record, Done done) = 0;
  virtual void add_message(const RecipientId& queue, const MessagePtr& message, Done done) = 0;
  virtual void remove_message(const RecipientId& queue, const MessageId& message, Done done) = 0;
  // A queue that the engine does not hold; nothing, when there is none. Stores that hand over all queues at start
  // answer so inside the call.
  virtual void load(const RecipientId& queue, LoadDone done) = 0;

  // The end of a turn: begins to write what was collected.
  virtual void flush() = 0;
};

}  // namespace simplex::smp::server
