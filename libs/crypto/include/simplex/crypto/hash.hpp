// Hashes: SHA-2 (FIPS 180-4) and SHA-3 (FIPS 202).
#pragma once

#include <initializer_list>

#include "simplex/base/strong.hpp"

namespace simplex::crypto {

using Sha256 = FixedBytes<struct Sha256Tag, 32>;
using Sha512 = FixedBytes<struct Sha512Tag, 64>;
using Sha3_256 = FixedBytes<struct Sha3_256Tag, 32>;
using Sha3_384 = FixedBytes<struct Sha3_384Tag, 48>;

[[nodiscard]] Sha256 sha256(BytesView bytes);
[[nodiscard]] Sha512 sha512(BytesView bytes);
[[nodiscard]] Sha3_256 sha3_256(BytesView bytes);
[[nodiscard]] Sha3_384 sha3_384(BytesView bytes);

// Broken as a hash: SMP wants it to compare sets of queue ids (simplex-messaging.md, "Service subscriptions"), and nothing
// else may use it.
using Md5 = FixedBytes<struct Md5Tag, 16>;
[[nodiscard]] Md5 md5(BytesView bytes);

// Of the parts one after another, without joining them.
[[nodiscard]] Sha256 sha256(std::initializer_list<BytesView> parts);
[[nodiscard]] Sha512 sha512(std::initializer_list<BytesView> parts);
[[nodiscard]] Sha3_256 sha3_256(std::initializer_list<BytesView> parts);

}  // namespace simplex::crypto
