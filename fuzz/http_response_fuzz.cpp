// rooms: server_kit smp_protocol
// inside: libs/server_kit/src
// The answer of a resolver of names: the same in pieces of any size, its body within its bound, and a record in it means
// the same when it is written and read again.
#include <algorithm>
#include "simplex/smp/name_record.hpp"

#include "allocation_bound.hpp"
#include "http_wire.hpp"
#include "require.hpp"

namespace {

using namespace simplex;              // NOLINT: one file, no header
using namespace simplex::server_kit;  // NOLINT
using fuzz::require;

constexpr std::size_t max_body = 4'000;

std::optional<HttpAnswer> read(BytesView input, std::size_t piece) {
  ResponseReader reader(max_body);
  while (!input.empty()) {
    const auto octets = input.first(std::min(piece, input.size()));
    input = input.subspan(octets.size());
    auto answer = reader.feed(octets);
    if (!answer) return std::nullopt;
    if (*answer) return **std::move(answer);
  }
  auto answer = reader.end();
  if (!answer) return std::nullopt;
  return *std::move(answer);
}

void read_record(std::string_view json) {
  const auto record = smp::parse_name_record(json);
  if (!record) return;
  const auto text = smp::to_json(*record);
  const auto again = smp::parse_name_record(text);
  require(again && smp::to_json(*again) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const BytesView input(data + 1, size - 1);
  // A field of four octets is an object of Beast's, a value of two octets one of the JSON parser's.
  const fuzz::AllocationBound bound(64 * 1'024 + 128 * size);
  const auto whole = read(input, input.size());
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2} + data[0]}) {
    const auto pieces = read(input, piece);
    require(pieces.has_value() == whole.has_value());
    if (whole) require(pieces->status == whole->status && pieces->body == whole->body);
  }
  if (whole) {
    require(whole->body.size() <= max_body && (whole->status < 400 || whole->body.empty()));
    read_record(whole->body);
  }
  read_record(as_text(input));
  return 0;
}
