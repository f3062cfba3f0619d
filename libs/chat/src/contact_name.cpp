#include "contact_name.hpp"

#include <cstddef>

namespace simplex::chat {

namespace {

constexpr std::size_t max_characters = 50;

// The first character of UTF-8 text that was checked, and how many octets it has.
struct Character {
  char32_t code;
  std::size_t size;
};

Character first_character(std::string_view text) {
  const auto octet = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0x80);
  };
  const char32_t first = octet(0);
  const auto next = [&](std::size_t i) { return static_cast<char32_t>(octet(i) & 0x3F); };
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1F) << 6 | next(1), 2};
  if (first < 0xF0) return {(first & 0x0F) << 12 | next(1) << 6 | next(2), 3};
  return {(first & 0x07) << 18 | next(1) << 12 | next(2) << 6 | next(3), 4};
}

bool within(char32_t code, char32_t from, char32_t to) { return code >= from && code <= to; }

bool is_control(char32_t code) { return code < 0x20 || within(code, 0x7F, 0x9F) || within(code, 0x2028, 0x2029); }

// Of no width, or changing the direction of what follows. The joiner stays: emoji are made with it.
bool is_invisible(char32_t code) {
  return code == 0xAD || code == 0x61C || code == 0x180E || code == 0xFEFF || within(code, 0x200B, 0x200C) ||
         within(code, 0x200E, 0x200F) || within(code, 0x202A, 0x202E) || within(code, 0x2060, 0x206F) ||
         within(code, 0xE0000, 0xE007F);
}

bool is_space(char32_t code) {
  return code == 0x20 || code == 0xA0 || code == 0x1680 || within(code, 0x2000, 0x200A) || code == 0x202F ||
         code == 0x205F || code == 0x3000;
}

}  // namespace

std::string contact_name_from(std::string_view display_name) {
  std::string name;
  std::size_t characters = 0;
  bool space = false;  // before the next character
  while (!display_name.empty() && characters < max_characters) {
    const auto [code, size] = first_character(display_name);
    const auto octets = display_name.substr(0, size);
    display_name.remove_prefix(octets.size());
    if (is_space(code) || is_control(code)) {
      space = !name.empty();
      continue;
    }
    // Signs with which commands begin a name.
    const bool is_sign = code == '\'' || (name.empty() && (code == '@' || code == '#' || code == '/'));
    if (is_sign || is_invisible(code)) continue;
    if (space && ++characters < max_characters) name += ' ';
    space = false;
    if (characters == max_characters) break;
    name += octets;
    ++characters;
  }
  return name.empty() ? "contact" : name;
}

}  // namespace simplex::chat
