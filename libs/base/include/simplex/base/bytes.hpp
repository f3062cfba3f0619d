// Byte strings. Octets are std::uint8_t everywhere; sizes are in octets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace simplex {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

// Views of text as octets and back; the memory stays with its owner.
[[nodiscard]] BytesView as_bytes(std::string_view text) noexcept;
[[nodiscard]] std::string_view as_text(BytesView bytes) noexcept;

[[nodiscard]] Bytes to_bytes(BytesView bytes);
[[nodiscard]] Bytes to_bytes(std::string_view text);

void append(Bytes& to, BytesView bytes);
void append(Bytes& to, std::string_view text);

// Compares in time that depends on the sizes only.
[[nodiscard]] bool equal_constant_time(BytesView a, BytesView b) noexcept;

// Overwrites with zeros; the compiler may not remove it.
void wipe(MutableBytes bytes) noexcept;

}  // namespace simplex
