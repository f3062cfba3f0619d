// What the fuzz targets share: a check that ends the program, and randomness that is always the same, so that a finding
// can be replayed.
#pragma once

#include <cstdlib>

#include "simplex/base/random.hpp"

namespace simplex::fuzz {

inline void require(bool right) {
  if (!right) std::abort();
}

class CountingRandom final : public Random {
 public:
  void fill(MutableBytes bytes) override {
    for (auto& octet : bytes) {
      state_ = state_ * 6364136223846793005U + 1442695040888963407U;
      octet = static_cast<std::uint8_t>(state_ >> 56);
    }
  }

 private:
  std::uint64_t state_ = 1;
};

}  // namespace simplex::fuzz
