// What a connection did in the current period, against UseLimits.
#pragma once

#include "simplex/base/clock.hpp"
#include "simplex/smp/server/settings.hpp"

namespace simplex::smp::server {

class ConnectionUse {
 public:
  // Each counts one more; false: it is over the limit.
  [[nodiscard]] bool new_queue(const UseLimits& limits, Instant now) {
    return next(limits, now).new_queues_++ < limits.new_queues;
  }
  [[nodiscard]] bool link_change(const UseLimits& limits, Instant now) {
    return next(limits, now).link_changes_++ < limits.link_changes;
  }
  [[nodiscard]] bool refusal(const UseLimits& limits, Instant now) {
    return next(limits, now).refusals_++ < limits.refusals;
  }

 private:
  ConnectionUse& next(const UseLimits& limits, Instant now) {
    if (!began_ || now - *began_ >= limits.period) *this = {};
    if (!began_) began_ = now;
    return *this;
  }

  std::optional<Instant> began_;
  std::size_t new_queues_ = 0;
  std::size_t link_changes_ = 0;
  std::size_t refusals_ = 0;
};

}  // namespace simplex::smp::server
