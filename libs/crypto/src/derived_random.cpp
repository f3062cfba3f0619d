#include "simplex/crypto/derived_random.hpp"

#include <algorithm>

#include "sodium.hpp"

namespace simplex::crypto {

DerivedRandom::DerivedRandom(Random& source) {
  need_sodium();
  source.fill(key_.reveal_mutable());
}

void DerivedRandom::fill(MutableBytes bytes) {
  static_assert(randombytes_SEEDBYTES == decltype(key_)::size_bytes);
  SecretBytes made(key_.reveal().size() + bytes.size());
  const auto octets = made.reveal_mutable();
  randombytes_buf_deterministic(octets.data(), octets.size(), key_.reveal().data());
  std::copy_n(octets.begin(), key_.reveal().size(), key_.reveal_mutable().begin());
  std::copy(octets.begin() + static_cast<std::ptrdiff_t>(key_.reveal().size()), octets.end(), bytes.begin());
}

}  // namespace simplex::crypto
