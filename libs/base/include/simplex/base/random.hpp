// Randomness is handed in.
#pragma once

#include "simplex/base/bytes.hpp"

namespace simplex {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableBytes bytes) = 0;

  [[nodiscard]] Bytes bytes(std::size_t count);
  [[nodiscard]] std::uint64_t number();
  // Uniform in [0, bound); bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
};

// The kernel's generator, read in pieces of 4 KB that are wiped as they are used. One per thread. A child process of
// fork() has none of them: the kernel empties its copy.
class SystemRandom final : public Random {
 public:
  SystemRandom();
  ~SystemRandom() override;
  SystemRandom(const SystemRandom&) = delete;
  SystemRandom& operator=(const SystemRandom&) = delete;
  void fill(MutableBytes bytes) override;

 private:
  struct Page;
  Page* page_;
};

}  // namespace simplex
