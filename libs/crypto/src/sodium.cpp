#include "sodium.hpp"

#include <stdexcept>

namespace simplex::crypto {

void need_sodium() {
  static const bool ready = sodium_init() >= 0;
  if (!ready) throw std::runtime_error("libsodium does not start");
}

}  // namespace simplex::crypto
