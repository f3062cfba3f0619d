// Randomness that is drawn before it is known how much is needed, for work in another thread.
#pragma once

#include "simplex/base/random.hpp"
#include "simplex/base/secret.hpp"

namespace simplex::crypto {

// As good as the source, of which it takes 32 octets (ChaCha20 with these as the key, and a new key from each call). What
// was given out cannot be computed from what is left.
class DerivedRandom final : public Random {
 public:
  explicit DerivedRandom(Random& source);
  void fill(MutableBytes bytes) override;

 private:
  Secret<struct DerivedRandomTag, 32> key_;
};

}  // namespace simplex::crypto
