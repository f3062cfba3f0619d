// The error model. What a peer, the network, the disk or the user can cause is a Result; our own bugs are assertions
// and exceptions. An error says what went wrong, and what its receiver should do.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace simplex {

enum class ErrorKind : std::uint8_t {
  malformed,       // input does not follow its format
  limit,           // input or request is over a stated bound
  version,         // no common version, or from a newer program
  authentication,  // signature, authenticator, fingerprint, tag or passphrase does not match
  not_found,
  conflict,  // exists already, or in a state that forbids it
  network,   // connection refused, reset, closed, unreachable
  timeout,
  storage,  // disk full, unreadable, damaged
  cancelled,
  unsupported,
  internal,
};

enum class Advice : std::uint8_t { give_up, retry, ask_user };

[[nodiscard]] std::string_view name_of(ErrorKind kind) noexcept;

// Never carries a secret, an address of a client, a queue id or a key.
struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;
  Advice advice = Advice::give_up;

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T = void, class E = Error>
using Result = std::expected<T, E>;

[[nodiscard]] inline std::unexpected<Error> fail(ErrorKind kind, std::string message, Advice advice = Advice::give_up) {
  return std::unexpected(Error{kind, std::move(message), advice});
}

// Same error, with what was being done put before its message.
[[nodiscard]] std::unexpected<Error> fail_in(std::string_view what, Error error);

}  // namespace simplex

// Leaves the function with the error, or goes on.
#define SIMPLEX_TRY(expression)                                      \
  do {                                                               \
    if (auto simplex_try_result = (expression); !simplex_try_result) \
      return std::unexpected(std::move(simplex_try_result).error()); \
  } while (false)

#define SIMPLEX_CONCAT_(a, b) a##b
#define SIMPLEX_CONCAT(a, b) SIMPLEX_CONCAT_(a, b)
#define SIMPLEX_ASSIGN_(temporary, declaration, expression)             \
  auto temporary = (expression);                                        \
  if (!temporary) return std::unexpected(std::move(temporary).error()); \
  declaration = std::move(*temporary)

// SIMPLEX_ASSIGN(auto key, decode_key(bytes)): declares (or assigns) the value, or leaves with the error.
#define SIMPLEX_ASSIGN(declaration, expression) \
  SIMPLEX_ASSIGN_(SIMPLEX_CONCAT(simplex_result_, __LINE__), declaration, expression)
