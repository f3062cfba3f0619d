#include "simplex/encoding/reader.hpp"

#include <algorithm>

namespace simplex {

namespace {
std::unexpected<Error> too_short() { return fail(ErrorKind::malformed, "unexpected end of input"); }
}  // namespace

Result<BytesView> Reader::take(std::size_t count) {
  if (count > rest_.size()) return too_short();
  const BytesView taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return taken;
}

Result<std::uint8_t> Reader::u8() {
  SIMPLEX_ASSIGN(const BytesView b, take(1));
  return b[0];
}

Result<std::uint16_t> Reader::u16() {
  SIMPLEX_ASSIGN(const BytesView b, take(2));
  return static_cast<std::uint16_t>(b[0] << 8 | b[1]);
}

Result<std::uint32_t> Reader::u32() {
  SIMPLEX_ASSIGN(const BytesView b, take(4));
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | std::uint32_t{b[3]};
}

Result<std::int64_t> Reader::i64() {
  SIMPLEX_ASSIGN(const std::uint32_t high, u32());
  SIMPLEX_ASSIGN(const std::uint32_t low, u32());
  return static_cast<std::int64_t>(std::uint64_t{high} << 32 | low);
}

Result<BytesView> Reader::short_string() {
  SIMPLEX_ASSIGN(const std::uint8_t size, u8());
  return take(size);
}

Result<BytesView> Reader::large_string() {
  SIMPLEX_ASSIGN(const std::uint16_t size, u16());
  return take(size);
}

BytesView Reader::tail() noexcept {
  const BytesView all = rest_;
  rest_ = {};
  return all;
}

Result<bool> Reader::boolean() {
  SIMPLEX_ASSIGN(const std::uint8_t letter, u8());
  if (letter == 'T') return true;
  if (letter == 'F') return false;
  return fail(ErrorKind::malformed, "invalid boolean");
}

Result<bool> Reader::maybe() {
  SIMPLEX_ASSIGN(const std::uint8_t letter, u8());
  if (letter == '1') return true;
  if (letter == '0') return false;
  return fail(ErrorKind::malformed, "invalid presence tag");
}

Result<> Reader::expect(std::string_view text) {
  if (rest_.size() < text.size() || as_text(rest_.first(text.size())) != text)
    return fail(ErrorKind::malformed, "unexpected input");
  rest_ = rest_.subspan(text.size());
  return {};
}

BytesView Reader::until(std::uint8_t separator) noexcept {
  const auto found = std::find(rest_.begin(), rest_.end(), separator);
  const auto count = static_cast<std::size_t>(found - rest_.begin());
  const BytesView taken = rest_.first(count);
  rest_ = rest_.subspan(found == rest_.end() ? count : count + 1);
  return taken;
}

Result<> Reader::finish() const {
  if (!rest_.empty()) return fail(ErrorKind::malformed, "unexpected octets after the end");
  return {};
}

}  // namespace simplex
