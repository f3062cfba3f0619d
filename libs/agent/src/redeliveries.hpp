// Messages that their relay delivers again and again, and behind which it keeps all others of the queue: the application
// does not acknowledge one (it fails, or is killed, each time that it is told), or handling one fails here, as when a row
// of its connection is damaged. After Timeouts::redeliveries such times and redelivery_expiry a message is given up: it is
// reported once, acknowledged, and the queue goes on. No other connection is concerned at any time.
//
// The counts are rows, since it is the restarts that count for an application that is killed by a message.
#pragma once

#include <map>

#include "core.hpp"
#include "subscriptions.hpp"

namespace simplex::agent {

class Redeliveries {
 public:
  Redeliveries(Core& core, Subscriptions& subscriptions) : core_(core), subscriptions_(subscriptions) {}

  // All in a turn. A message came again that the application has had. False: it still waits for its acknowledgement.
  [[nodiscard]] Result<bool> given_up(const RcvQueue& queue, const smp::MessageId& message);
  // Before the application is told of them once more, after a start.
  [[nodiscard]] Result<> handed_over_again();

  // Whether the error is one of this message alone; else the database as a whole cannot be used now.
  [[nodiscard]] static bool concerns_one(const Error& error) noexcept;
  // Handling it failed so. False: it is asked for again after a pause.
  [[nodiscard]] Result<bool> failed(const Connection& connection, const RcvQueue& queue, const smp::MessageId& message);
  // Another one did not fail.
  void received(RcvQueueKey queue) {
    if (!held_.empty()) held_.erase(queue);
  }
  void stop() { held_.clear(); }

 private:
  struct Held {
    Party party;
    protocol::ServerAddress server;
    smp::RecipientId recipient_id;
    Backoff backoff;
    async::Timer timer{};
  };
  [[nodiscard]] Result<bool> too_many(RcvQueueKey queue, const smp::MessageId& message, WallTime first);
  [[nodiscard]] Result<> drop(ConnKey conn, MessageId message, EventId event);
  void hold(const Connection& connection, const RcvQueue& queue);

  Core& core_;
  Subscriptions& subscriptions_;
  std::map<RcvQueueKey, Held> held_;
};

}  // namespace simplex::agent
