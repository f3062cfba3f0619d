// Which queues are in memory over a store that keeps everything: those that are used, and some that were used lately.
#pragma once

#include <functional>
#include <vector>

#include "simplex/smp/server/settings.hpp"
#include "queue.hpp"

namespace simplex::smp::server {

// Looks at the queues that were touched in a turn, at its end. Holds pointers to queues: told of each that goes.
class ResidentQueues {
 public:
  void touch(Queue& queue);
  void forget(Queue& queue);  // before it is destroyed
  // Drops idle queues, the ones that were not used for the longest time first, and then messages in memory, until both
  // are within the limits. `drop` destroys the queue, which was forgotten.
  void settle(const ResidentLimits& limits, const std::function<void(Queue&)>& drop);

  [[nodiscard]] std::size_t octets() const { return octets_; }
  [[nodiscard]] std::size_t idle() const { return idle_; }

 private:
  void account(Queue& queue);
  void append(Queue& queue);
  void unlink(Queue& queue);

  std::vector<Queue*> touched_;  // null: forgotten since
  Queue* oldest_ = nullptr;
  Queue* newest_ = nullptr;
  std::size_t idle_ = 0;
  std::size_t octets_ = 0;
};

}  // namespace simplex::smp::server
