// The little DER that signed session keys need: nested values of definite length, in their only form.
#pragma once

#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"

namespace simplex::transport::der {

inline constexpr std::uint8_t sequence = 0x30;
inline constexpr std::uint8_t bit_string = 0x03;

// tag || length || content; content below 65,536 octets.
[[nodiscard]] Bytes wrap(std::uint8_t tag, BytesView content);

struct Value {
  BytesView whole;  // with tag and length
  BytesView content;
};
// Takes the value of this tag from the front of `rest`.
[[nodiscard]] Result<Value> take(std::uint8_t tag, BytesView& rest);

}  // namespace simplex::transport::der
