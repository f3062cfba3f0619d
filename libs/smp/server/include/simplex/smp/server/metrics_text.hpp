// The metrics of a relay in the text format of Prometheus (version 0.0.4): the names of the reference, its misspellings
// too, so that its dashboards work, and beside them what our bounds do (simplex_smp_limit_*) and the process costs.
#pragma once

#include <string>

#include "simplex/smp/server/daily_statistics.hpp"
#include "simplex/smp/server/process_status.hpp"

namespace simplex::smp::server {

// A bound, what there is now, and how often it refused something.
struct LimitMetric {
  std::string_view limit;  // its key in the section LIMITS
  double max = 0;
  std::optional<double> now;
  std::optional<std::uint64_t> refused;
};

struct MetricsInput {
  std::string_view version;
  WallTime from;  // since when `counts` are
  WallTime now;
  Statistics counts;
  RelayStatus status;
  RelayTotals totals;
  ProcessStatus process;
  std::vector<LimitMetric> limits;
};

[[nodiscard]] std::string metrics_text(const MetricsInput& input);

}  // namespace simplex::smp::server
