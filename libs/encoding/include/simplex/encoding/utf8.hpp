// UTF-8 (RFC 3629).
#pragma once

#include <string>
#include <string_view>

namespace simplex {

[[nodiscard]] bool is_utf8(std::string_view text) noexcept;
// The text with every octet that belongs to no character replaced by '?'.
[[nodiscard]] std::string safe_utf8(std::string_view text);

}  // namespace simplex
