// Randomness for tests: seeded, or scripted.
#pragma once

#include <random>

#include "simplex/base/random.hpp"

namespace simplex::testing {

// The same seed gives the same octets, on every machine.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(MutableBytes bytes) override;

 private:
  std::mt19937_64 engine_;
};

// Gives out the given octets in order; throws when they are used up.
class ScriptedRandom final : public Random {
 public:
  explicit ScriptedRandom(Bytes script) : script_(std::move(script)) {}
  void fill(MutableBytes bytes) override;
  [[nodiscard]] std::size_t remaining() const { return script_.size() - used_; }

 private:
  Bytes script_;
  std::size_t used_ = 0;
};

}  // namespace simplex::testing
