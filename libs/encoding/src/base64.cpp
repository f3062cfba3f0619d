#include "simplex/encoding/base64.hpp"

#include <array>

namespace simplex {

namespace {

constexpr std::string_view url_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view standard_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t invalid = 0xFF;

constexpr std::array<std::uint8_t, 256> inverse(std::string_view alphabet) {
  std::array<std::uint8_t, 256> table{};
  table.fill(invalid);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}

constexpr auto url_inverse = inverse(url_alphabet);
constexpr auto standard_inverse = inverse(standard_alphabet);

std::string encode(BytesView bytes, std::string_view alphabet, bool padded) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const std::uint8_t octet : bytes) {
    bits = bits << 8 | octet;
    count += 8;
    while (count >= 6) {
      count -= 6;
      text.push_back(alphabet[bits >> count & 0x3F]);
    }
  }
  if (count > 0) text.push_back(alphabet[bits << (6 - count) & 0x3F]);
  while (padded && text.size() % 4 != 0) text.push_back('=');
  return text;
}

Result<Bytes> decode(std::string_view text, const std::array<std::uint8_t, 256>& table) {
  const std::size_t padded_size = text.size();
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  const std::size_t padding = padded_size - text.size();
  if (padding > 2 || (padding > 0 && padded_size % 4 != 0) || text.size() % 4 == 1)
    return fail(ErrorKind::malformed, "invalid base64 length");
  Bytes bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char letter : text) {
    const std::uint8_t value = table[static_cast<std::uint8_t>(letter)];
    if (value == invalid) return fail(ErrorKind::malformed, "invalid base64 character");
    bits = bits << 6 | value;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<std::uint8_t>(bits >> count & 0xFF));
    }
  }
  if ((bits & ((1U << count) - 1)) != 0) return fail(ErrorKind::malformed, "invalid base64 ending");
  return bytes;
}

}  // namespace

std::string base64url(BytesView bytes) { return encode(bytes, url_alphabet, true); }
std::string base64url_unpadded(BytesView bytes) { return encode(bytes, url_alphabet, false); }
std::string base64_standard(BytesView bytes) { return encode(bytes, standard_alphabet, true); }
Result<Bytes> from_base64url(std::string_view text) { return decode(text, url_inverse); }
Result<Bytes> from_base64_standard(std::string_view text) { return decode(text, standard_inverse); }

std::string hex(BytesView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t octet : bytes) {
    text.push_back(digits[octet >> 4]);
    text.push_back(digits[octet & 0xF]);
  }
  return text;
}

Result<Bytes> from_hex(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (text.size() % 2 != 0) return fail(ErrorKind::malformed, "odd number of hex digits");
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return fail(ErrorKind::malformed, "invalid hex digit");
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

}  // namespace simplex
