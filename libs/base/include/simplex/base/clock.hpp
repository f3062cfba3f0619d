// Time is handed in: nothing below the programs asks the system for it.
#pragma once

#include <chrono>
#include <cstdint>

namespace simplex {

using Duration = std::chrono::nanoseconds;
// Monotonic time since an arbitrary start.
struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
};
using Instant = MonotonicClock::time_point;
// UTC; the protocols use whole seconds of it, databases and chat items nanoseconds.
using WallTime = std::chrono::sys_time<Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual WallTime wall() const = 0;
};

// The machine's clocks. Thread-safe.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const override;
  [[nodiscard]] WallTime wall() const override;
};

[[nodiscard]] std::int64_t seconds_since_epoch(WallTime time) noexcept;
[[nodiscard]] WallTime from_seconds_since_epoch(std::int64_t seconds) noexcept;

}  // namespace simplex
