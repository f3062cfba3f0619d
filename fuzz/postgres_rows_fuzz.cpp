// rooms: smp_stores
// inside: libs/smp/stores/src
// links: PostgreSQL::PostgreSQL
// Rows of the database, which others may have written: values of the columns of a queue, a service and a message. The
// first octet says which; then each value is its length in two octets (0xFFFF: NULL) and its octets.
#include <libpq-fe.h>

#include <algorithm>

#include "allocation_bound.hpp"
#include "postgres/codec.hpp"
#include "require.hpp"

namespace {

using namespace simplex;                         // NOLINT: one file, no header
using namespace simplex::smp::stores::postgres;  // NOLINT
using fuzz::require;
namespace server = smp::server;

Rows row_of(BytesView input, std::size_t columns) {
  PGresult* const result = PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK);
  Rows rows(result);
  std::vector<std::string> names(columns, "c");
  std::vector<PGresAttDesc> described(columns);
  for (std::size_t i = 0; i < columns; ++i) described[i].name = names[i].data();
  require(PQsetResultAttrs(result, static_cast<int>(columns), described.data()) != 0);
  for (std::size_t i = 0; i < columns; ++i) {
    std::size_t size = 0xFFFF;
    if (input.size() >= 2) {
      size = static_cast<std::size_t>(input[0]) << 8U | input[1];
      input = input.subspan(2);
    }
    if (size == 0xFFFF) {
      require(PQsetvalue(result, 0, static_cast<int>(i), nullptr, -1) != 0);
      continue;
    }
    const auto value = input.first(std::min(size, input.size()));
    input = input.subspan(value.size());
    Bytes copy = to_bytes(value);
    copy.push_back(0);
    require(PQsetvalue(result, 0, static_cast<int>(i), reinterpret_cast<char*>(copy.data()),
                       static_cast<int>(value.size())) != 0);
  }
  return rows;
}

// The row that a value is written as, in the form of this target's input.
Bytes row_form(const Values& values) {
  Bytes copy;
  values.append_copy_row(copy);
  // COPY: the number of columns in two octets, then each value with its length in four.
  Bytes made;
  for (BytesView rest = BytesView(copy).subspan(2); !rest.empty();) {
    std::uint32_t size = 0;
    for (const auto octet : rest.first(4)) size = size << 8U | octet;
    rest = rest.subspan(4);
    const bool null = size == 0xFFFF'FFFF;
    require(null || size < 0xFFFF);
    made.push_back(static_cast<std::uint8_t>(null ? 0xFF : size >> 8U));
    made.push_back(static_cast<std::uint8_t>(null ? 0xFF : size & 0xFFU));
    if (null) continue;
    append(made, rest.first(size));
    rest = rest.subspan(size);
  }
  return made;
}

Bytes form_of(const server::QueueRecord& queue) {
  Values values;
  append_queue(values, queue);
  return row_form(values);
}
Bytes form_of(const server::ServiceRecord& service) {
  Values values;
  append_service(values, service);
  return row_form(values);
}

template <class Read>
void stable(BytesView input, std::size_t columns, Read&& read) {
  const auto value = read(row_of(input, columns));
  if (!value) return require(value.error().message.size() < 200);
  const auto written = form_of(*value);
  const auto again = read(row_of(written, columns));
  require(again && form_of(*again) == written);
}

void read_one_message(BytesView input) {
  const auto message = read_message(row_of(input, 5), 0, 0, 1);
  if (!message) return;
  require((*message)->body.size() <= input.size() && (!(*message)->quota || (*message)->body.empty()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 60'000) return 0;
  const BytesView input(data + 1, size - 1);
  // libpq's own memory does not count.
  const fuzz::AllocationBound bound(64 * 1'024 + 64 * size);
  switch (data[0] % 3) {
    case 0: stable(input, queue_columns, [](const Rows& rows) { return read_queue(rows, 0, 0); }); break;
    case 1: stable(input, 5, [](const Rows& rows) { return read_service(rows, 0); }); break;
    default: read_one_message(input); break;
  }
  return 0;
}
