// A line of the store log as words: the reader and writer of the reference's text encoding.
#pragma once

#include <charconv>
#include <string>

#include "simplex/base/result.hpp"
#include "simplex/crypto/key_encoding.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/smp/server/inline_id.hpp"

namespace simplex::smp::server {

class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  // Takes the text away when the rest begins with it.
  bool skip(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  [[nodiscard]] Result<> expect(std::string_view text) {
    if (!skip(text)) return fail(ErrorKind::malformed, "expected \"" + std::string(text) + "\"");
    return {};
  }
  // Up to a blank or one of the stop characters, which stays.
  std::string_view word(std::string_view stops = " ") {
    const auto end = rest_.find_first_of(stops);
    const auto made = rest_.substr(0, end);
    rest_.remove_prefix(made.size());
    return made;
  }
  [[nodiscard]] Result<Bytes> bytes(std::string_view stops = " ") {
    const auto text = word(stops);
    if (text.empty()) return fail(ErrorKind::malformed, "a value is missing");
    return from_base64url(text);
  }
  // What a client gave: it may be empty.
  [[nodiscard]] Result<Bytes> content() { return from_base64url(word()); }
  template <class Id>
  [[nodiscard]] Result<Id> id() {
    SIMPLEX_ASSIGN(const auto octets, bytes());
    auto made = Id::from(octets);
    if (!made) return fail(ErrorKind::malformed, "an id of a wrong size");
    return *made;
  }
  template <class Key>
  [[nodiscard]] Result<Key> key(std::string_view stops = " ") {
    SIMPLEX_ASSIGN(const auto der, bytes(stops));
    return crypto::from_spki<Key>(der);
  }
  template <class S>
  [[nodiscard]] Result<S> secret() {
    SIMPLEX_ASSIGN(auto octets, bytes());
    auto made = S::from(octets);
    wipe(octets);
    if (!made) return fail(ErrorKind::malformed, "a secret of a wrong size");
    return std::move(*made);
  }
  [[nodiscard]] Result<std::int64_t> number() {
    const auto text = word();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return fail(ErrorKind::malformed, "not a number");
    return value;
  }
  [[nodiscard]] Result<> finish() const {
    if (!rest_.empty()) return fail(ErrorKind::malformed, "something is left over at the end of the line");
    return {};
  }

 private:
  std::string_view rest_;
};

template <class Tag>
[[nodiscard]] std::string text_of(const InlineId<Tag>& id) {
  return base64url(id.view());
}
template <class Key>
[[nodiscard]] std::string key_text(const Key& key) {
  return base64url(crypto::to_spki(key));
}

}  // namespace simplex::smp::server
