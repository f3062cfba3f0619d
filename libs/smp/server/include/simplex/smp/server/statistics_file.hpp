// The statistics of a relay as they outlive it: smp-server-stats.log, in the reference's format. It reads what we write.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "simplex/base/clock.hpp"
#include "simplex/base/result.hpp"
#include "simplex/smp/server/queue_periods.hpp"
#include "simplex/smp/server/statistics.hpp"

namespace simplex::smp::server {

struct SavedStatistics {
  WallTime from;  // since when it was counted
  // Times of ACK, messages of services and differences of their subscriptions are not kept, as in the reference.
  Statistics counts;
  std::uint64_t queues = 0;  // that the relay had
  PeriodHashes active;
  PeriodHashes active_with_notification;
};

[[nodiscard]] std::string format_statistics(const SavedStatistics& statistics);
// All forms that the reference has ever written. Lines it does not know have no effect.
[[nodiscard]] Result<SavedStatistics> parse_statistics(std::string_view text);

// "2026-11-22T23:43:32.392702966Z", as in ISO 8601 and the reference's files.
[[nodiscard]] std::string format_time(WallTime time);
[[nodiscard]] std::optional<WallTime> parse_time(std::string_view text);
// "2026-11-22"
[[nodiscard]] std::string format_day(WallTime time);

}  // namespace simplex::smp::server
