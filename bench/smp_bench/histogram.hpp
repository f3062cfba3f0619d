// Times of any number of operations in a fixed room of 112 KB: each is kept to within 0.4% of itself. A percentile is
// interpolated between the bounds of its slot, as if the times in it were evenly spread; the longest time is exact.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "simplex/base/clock.hpp"

namespace simplex::bench {

class Histogram {
 public:
  void add(Duration time) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
    ++counts_[slot(value)];
    ++count_;
    max_ = std::max(max_, value);
  }
  void add(const Histogram& other) {
    for (std::size_t i = 0; i < slots; ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] Duration max() const { return Duration(static_cast<std::int64_t>(max_)); }
  // The time that this share (0 to 1) of the operations did not exceed; 0 where there were none.
  [[nodiscard]] Duration percentile(double share) const {
    if (count_ == 0) return Duration::zero();
    const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    if (rank + 1 >= count_) return max();
    std::uint64_t passed = 0;
    std::size_t index = 0;
    while (passed + counts_[index] <= rank) passed += counts_[index++];
    const auto within = (static_cast<double>(rank - passed) + 0.5) / static_cast<double>(counts_[index]);
    const auto value = first_of(index) + static_cast<std::uint64_t>(within * static_cast<double>(width_of(index)));
    return Duration(static_cast<std::int64_t>(std::min(value, max_)));
  }

 private:
  // Below 256 each nanosecond has a slot; from there on each power of two has 256.
  static constexpr unsigned bits = 8;
  static constexpr std::size_t per_power = std::size_t{1} << bits;
  static constexpr std::size_t slots = (64 - bits) * per_power;

  static std::size_t slot(std::uint64_t value) {
    if (value < per_power) return static_cast<std::size_t>(value);
    const auto power = static_cast<unsigned>(std::bit_width(value)) - 1;
    return (power - bits + 1) * per_power + static_cast<std::size_t>((value >> (power - bits)) & (per_power - 1));
  }
  static std::uint64_t first_of(std::size_t index) {
    if (index < per_power) return index;
    return (per_power + index % per_power) << (index / per_power - 1);
  }
  static std::uint64_t width_of(std::size_t index) {
    return index < per_power ? 1 : std::uint64_t{1} << (index / per_power - 1);
  }

  std::array<std::uint64_t, slots> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace simplex::bench
