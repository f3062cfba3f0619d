// A line of smp-server-stats.daily.log: comma-separated values in the reference's order, without a heading.
#pragma once

#include <string>

#include "simplex/base/clock.hpp"
#include "simplex/smp/server/relay_status.hpp"

namespace simplex::smp::server {

// What the relay has, as the file wants it.
struct RelayTotals {
  StoreTotals store;
  std::uint64_t notifications = 0;  // that wait
  std::uint64_t recipient_services = 0;
  std::uint64_t notifier_services = 0;
  std::uint64_t recipient_service_queues = 0;
  std::uint64_t notifier_service_queues = 0;
};
[[nodiscard]] RelayTotals totals_of(const RelayStatus& status);

// counts: since `from`. There is a number for a week or month only where one has ended since: weeks end on Sunday.
[[nodiscard]] std::string daily_line(WallTime from, WallTime now, const Statistics& counts, const PeriodCounts& active,
                                     const PeriodCounts& active_with_notification, const RelayTotals& totals);

// Whether a new one began (at midnight UTC) after `from` and until `now`.
[[nodiscard]] bool begins(Period period, WallTime from, WallTime now);
// The next midnight (UTC) after `now`.
[[nodiscard]] WallTime next_day(WallTime now);

}  // namespace simplex::smp::server
