#include "simplex/testing/random.hpp"

#include <algorithm>
#include <stdexcept>

namespace simplex::testing {

void SeededRandom::fill(MutableBytes bytes) {
  std::uint64_t drawn = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % 8 == 0) drawn = engine_();
    bytes[i] = static_cast<std::uint8_t>(drawn >> (i % 8 * 8) & 0xFF);
  }
}

void ScriptedRandom::fill(MutableBytes bytes) {
  if (bytes.size() > remaining()) throw std::runtime_error("more random octets drawn than the script has");
  std::copy_n(script_.begin() + static_cast<std::ptrdiff_t>(used_), bytes.size(), bytes.begin());
  used_ += bytes.size();
}

}  // namespace simplex::testing
