// rooms: smp_stores
// Lines of smp-server-messages.log, smp-server-ntfs.log, and of a journal's messages and states: what is understood
// means the same when it is written and read again.
#include "simplex/smp/server/notifications.hpp"
#include "simplex/smp/stores/journal.hpp"
#include "allocation_bound.hpp"
#include "require.hpp"

namespace {

using namespace simplex;               // NOLINT: one file, no header
using namespace simplex::smp::server;  // NOLINT
using namespace simplex::smp::stores;  // NOLINT
using fuzz::require;

constexpr std::size_t octets_for_each = 16;
constexpr std::size_t octets_for_all = 16 * 1'024;

void as_message(std::string_view line) {
  const auto read = parse_message(line);
  if (!read) return;
  require(read->message->body.size() <= line.size());
  const auto text = format_message(read->queue, *read->message);
  const auto again = parse_message(text);
  require(again && format_message(again->queue, *again->message) == text);
}

void as_journal_message(std::string_view line) {
  const auto read = parse_journal_message(line);
  if (!read) return;
  const auto text = format_journal_message(**read);
  const auto again = parse_journal_message(text);
  require(again && format_journal_message(**again) == text);
}

void as_notification(std::string_view line) {
  const auto read = parse_notification(line);
  if (!read) return;
  const auto text = format_notification(read->notifier, read->notification);
  const auto again = parse_notification(text);
  require(again && format_notification(again->notifier, again->notification) == text);
}

void as_state(std::string_view line) {
  // What is whole can also be read when it is not known to be.
  const auto whole = parse_journal_state(line, true);
  const auto part = parse_journal_state(line, false);
  require(!whole || part);
  if (!part) return;
  require(part->read.octet <= part->read.octets);
  const auto text = format_journal_state(*part);
  const auto again = parse_journal_state(text, true);
  require(again && format_journal_state(*again) == text && again->size() == part->size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::AllocationBound bound(octets_for_all + octets_for_each * size);
  const auto line = as_text({data, size});
  if (line.find('\n') != std::string_view::npos) return 0;
  as_message(line);
  as_journal_message(line);
  as_notification(line);
  as_state(line);
  return 0;
}
