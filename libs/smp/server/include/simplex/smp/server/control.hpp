// What the operator does to one queue through the control port, named by its sender id or link id. Given to any shard
// (Shard::control); the answer comes on that shard's loop.
#pragma once

#include <functional>

#include "simplex/smp/server/queue_names.hpp"
#include "simplex/smp/server/store_record.hpp"

namespace simplex::smp::server {

enum class QueueAction : std::uint8_t { status, block, unblock, remove };

struct QueueControl {
  QueueAction action = QueueAction::status;
  IdKind kind = IdKind::sender;
  DirectoryId id;
  std::optional<Blocking> blocking;  // with block

  struct Answer {
    QueueStatus status = QueueStatus::active;  // after the action
    std::optional<Blocking> blocking;
    std::optional<Date> updated;
    std::optional<protocol::QueueMode> mode;
    bool changed = false;        // block and unblock: it was not so before
    bool was_active = false;     // block: it was active before, so that it counts (qBlocked)
    std::uint64_t messages = 0;  // remove: how many went with it
  };
  // not_found: there is no such queue.
  std::move_only_function<void(Result<Answer>)> done;
};

}  // namespace simplex::smp::server
