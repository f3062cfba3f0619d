// Randomness that is always the same, so that a finding can be replayed.
#pragma once

#include "simplex/base/random.hpp"
#include "require.hpp"

namespace simplex::fuzz {

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
