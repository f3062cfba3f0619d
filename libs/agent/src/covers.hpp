// Cover messages (docs/agent.md, "Mixing"): at random moments an empty message goes to the peer, of the size of all others.
// It is an EREADY: programs from agent version 3 on read it, and do nothing when their ratchet can send already, as it can
// once anything was received.
//
// They stop when the peer has not been heard from for a while, so that its queue does not fill with nothing.
#pragma once

#include <map>

#include "core.hpp"
#include "delivery.hpp"

namespace simplex::agent {

class Covers {
 public:
  Covers(Core& core, DeliveryQueues& deliveries) : core_(core), deliveries_(deliveries) {}

  [[nodiscard]] Result<> start();
  void stop() { timers_.clear(); }
  // After the commit: its interval was set.
  void changed(const Connection& connection);
  // In a turn: the peer is there.
  [[nodiscard]] Result<> heard_from(const Connection& connection);

  static constexpr std::int64_t most_unheard = 16;  // of the 128 that a queue holds

 private:
  void wait(ConnKey connection, Duration interval);
  void now(ConnKey connection);
  // In a turn. The interval; nothing: there are no covers any more.
  [[nodiscard]] Result<std::optional<Duration>> send(ConnKey connection);

  Core& core_;
  DeliveryQueues& deliveries_;
  std::map<ConnKey, async::Timer> timers_;
};

}  // namespace simplex::agent
