// A check of a fuzz target: what does not hold ends the program.
#pragma once

#include <cstdlib>

namespace simplex::fuzz {

inline void require(bool right) {
  if (!right) std::abort();
}

}  // namespace simplex::fuzz
