#include "simplex/base/bytes.hpp"

#include <cstring>

#include "simplex/base/strong.hpp"

namespace simplex {

BytesView as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string_view as_text(BytesView bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes to_bytes(BytesView bytes) { return {bytes.begin(), bytes.end()}; }
Bytes to_bytes(std::string_view text) { return to_bytes(as_bytes(text)); }

void append(Bytes& to, BytesView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }
void append(Bytes& to, std::string_view text) { append(to, as_bytes(text)); }

bool equal_constant_time(BytesView a, BytesView b) noexcept {
  if (a.size() != b.size()) return false;
  volatile std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

void wipe(MutableBytes bytes) noexcept {
  if (!bytes.empty()) explicit_bzero(bytes.data(), bytes.size());
}

std::size_t hash_bytes(BytesView bytes) noexcept { return std::hash<std::string_view>{}(as_text(bytes)); }

}  // namespace simplex
