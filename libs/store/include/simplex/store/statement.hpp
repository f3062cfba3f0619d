// One run of a prepared statement. Returned to its database when it goes out of scope.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include "simplex/base/bytes.hpp"
#include "simplex/base/clock.hpp"
#include "simplex/base/result.hpp"
#include "simplex/base/secret.hpp"
#include "simplex/base/strong.hpp"

struct sqlite3_stmt;

namespace simplex::store {

class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  Statement(const Statement&) = delete;
  ~Statement();

  // ---- parameters, from 1. Octets and text are copied. ---------------------------------------------------------------
  [[nodiscard]] Result<> bind(int index, std::int64_t value);
  [[nodiscard]] Result<> bind(int index, std::string_view text);
  [[nodiscard]] Result<> bind(int index, BytesView octets);
  [[nodiscard]] Result<> bind_null(int index);

  template <std::integral Int>
  [[nodiscard]] Result<> bind(int index, Int value) {
    return bind(index, static_cast<std::int64_t>(value));
  }
  [[nodiscard]] Result<> bind(int index, const char* text) { return bind(index, std::string_view(text)); }
  [[nodiscard]] Result<> bind(int index, const std::string& text) { return bind(index, std::string_view(text)); }
  [[nodiscard]] Result<> bind(int index, const Bytes& octets) { return bind(index, BytesView(octets)); }
  [[nodiscard]] Result<> bind(int index, const SecretBytes& secret) { return bind(index, secret.reveal()); }
  template <class Tag, std::size_t N>
  [[nodiscard]] Result<> bind(int index, const Secret<Tag, N>& secret) {
    return bind(index, secret.reveal());
  }
  template <class Tag, std::size_t N>
  [[nodiscard]] Result<> bind(int index, const FixedBytes<Tag, N>& octets) {
    return bind(index, octets.view());
  }
  template <class Tag>
  [[nodiscard]] Result<> bind(int index, const OpaqueBytes<Tag>& octets) {
    return bind(index, octets.view());
  }
  template <class Tag, class Int>
  [[nodiscard]] Result<> bind(int index, const StrongInt<Tag, Int>& number) {
    return bind(index, number.value());
  }
  // Nanoseconds since 1970.
  [[nodiscard]] Result<> bind(int index, WallTime time) {
    return bind(index, static_cast<std::int64_t>(time.time_since_epoch().count()));
  }
  template <class T>
  [[nodiscard]] Result<> bind(int index, const std::optional<T>& value) {
    return value ? bind(index, *value) : bind_null(index);
  }
  template <class... Values>
  [[nodiscard]] Result<> bind_all(const Values&... values) {
    Result<> bound{};
    int index = 0;
    (void)((bound = bind(++index, values), bound.has_value()) && ...);
    return bound;
  }

  // ---- running -------------------------------------------------------------------------------------------------------
  [[nodiscard]] Result<bool> step();  // true: a row is ready
  [[nodiscard]] Result<> finish();    // runs to the end

  // ---- columns of the row, from 0. Views live until the next step. A NULL reads as 0 or nothing. ---------------------
  [[nodiscard]] bool is_null(int column) const noexcept;
  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  [[nodiscard]] bool boolean(int column) const noexcept { return integer(column) != 0; }
  [[nodiscard]] BytesView octets(int column) const noexcept;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] Bytes bytes(int column) const { return to_bytes(octets(column)); }
  [[nodiscard]] SecretBytes secret(int column) const { return SecretBytes(octets(column)); }
  [[nodiscard]] WallTime time(int column) const noexcept { return WallTime(Duration(integer(column))); }
  // A strong type of fixed size; a value of another size means that the database is damaged: ErrorKind::storage.
  template <class Fixed>
  [[nodiscard]] Result<Fixed> fixed(int column) const {
    auto made = Fixed::from(octets(column));
    if (!made)
      return fail(ErrorKind::storage, "The database is damaged: a stored value has the wrong size.", Advice::give_up);
    return std::move(*made);
  }
  template <class Number>
  [[nodiscard]] Number number(int column) const noexcept {
    return Number(static_cast<typename Number::value_type>(integer(column)));
  }

 private:
  friend class Database;
  Statement(sqlite3_stmt* statement, bool* busy) : statement_(statement), busy_(busy) {}
  sqlite3_stmt* statement_;
  bool* busy_;  // of the database's cache; null: finalized at the end
};

}  // namespace simplex::store
