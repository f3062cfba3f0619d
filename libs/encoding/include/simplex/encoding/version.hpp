// Version numbers and ranges, one distinct type for each protocol. Binary: 2 octets; a range is min, max.
// Text of a range: "2-7", or "7" when both are equal.
#pragma once

#include <algorithm>
#include <optional>

#include "simplex/base/result.hpp"
#include "simplex/base/strong.hpp"
#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/writer.hpp"

namespace simplex {

template <class Tag>
using Version = StrongInt<Tag, std::uint16_t>;

template <class Tag>
struct VersionRange {
  Version<Tag> min;
  Version<Tag> max;

  friend auto operator<=>(const VersionRange&, const VersionRange&) = default;

  [[nodiscard]] bool contains(Version<Tag> version) const { return min <= version && version <= max; }
  // The highest version that both know, if any.
  [[nodiscard]] std::optional<Version<Tag>> common_max(const VersionRange& other) const {
    const auto shared = intersect(other);
    if (!shared) return std::nullopt;
    return shared->max;
  }
  [[nodiscard]] std::optional<VersionRange> intersect(const VersionRange& other) const {
    const VersionRange shared{std::max(min, other.min), std::min(max, other.max)};
    if (shared.min > shared.max) return std::nullopt;
    return shared;
  }
};

struct RawVersionRange {
  std::uint16_t min = 0;
  std::uint16_t max = 0;
};
[[nodiscard]] Result<RawVersionRange> read_raw_version_range(Reader& reader);  // min > max is malformed
[[nodiscard]] Result<RawVersionRange> parse_raw_version_range(std::string_view text);
[[nodiscard]] std::string format_raw_version_range(RawVersionRange range);

template <class Tag>
[[nodiscard]] Result<VersionRange<Tag>> read_version_range(Reader& reader) {
  SIMPLEX_ASSIGN(const auto raw, read_raw_version_range(reader));
  return VersionRange<Tag>{Version<Tag>(raw.min), Version<Tag>(raw.max)};
}
template <class Tag>
[[nodiscard]] Result<VersionRange<Tag>> parse_version_range(std::string_view text) {
  SIMPLEX_ASSIGN(const auto raw, parse_raw_version_range(text));
  return VersionRange<Tag>{Version<Tag>(raw.min), Version<Tag>(raw.max)};
}
template <class Tag>
[[nodiscard]] std::string format_version_range(const VersionRange<Tag>& range) {
  return format_raw_version_range({range.min.value(), range.max.value()});
}
template <class Tag>
void write_version_range(Writer& writer, const VersionRange<Tag>& range) {
  writer.u16(range.min.value()).u16(range.max.value());
}
template <class Tag>
[[nodiscard]] Result<Version<Tag>> read_version(Reader& reader) {
  SIMPLEX_ASSIGN(const auto number, reader.u16());
  return Version<Tag>(number);
}

// The protocols' version numbers.
struct SmpVersionTag;        // client and relay, 6..20
struct SmpClientVersionTag;  // client and client, per queue, 1..4
struct AgentVersionTag;      // 2..7
struct E2eVersionTag;        // double ratchet, 2..3
struct ChatVersionTag;       // 1..16
using SmpVersion = Version<SmpVersionTag>;
using SmpVersionRange = VersionRange<SmpVersionTag>;
using SmpClientVersion = Version<SmpClientVersionTag>;
using SmpClientVersionRange = VersionRange<SmpClientVersionTag>;
using AgentVersion = Version<AgentVersionTag>;
using AgentVersionRange = VersionRange<AgentVersionTag>;
using E2eVersion = Version<E2eVersionTag>;
using E2eVersionRange = VersionRange<E2eVersionTag>;
using ChatVersion = Version<ChatVersionTag>;
using ChatVersionRange = VersionRange<ChatVersionTag>;

}  // namespace simplex
