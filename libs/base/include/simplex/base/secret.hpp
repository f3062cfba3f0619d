// Secrets: move-only, wiped when dropped or moved from, compared in constant time, impossible to print.
// reveal() is the only way to the octets; look for it in a review.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "simplex/base/bytes.hpp"

namespace simplex {

template <class Tag, std::size_t N>
class Secret {
 public:
  static constexpr std::size_t size_bytes = N;

  Secret() = default;
  ~Secret() { wipe(bytes_); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      wipe(other.bytes_);
    }
    return *this;
  }

  [[nodiscard]] static std::optional<Secret> from(BytesView bytes) {
    if (bytes.size() != N) return std::nullopt;
    Secret made;
    std::copy(bytes.begin(), bytes.end(), made.bytes_.begin());
    return made;
  }

  [[nodiscard]] Secret clone() const {
    Secret made;
    made.bytes_ = bytes_;
    return made;
  }
  [[nodiscard]] BytesView reveal() const noexcept { return bytes_; }
  [[nodiscard]] MutableBytes reveal_mutable() noexcept { return bytes_; }

  friend bool operator==(const Secret& a, const Secret& b) noexcept { return equal_constant_time(a.bytes_, b.bytes_); }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

// A secret of any length.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(BytesView bytes) : bytes_(bytes.begin(), bytes.end()) {}
  explicit SecretBytes(std::size_t size) : bytes_(size) {}
  ~SecretBytes() { wipe(bytes_); }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      wipe(bytes_);
      bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
  }

  [[nodiscard]] SecretBytes clone() const { return SecretBytes(BytesView(bytes_)); }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] BytesView reveal() const noexcept { return bytes_; }
  [[nodiscard]] MutableBytes reveal_mutable() noexcept { return bytes_; }

  friend bool operator==(const SecretBytes& a, const SecretBytes& b) noexcept {
    return equal_constant_time(a.bytes_, b.bytes_);
  }

 private:
  Bytes bytes_;
};

}  // namespace simplex
