// Why a command, or connecting, did not give its result, and whether to try again.
#pragma once

#include <optional>
#include <string>

#include "simplex/base/result.hpp"
#include "simplex/smp/error.hpp"
#include "simplex/transport/handshake_messages.hpp"

namespace simplex::smp::client {

struct Failure {
  enum class Kind : std::uint8_t {
    // Temporary: the same command may succeed on another session, or later. Whether the relay has executed it is unknown.
    network,  // not connected, or the connection ended before the answer
    timeout,  // no answer in time
    // Permanent: repeating changes nothing.
    refused,     // the relay answered ERR: relay_error says which
    unexpected,  // the relay answered what this command is not answered with
    malformed,   // the relay's answer can't be read
    untrusted,   // connecting: the relay is not the one of its address (certificate, session key)
    version,     // connecting: no common version; a command: the session's version does not have it, or needs a key
    too_large,   // does not fit into a block, or too many commands are waiting
  };

  Kind kind = Kind::network;
  Error error;                           // for people
  std::optional<ErrorType> relay_error;  // refused: exactly as the relay said it; malformed: what it is read as
  // Connecting: the protocol's word for what was wrong in the SMP handshake.
  std::optional<transport::TransportError> handshake = std::nullopt;
  // Private routing: the proxy failed or refused, not the relay. It says nothing of the queue; see private_route.hpp.
  bool at_proxy = false;

  [[nodiscard]] bool temporary() const noexcept { return kind == Kind::network || kind == Kind::timeout; }
  // refused by the queue's relay, and with this error: failure.is<errors::Auth>()
  template <class E>
  [[nodiscard]] bool is() const noexcept {
    return kind == Kind::refused && !at_proxy && relay_error && relay_error->is<E>();
  }

  friend bool operator==(const Failure&, const Failure&) = default;
};

template <class T = void>
using Outcome = Result<T, Failure>;

[[nodiscard]] std::string_view name_of(Failure::Kind kind) noexcept;
[[nodiscard]] Failure refused(const ErrorType& error);
// From the transport: timeout, version and authentication keep their kinds; all else is a network failure.
[[nodiscard]] Failure from_transport(Error error);

}  // namespace simplex::smp::client
