#include "simplex/base/clock.hpp"

namespace simplex {

Instant SystemClock::now() const {
  return Instant(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

WallTime SystemClock::wall() const { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

std::int64_t seconds_since_epoch(WallTime time) noexcept {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

WallTime from_seconds_since_epoch(std::int64_t seconds) noexcept { return WallTime(std::chrono::seconds(seconds)); }

}  // namespace simplex
