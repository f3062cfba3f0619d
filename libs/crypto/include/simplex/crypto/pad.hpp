// Padding: 2-byte length, message, '#' up to the padded size (`paddedString` of simplex-messaging.md).
#pragma once

#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"

namespace simplex::crypto {

inline constexpr std::size_t pad_overhead = 2;
inline constexpr std::size_t max_padded_message = 65'533;

[[nodiscard]] constexpr bool fits_padded(std::size_t message_size, std::size_t padded_size) noexcept {
  return message_size <= max_padded_message && message_size + pad_overhead <= padded_size;
}

// A message that does not fit is over the limit.
[[nodiscard]] Result<Bytes> pad(BytesView message, std::size_t padded_size);
// Fills the whole of `out`, which may hold the message already at out + 2.
[[nodiscard]] Result<> pad_into(BytesView message, MutableBytes out);

// The message inside; what follows it is not looked at.
[[nodiscard]] Result<BytesView> unpad(BytesView padded);

}  // namespace simplex::crypto
