#include "simplex/encoding/version.hpp"

#include <string>

namespace simplex {

namespace {

// Numbers that do not fit 16 bits wrap, as they do in the reference (encoding.json: 70000 reads as 4464).
Result<std::uint16_t> parse_number(std::string_view text) {
  if (text.empty()) return fail(ErrorKind::malformed, "version number expected");
  std::uint16_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return fail(ErrorKind::malformed, "invalid version number");
    value = static_cast<std::uint16_t>(value * 10 + (c - '0'));
  }
  return value;
}

Result<RawVersionRange> ordered(std::uint16_t min, std::uint16_t max) {
  if (min > max) return fail(ErrorKind::malformed, "version range ends before it begins");
  return RawVersionRange{min, max};
}

}  // namespace

Result<RawVersionRange> read_raw_version_range(Reader& reader) {
  SIMPLEX_ASSIGN(const std::uint16_t min, reader.u16());
  SIMPLEX_ASSIGN(const std::uint16_t max, reader.u16());
  return ordered(min, max);
}

Result<RawVersionRange> parse_raw_version_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  SIMPLEX_ASSIGN(const std::uint16_t min, parse_number(text.substr(0, dash)));
  if (dash == std::string_view::npos) return RawVersionRange{min, min};
  SIMPLEX_ASSIGN(const std::uint16_t max, parse_number(text.substr(dash + 1)));
  return ordered(min, max);
}

std::string format_raw_version_range(RawVersionRange range) {
  if (range.min == range.max) return std::to_string(range.min);
  return std::to_string(range.min) + "-" + std::to_string(range.max);
}

}  // namespace simplex
