// rooms: smp_stores
// inside: libs/smp/stores/src
// Keys and values of the embedded store, as a damaged disk may give them back: the first octet says which one it is.
// What is understood means the same when it is written and read again.
#include <algorithm>

#include "allocation_bound.hpp"
#include "embedded/keys.hpp"
#include "embedded/records.hpp"
#include "require.hpp"

namespace {

using namespace simplex;                         // NOLINT: one file, no header
using namespace simplex::smp::stores::embedded;  // NOLINT
using fuzz::require;
namespace server = smp::server;

const server::RecipientId& queue_id() {
  static const auto id = *server::RecipientId::from(Bytes(24, 1));
  return id;
}
const server::LinkId& link_id() {
  static const auto id = *server::LinkId::from(Bytes(24, 2));
  return id;
}

// The second form is the one that is written: flags that contradict each other have more than one.
template <class Decode, class Encode>
void stable(BytesView value, Decode&& decode, Encode&& encode) {
  const auto read = decode(value);
  if (!read) return require(read.error().message.size() < 200);
  const auto written = encode(*read);
  require(written && written->size() <= value.size());
  const auto again = decode(*written);
  require(again.has_value());
  const auto rewritten = encode(*again);
  require(rewritten && *rewritten == *written);
}

void read_header(BytesView value) {
  const auto header = decode_header(value);
  if (!header) return;
  // A header says how long the body is; the body is not made for it.
  server::StoredMessage message;
  message.id = header->id;
  message.sent_at = header->sent_at;
  message.notification = header->notification;
  message.quota = header->quota;
  const auto written = encode_header(message);
  require(written && written->size() == value.size() &&
          std::ranges::equal(BytesView(*written).first(value.size() - 4), value.first(value.size() - 4)));
}

void read_keys(BytesView key) {
  if (const auto name = read_message_key(key))
    require(std::ranges::equal(message_key(name->queue, name->position), key));
  if (const auto name = read_time_key(key)) {
    require(std::ranges::equal(time_key(name->sent_at, name->message.queue, name->message.position), key));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  (void)queue_id();
  (void)link_id();
  const BytesView value(data + 1, size - 1);
  // A certificate of no octets takes four octets here, and twenty-four in memory.
  const fuzz::AllocationBound bound(32 * 1'024 + 64 * size);
  switch (data[0] % 5) {
    case 0: stable(value, [](BytesView v) { return decode_queue(queue_id(), v); }, encode_queue); break;
    case 1: stable(value, [](BytesView v) { return decode_link(link_id(), v); }, encode_link); break;
    case 2: read_header(value); break;
    case 3: stable(value, decode_service, encode_service); break;
    default: read_keys(value); break;
  }
  return 0;
}
