// Which queues are in memory over a store that keeps everything: those that are
// used, and some that were used lately.
#pragma once

#include <deque>
#include <functional>
#include <unordered_map>
#include <vector>

#include "simplex/smp/server/settings.hpp"
#include "queue.hpp"

namespace simplex::smp::server {

// Looks at the queues that were touched in a turn, at its end. Holds pointers
// to queues: told of each that goes.
class ResidentQueues {
 public:
  void touch(Queue& queue);
  void forget(Queue& queue);  // before it is destroyed
  // Drops idle queues, the ones that were not used for the longest time first,
  // and then messages in memory, until both are within the limits. `drop`
  // destroys the queue, which was forgotten.
  // Of how many queues messages were dropped.
  std::size_t settle(const ResidentLimits& limits, const std::function<void(Queue&)>& drop);

  // --- messages on their way to connections: what is not in memory anyway must
  // not wait there for a slow reader. False: it is delivered when the
  // connection has taken what it was sent.
  [[nodiscard]] bool may_send(ClientId client, const Delivery& delivery, bool response, const ResidentLimits& limits);
  void caught_up(ClientId client);
  struct Postponed {
    RecipientId queue;
    MessageId message;
  };
  // A queue of the connection whose message can be delivered now: a few at once, until it has got enough again. For each
  // of them asked_done() has to be called.
  [[nodiscard]] std::optional<Postponed> next_postponed(ClientId client, const ResidentLimits& limits);
  void asked_done(ClientId client);
  void forget(ClientId client) { sending_.erase(client); }

  [[nodiscard]] std::size_t octets() const { return octets_; }
  [[nodiscard]] std::size_t idle() const { return idle_; }

 private:
  void account(Queue& queue);
  void append(Queue& queue);
  void unlink(Queue& queue);

  struct Sending {
    std::size_t octets = 0;  // since the connection has caught up
    std::deque<Postponed> postponed;
    std::size_t asked = 0;
  };

  std::unordered_map<ClientId, Sending> sending_;
  std::vector<Queue*> touched_;  // null: forgotten since
  Queue* oldest_ = nullptr;
  Queue* newest_ = nullptr;
  std::size_t idle_ = 0;
  std::size_t octets_ = 0;
};

}  // namespace simplex::smp::server
