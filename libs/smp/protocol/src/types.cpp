#include "simplex/smp/types.hpp"

namespace simplex::smp {

namespace {

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Letters and digits in groups between single hyphens.
bool is_label(std::string_view label) {
  if (label.empty() || label.size() > 63) return false;
  bool after_hyphen = true;
  for (const char c : label) {
    if (c == '-' ? after_hyphen : !is_letter_or_digit(c)) return false;
    after_hyphen = c == '-';
  }
  return !after_hyphen;
}

}  // namespace

Result<MessageFlags> read_message_flags(Reader& reader) {
  SIMPLEX_ASSIGN(const bool notification, reader.boolean());
  const auto rest = reader.peek();
  const auto space = std::ranges::find(rest, std::uint8_t{' '});
  (void)reader.take(static_cast<std::size_t>(space - rest.begin()));
  return MessageFlags{notification};
}

void write_message_flags(Writer& writer, MessageFlags flags) { writer.boolean(flags.notification); }

IdsHash combine(const IdsHash& a, const IdsHash& b) noexcept {
  std::array<std::uint8_t, IdsHash::size_bytes> made{};
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = a.array()[i] ^ b.array()[i];
  return IdsHash(made);
}

Result<SimplexDomain> SimplexDomain::parse(std::string_view text) {
  const auto bad = [] { return fail(ErrorKind::malformed, "this is not a SimpleX name"); };
  if (text.size() > 253) return bad();
  std::string name(text);
  std::ranges::transform(name, name.begin(), to_lower);
  std::string_view rest = name;
  std::size_t labels = 0;
  std::size_t dot = 0;
  do {
    dot = rest.find('.');
    if (!is_label(rest.substr(0, dot))) return bad();
    ++labels;
    if (dot != std::string_view::npos) rest.remove_prefix(dot + 1);
  } while (dot != std::string_view::npos);
  if (labels < 2) return bad();
  return SimplexDomain(std::move(name));
}

}  // namespace simplex::smp
