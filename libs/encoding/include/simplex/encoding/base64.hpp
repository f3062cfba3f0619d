// Base64url (RFC 4648 section 5) and hex text.
#pragma once

#include <string>

#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"

namespace simplex {

[[nodiscard]] std::string base64url(BytesView bytes);  // with '=' padding
[[nodiscard]] std::string base64url_unpadded(BytesView bytes);
[[nodiscard]] std::string base64_standard(BytesView bytes);  // '+' '/' alphabet, with padding
// Accepts text with or without padding; other characters, or bits left over, are malformed.
[[nodiscard]] Result<Bytes> from_base64url(std::string_view text);
[[nodiscard]] Result<Bytes> from_base64_standard(std::string_view text);

[[nodiscard]] std::string hex(BytesView bytes);
[[nodiscard]] Result<Bytes> from_hex(std::string_view text);

}  // namespace simplex
