#include "der.hpp"

#include <stdexcept>

namespace simplex::transport::der {

Bytes wrap(std::uint8_t tag, BytesView content) {
  const auto size = content.size();
  Bytes made{tag};
  if (size < 0x80) {
    made.push_back(static_cast<std::uint8_t>(size));
  } else if (size <= 0xff) {
    made.insert(made.end(), {0x81, static_cast<std::uint8_t>(size)});
  } else if (size <= 0xffff) {
    made.insert(made.end(), {0x82, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size & 0xff)});
  } else {
    throw std::length_error("DER value of more than 65,535 octets");
  }
  append(made, content);
  return made;
}

Result<Value> take(std::uint8_t tag, BytesView& rest) {
  const auto bad = [] { return fail(ErrorKind::malformed, "a signed key that is not DER"); };
  if (rest.size() < 2 || rest[0] != tag) return bad();
  std::size_t header = 2;
  std::size_t size = rest[1];
  if (size == 0x81 && rest.size() >= 3) {
    header = 3;
    size = rest[2];
    if (size < 0x80) return bad();
  } else if (size == 0x82 && rest.size() >= 4) {
    header = 4;
    size = static_cast<std::size_t>(rest[2]) << 8 | rest[3];
    if (size <= 0xff) return bad();
  } else if (size >= 0x80) {
    return bad();
  }
  if (rest.size() - header < size) return bad();
  const Value value{rest.first(header + size), rest.subspan(header, size)};
  rest = rest.subspan(header + size);
  return value;
}

}  // namespace simplex::transport::der
