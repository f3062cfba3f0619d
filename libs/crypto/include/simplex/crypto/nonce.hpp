// Nonce of a crypto_box or a secret box: 24 octets.
#pragma once

#include "simplex/base/random.hpp"
#include "simplex/base/strong.hpp"

namespace simplex::crypto {

using CbNonce = FixedBytes<struct CbNonceTag, 24>;

[[nodiscard]] CbNonce random_nonce(Random& random);
// From octets of any number, such as a correlation id or a message id: zeros are added, or what is over is cut.
[[nodiscard]] CbNonce cb_nonce(BytesView bytes);
// The same octets in reverse order: the nonce of the answer to a forwarded command.
[[nodiscard]] CbNonce reversed(const CbNonce& nonce);

}  // namespace simplex::crypto
