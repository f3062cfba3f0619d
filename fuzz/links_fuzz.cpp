// rooms: protocol crypto encoding base
// Text that a person pastes and addresses in binary form. What was understood must be understood again as it is
// printed.
#include <cstdint>
#include <cstdlib>

#include "simplex/encoding/utf8.hpp"
#include "simplex/protocol/connection_link.hpp"

namespace {

using namespace simplex;            // NOLINT: one file, no header
using namespace simplex::protocol;  // NOLINT

void require(bool condition) {
  if (!condition) std::abort();
}

void read_text(std::string_view text) {
  if (const auto link = parse_connection_link(text)) {
    // Escapes can make the printed form longer than what is accepted.
    if (const std::string printed = format(*link); printed.size() <= max_link_size)
      require(parse_connection_link(printed) == link);
  } else {
    require(is_utf8(link.error().message) && link.error().message.size() < 300);
  }
  if (const auto link = parse_full_link(text)) {
    Writer writer;
    write_full_link(writer, *link);
    Reader reader(writer.view());
    require(read_full_link(reader).has_value() && reader.empty());
  }
  if (const auto link = parse_short_link(text)) {
    require(parse_short_link(format(*link)) == link);
    Writer writer;
    write_short_link(writer, *link);
    Reader reader(writer.view());
    const auto again = read_short_link(reader);
    require(again.has_value() && reader.empty() && same_link(*again, *link));
  }
  if (const auto queue = parse_queue_uri(text)) require(parse_queue_uri(format(*queue)).has_value());
  if (const auto server = parse_server_with_auth(text)) require(!format(*server).empty());
}

void read_binary(BytesView bytes) {
  Reader link_reader(bytes);
  if (const auto link = read_full_link(link_reader)) {
    Writer writer;
    write_full_link(writer, *link);
    (void)format(*link);
  }
  Reader short_reader(bytes);
  if (const auto link = read_short_link(short_reader)) {
    Writer writer;
    write_short_link(writer, *link);
    (void)format(*link);
  }
  Reader info_reader(bytes);
  if (const auto queue = read_queue_info(info_reader)) {
    Writer writer;
    write_queue_info(writer, *queue);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView input(data, size);
  read_text(as_text(input));
  read_binary(input);
  return 0;
}
