// Strong types: a distinct type for every id, key, nonce, hash and version, with no implicit conversion.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <functional>
#include <optional>

#include "simplex/base/bytes.hpp"

namespace simplex {

// N public octets. struct QueueHashTag; using QueueHash = FixedBytes<QueueHashTag, 32>;
template <class Tag, std::size_t N>
class FixedBytes {
 public:
  static constexpr std::size_t size_bytes = N;

  constexpr FixedBytes() = default;
  explicit constexpr FixedBytes(const std::array<std::uint8_t, N>& bytes) : bytes_(bytes) {}

  // Nothing, unless there are exactly N octets.
  [[nodiscard]] static std::optional<FixedBytes> from(BytesView bytes) {
    if (bytes.size() != N) return std::nullopt;
    FixedBytes made;
    std::copy(bytes.begin(), bytes.end(), made.bytes_.begin());
    return made;
  }

  [[nodiscard]] BytesView view() const noexcept { return bytes_; }
  [[nodiscard]] MutableBytes mutable_view() noexcept { return bytes_; }
  [[nodiscard]] const std::array<std::uint8_t, N>& array() const noexcept { return bytes_; }

  friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;

 private:
  std::array<std::uint8_t, N> bytes_{};
};

// Public octets of any length: entity ids of other programs' relays, encoded keys.
template <class Tag>
class OpaqueBytes {
 public:
  OpaqueBytes() = default;
  explicit OpaqueBytes(Bytes bytes) : bytes_(std::move(bytes)) {}
  explicit OpaqueBytes(BytesView bytes) : bytes_(bytes.begin(), bytes.end()) {}

  [[nodiscard]] BytesView view() const noexcept { return bytes_; }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

  friend auto operator<=>(const OpaqueBytes&, const OpaqueBytes&) = default;

 private:
  Bytes bytes_;
};

// A number that is not any other number: versions, message numbers, row ids.
template <class Tag, class Int>
class StrongInt {
 public:
  using value_type = Int;
  constexpr StrongInt() = default;
  explicit constexpr StrongInt(Int value) : value_(value) {}
  [[nodiscard]] constexpr Int value() const noexcept { return value_; }
  friend auto operator<=>(const StrongInt&, const StrongInt&) = default;

 private:
  Int value_{};
};

[[nodiscard]] std::size_t hash_bytes(BytesView bytes) noexcept;

}  // namespace simplex

template <class Tag, std::size_t N>
struct std::hash<simplex::FixedBytes<Tag, N>> {
  std::size_t operator()(const simplex::FixedBytes<Tag, N>& value) const noexcept {
    return simplex::hash_bytes(value.view());
  }
};
template <class Tag>
struct std::hash<simplex::OpaqueBytes<Tag>> {
  std::size_t operator()(const simplex::OpaqueBytes<Tag>& value) const noexcept {
    return simplex::hash_bytes(value.view());
  }
};
template <class Tag, class Int>
struct std::hash<simplex::StrongInt<Tag, Int>> {
  std::size_t operator()(const simplex::StrongInt<Tag, Int>& value) const noexcept {
    return std::hash<Int>{}(value.value());
  }
};
