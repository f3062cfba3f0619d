// Writer of SMP binary encoding; the mirror of Reader. Appends to a byte string that it owns.
#pragma once

#include <optional>

#include "simplex/base/bytes.hpp"

namespace simplex {

class Writer {
 public:
  Writer() = default;
  explicit Writer(std::size_t reserve) { out_.reserve(reserve); }

  Writer& u8(std::uint8_t value);
  Writer& u16(std::uint16_t value);
  Writer& u32(std::uint32_t value);
  Writer& i64(std::int64_t value);
  Writer& raw(BytesView bytes);
  Writer& raw(std::string_view text) { return raw(as_bytes(text)); }
  Writer& character(char value) { return u8(static_cast<std::uint8_t>(value)); }
  // At most 255 octets. A longer string is a bug of the caller and throws std::length_error.
  Writer& short_string(BytesView bytes);
  Writer& short_string(std::string_view text) { return short_string(as_bytes(text)); }
  // At most 65,535 octets; the same.
  Writer& large_string(BytesView bytes);
  Writer& fill(std::size_t count, std::uint8_t octet);
  Writer& boolean(bool value) { return character(value ? 'T' : 'F'); }
  Writer& nothing() { return character('0'); }
  Writer& just() { return character('1'); }

  // '0', or '1' and what write(*this, value) writes.
  template <class T, class F>
  Writer& optional(const std::optional<T>& value, F&& write) {
    if (!value) return nothing();
    just();
    write(*this, *value);
    return *this;
  }
  // 1-byte count (at most 255 values), then each.
  template <class Range, class F>
  Writer& list(const Range& values, F&& write) {
    count(std::size(values));
    for (const auto& value : values) write(*this, value);
    return *this;
  }

  [[nodiscard]] std::size_t size() const noexcept { return out_.size(); }
  [[nodiscard]] BytesView view() const noexcept { return out_; }
  // What was written from there on, to be changed in place; until more is written.
  [[nodiscard]] MutableBytes from(std::size_t begin) noexcept { return MutableBytes(out_).subspan(begin); }
  [[nodiscard]] Bytes take() && { return std::move(out_); }

 private:
  void count(std::size_t values);
  Bytes out_;
};

}  // namespace simplex
