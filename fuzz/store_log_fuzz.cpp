// rooms: smp_server
// smp-server-store.log as an operator brings it: every line means the same when it is written and read again, and what
// the lines make of each other does so, too.
#include "simplex/smp/server/log_reader.hpp"
#include "allocation_bound.hpp"
#include "require.hpp"

namespace {

using namespace simplex;               // NOLINT: one file, no header
using namespace simplex::smp::server;  // NOLINT
using fuzz::require;

// A line is a fixed record and its fields as octets; a queue that it makes is kept.
constexpr std::size_t octets_for_each = 32;
constexpr std::size_t octets_for_all = 64 * 1'024;

void read_line(std::string_view line, LogReplay& replay) {
  auto record = parse_record(line);
  if (!record) return require(record.error().message.size() < 200);
  const auto text = format_record(*record);
  require(text.find('\n') == std::string::npos);
  const auto again = parse_record(text);
  require(again && again->index() == record->index() && format_record(*again) == text);
  (void)replay.use(*std::move(record));
}

void read_log(std::string_view text) {
  LogReplay replay;
  while (!text.empty()) {
    const auto end = text.find('\n');
    read_line(text.substr(0, end), replay);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  for (const auto& queue : replay.take_queues()) {
    const auto line = format_queue(queue);
    const auto again = parse_record(line);
    require(again && format_record(*again) == line);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::AllocationBound bound(octets_for_all + octets_for_each * size);
  read_log(as_text({data, size}));
  return 0;
}
