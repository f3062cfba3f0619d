// How long to wait before trying again.
#pragma once

#include "simplex/agent/config.hpp"

namespace simplex::agent {

// Waits the interval's initial time until increase_after has been waited in all, then half as much again each time, up
// to max. A random part of up to a tenth is added.
class Backoff {
 public:
  explicit Backoff(const RetryInterval& interval) : interval_(interval), delay_(interval.initial) {}

  [[nodiscard]] Duration next(Random& random) {
    const Duration now = advance();
    const auto tenth = static_cast<std::uint64_t>(now.count() / 10);
    return now + Duration(static_cast<Duration::rep>(random.below(tenth + 1)));
  }
  // The same, anything from half of it to half as much again: for what many agents do after the same event.
  [[nodiscard]] Duration next_spread(Random& random) {
    const Duration now = advance();
    return now / 2 + Duration(static_cast<Duration::rep>(random.below(static_cast<std::uint64_t>(now.count()) + 1)));
  }
  void reset() {
    delay_ = interval_.initial;
    waited_ = Duration::zero();
  }

 private:
  Duration advance() {
    const Duration now = delay_;
    waited_ += now;
    if (waited_ >= interval_.increase_after) delay_ = std::min(delay_ * 3 / 2, interval_.max);
    return now;
  }

  RetryInterval interval_;
  Duration delay_;
  Duration waited_{};
};

}  // namespace simplex::agent
