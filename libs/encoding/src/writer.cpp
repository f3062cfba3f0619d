#include "simplex/encoding/writer.hpp"

#include <stdexcept>

namespace simplex {

Writer& Writer::u8(std::uint8_t value) {
  out_.push_back(value);
  return *this;
}

Writer& Writer::u16(std::uint16_t value) {
  return u8(static_cast<std::uint8_t>(value >> 8)).u8(static_cast<std::uint8_t>(value & 0xFF));
}

Writer& Writer::u32(std::uint32_t value) {
  return u16(static_cast<std::uint16_t>(value >> 16)).u16(static_cast<std::uint16_t>(value & 0xFFFF));
}

Writer& Writer::i64(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return u32(static_cast<std::uint32_t>(bits >> 32)).u32(static_cast<std::uint32_t>(bits & 0xFFFFFFFF));
}

Writer& Writer::raw(BytesView bytes) {
  append(out_, bytes);
  return *this;
}

Writer& Writer::fill(std::size_t count, std::uint8_t octet) {
  out_.insert(out_.end(), count, octet);
  return *this;
}

Writer& Writer::short_string(BytesView bytes) {
  if (bytes.size() > 0xFF) throw std::length_error("string of more than 255 octets");
  return u8(static_cast<std::uint8_t>(bytes.size())).raw(bytes);
}

Writer& Writer::large_string(BytesView bytes) {
  if (bytes.size() > 0xFFFF) throw std::length_error("string of more than 65535 octets");
  return u16(static_cast<std::uint16_t>(bytes.size())).raw(bytes);
}

void Writer::count(std::size_t values) {
  if (values > 0xFF) throw std::length_error("list of more than 255 values");
  u8(static_cast<std::uint8_t>(values));
}

}  // namespace simplex
