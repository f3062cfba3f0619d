// The one bounds-checked reader of SMP binary encoding (simplex-messaging.md, "Common encodings"; encoding.json).
// Every method returns what it read or the first error; finish() says that nothing is left over.
// Views point into the input: they live as long as it does.
#pragma once

#include <optional>
#include <type_traits>

#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"

namespace simplex {

class Reader {
 public:
  explicit Reader(BytesView input) : rest_(input) {}

  [[nodiscard]] Result<std::uint8_t> u8();
  [[nodiscard]] Result<std::uint16_t> u16();  // big-endian
  [[nodiscard]] Result<std::uint32_t> u32();  // big-endian
  [[nodiscard]] Result<std::int64_t> i64();   // two 32-bit big-endian words
  [[nodiscard]] Result<BytesView> take(std::size_t count);
  [[nodiscard]] Result<BytesView> short_string();  // 1-byte length
  [[nodiscard]] Result<BytesView> large_string();  // 2-byte length
  [[nodiscard]] BytesView tail() noexcept;         // all that is left
  [[nodiscard]] Result<bool> boolean();            // 'T' | 'F'
  [[nodiscard]] Result<bool> maybe();              // '0' nothing follows | '1' a value follows
  [[nodiscard]] Result<> expect(std::string_view text);
  [[nodiscard]] Result<> space() { return expect(" "); }
  // Octets up to the separator, which is consumed; all the rest when there is none.
  [[nodiscard]] BytesView until(std::uint8_t separator) noexcept;

  // value: a callable Reader& -> Result<T>. Maybe: '0' | '1' value. List: 1-byte count, then the values.
  template <class F>
  [[nodiscard]] auto optional(F&& value)
      -> Result<std::optional<typename std::invoke_result_t<F, Reader&>::value_type>> {
    auto present = maybe();
    if (!present) return std::unexpected(std::move(present).error());
    if (!*present) return std::nullopt;
    auto got = value(*this);
    if (!got) return std::unexpected(std::move(got).error());
    return std::optional(std::move(*got));
  }
  template <class F>
  [[nodiscard]] auto list(F&& value) -> Result<std::vector<typename std::invoke_result_t<F, Reader&>::value_type>> {
    auto count = u8();
    if (!count) return std::unexpected(std::move(count).error());
    std::vector<typename std::invoke_result_t<F, Reader&>::value_type> made;
    made.reserve(*count);
    for (std::uint8_t i = 0; i < *count; ++i) {
      auto got = value(*this);
      if (!got) return std::unexpected(std::move(got).error());
      made.push_back(std::move(*got));
    }
    return made;
  }

  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  [[nodiscard]] std::size_t remaining() const noexcept { return rest_.size(); }
  [[nodiscard]] BytesView peek() const noexcept { return rest_; }
  [[nodiscard]] Result<> finish() const;  // an error unless everything was read

 private:
  BytesView rest_;
};

}  // namespace simplex
