// rooms: smp_server
// smp-server-stats.log, as a crash or an editor left it: what is understood means the same when it is written and read
// again.
#include "simplex/smp/server/statistics_file.hpp"
#include "allocation_bound.hpp"
#include "require.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace simplex;
  using namespace simplex::smp::server;
  using fuzz::require;
  // Names of lines are remembered, and a hash of one digit takes eight octets.
  const fuzz::AllocationBound bound(64 * 1'024 + 64 * size);
  const auto text = as_text({data, size});
  const auto read = parse_statistics(text);
  if (!read) {
    require(read.error().message.size() < 200);
  } else {
    const auto written = format_statistics(*read);
    const auto again = parse_statistics(written);
    require(again && again->from == read->from && again->queues == read->queues && again->active == read->active &&
            again->active_with_notification == read->active_with_notification && format_statistics(*again) == written);
  }
  if (const auto time = parse_time(text)) {
    require(parse_time(format_time(*time)) == time);
    require(format_time(*time).starts_with(format_day(*time)));
  }
  return 0;
}
