#pragma once

#include <string>
#include <vector>

namespace simplex::smp_server {

// The text as a QR code of half-block characters, two rows in a line; nothing when it is too long for one.
[[nodiscard]] std::vector<std::string> qr_code(const std::string& text);

}  // namespace simplex::smp_server
