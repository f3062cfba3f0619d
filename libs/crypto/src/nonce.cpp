#include "simplex/crypto/nonce.hpp"

namespace simplex::crypto {

CbNonce random_nonce(Random& random) {
  CbNonce made;
  random.fill(made.mutable_view());
  return made;
}

CbNonce cb_nonce(BytesView bytes) {
  CbNonce made;
  const auto kept = bytes.first(std::min(bytes.size(), CbNonce::size_bytes));
  std::copy(kept.begin(), kept.end(), made.mutable_view().begin());
  return made;
}

CbNonce reversed(const CbNonce& nonce) {
  auto bytes = nonce.array();
  std::reverse(bytes.begin(), bytes.end());
  return CbNonce(bytes);
}

}  // namespace simplex::crypto
