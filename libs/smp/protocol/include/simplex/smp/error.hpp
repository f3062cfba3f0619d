// Errors that travel in ERR (simplex-messaging.md, "Error responses"). The text on the wire stands beside each.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "simplex/base/result.hpp"
#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/version.hpp"
#include "simplex/encoding/writer.hpp"

namespace simplex::smp {

// "CMD " and:
enum class CommandError : std::uint8_t {
  unknown,     // UNKNOWN     no such command
  syntax,      // SYNTAX      its parameters can't be read
  prohibited,  // PROHIBITED  not allowed here: role, version, GET and SUB of one queue in a session
  no_auth,     // NO_AUTH     authorization or entity id is missing
  has_auth,    // HAS_AUTH    authorization or entity id where there must be none
  no_entity,   // NO_ENTITY   entity id is missing; NO_QUEUE is read as the same
};

// Text of these is never sent: all are written as "NETWORK", and that is read as failed.
struct NetworkError {
  enum class Kind : std::uint8_t { connect, tls, unknown_ca, failed, timeout, subscribe };
  Kind kind = Kind::failed;
  std::string text;  // of connect, tls, subscribe

  friend bool operator==(const NetworkError&, const NetworkError&) = default;
};

enum class TransportErrorKind : std::uint8_t {
  block,                  // BLOCK
  version,                // VERSION
  large_message,          // LARGE_MSG
  session,                // SESSION
  no_server_auth,         // NO_AUTH
  handshake_parse,        // HANDSHAKE PARSE
  handshake_identity,     // HANDSHAKE IDENTITY
  handshake_bad_auth,     // HANDSHAKE BAD_AUTH
  handshake_bad_service,  // HANDSHAKE BAD_SERVICE
};

// "BROKER " and: what a proxy met on its way to the relay.
namespace broker_errors {
// RESPONSE + short string
struct Response {
  std::string text;
  friend bool operator==(const Response&, const Response&) = default;
};
// UNEXPECTED + short string
struct Unexpected {
  std::string text;
  friend bool operator==(const Unexpected&, const Unexpected&) = default;
};
// NETWORK (without the text)
struct Network {
  NetworkError error;
  friend bool operator==(const Network&, const Network&) = default;
};
// HOST
struct Host {
  friend bool operator==(const Host&, const Host&) = default;
};
// NO_SERVICE
struct NoService {
  friend bool operator==(const NoService&, const NoService&) = default;
};
// TRANSPORT and the kind
struct Transport {
  TransportErrorKind kind;
  friend bool operator==(const Transport&, const Transport&) = default;
};
// TIMEOUT
struct Timeout {
  friend bool operator==(const Timeout&, const Timeout&) = default;
};
}  // namespace broker_errors
using BrokerError =
    std::variant<broker_errors::Response, broker_errors::Unexpected, broker_errors::Network, broker_errors::Host,
                 broker_errors::NoService, broker_errors::Transport, broker_errors::Timeout>;

enum class BlockingReason : std::uint8_t { spam, content };

// "reason=spam|content", from version 18 also ",notice=" and JSON {"ttl":SECONDS} or {}.
struct BlockingInfo {
  struct Notice {
    std::optional<std::int64_t> ttl_seconds;  // nothing: without end
    friend bool operator==(const Notice&, const Notice&) = default;
  };
  BlockingReason reason = BlockingReason::spam;
  std::optional<Notice> notice;

  friend bool operator==(const BlockingInfo&, const BlockingInfo&) = default;
};

struct ErrorType;

namespace proxy_errors {
// PROTOCOL error: the relay's own. Holds it by pointer, for errors nest; never null.
struct Protocol {
  std::shared_ptr<const ErrorType> error;
  friend bool operator==(const Protocol& a, const Protocol& b);
};
// BROKER and the broker error
struct Broker {
  BrokerError error;
  friend bool operator==(const Broker&, const Broker&) = default;
};
// BASIC_AUTH
struct BasicAuth {
  friend bool operator==(const BasicAuth&, const BasicAuth&) = default;
};
// NO_SESSION
struct NoSession {
  friend bool operator==(const NoSession&, const NoSession&) = default;
};
}  // namespace proxy_errors
using ProxyError =
    std::variant<proxy_errors::Protocol, proxy_errors::Broker, proxy_errors::BasicAuth, proxy_errors::NoSession>;

namespace name_errors {
// NO_RESOLVER
struct NoResolver {
  friend bool operator==(const NoResolver&, const NoResolver&) = default;
};
// NOT_FOUND
struct NotFound {
  friend bool operator==(const NotFound&, const NotFound&) = default;
};
// RESOLVER text
struct Resolver {
  std::string text;
  friend bool operator==(const Resolver&, const Resolver&) = default;
};
}  // namespace name_errors
using NameError = std::variant<name_errors::NoResolver, name_errors::NotFound, name_errors::Resolver>;

namespace errors {
// BLOCK: block, encoding or signature size
struct Block {
  friend bool operator==(const Block&, const Block&) = default;
};
// SESSION: another session id
struct Session {
  friend bool operator==(const Session&, const Session&) = default;
};
// CMD and the command error
struct Cmd {
  CommandError error;
  friend bool operator==(const Cmd&, const Cmd&) = default;
};
// PROXY and the proxy error
struct Proxy {
  ProxyError error;
  friend bool operator==(const Proxy&, const Proxy&) = default;
};
// AUTH: bad authorization or no such queue
struct Auth {
  friend bool operator==(const Auth&, const Auth&) = default;
};
// BLOCKED; AUTH below 12
struct Blocked {
  BlockingInfo info;
  friend bool operator==(const Blocked&, const Blocked&) = default;
};
// SERVICE
struct Service {
  friend bool operator==(const Service&, const Service&) = default;
};
// CRYPTO: in the proxy's layers
struct Crypto {
  friend bool operator==(const Crypto&, const Crypto&) = default;
};
// QUOTA: the queue is full
struct Quota {
  friend bool operator==(const Quota&, const Quota&) = default;
};
// STORE text, to the end
struct Store {
  std::string text;
  friend bool operator==(const Store&, const Store&) = default;
};
// NO_MSG: nothing to acknowledge
struct NoMsg {
  friend bool operator==(const NoMsg&, const NoMsg&) = default;
};
// LARGE_MSG: over max_message_length
struct LargeMsg {
  friend bool operator==(const LargeMsg&, const LargeMsg&) = default;
};
// EXPIRED: the relay's key
struct Expired {
  friend bool operator==(const Expired&, const Expired&) = default;
};
// INTERNAL
struct Internal {
  friend bool operator==(const Internal&, const Internal&) = default;
};
// NAME and the name error
struct Name {
  NameError error;
  friend bool operator==(const Name&, const Name&) = default;
};
// DUPLICATE_: read, never sent by a relay
struct Duplicate {
  friend bool operator==(const Duplicate&, const Duplicate&) = default;
};
}  // namespace errors

// ErrorType{errors::Auth{}}
struct ErrorType {
  using Kind = std::variant<errors::Block, errors::Session, errors::Cmd, errors::Proxy, errors::Auth, errors::Blocked,
                            errors::Service, errors::Crypto, errors::Quota, errors::Store, errors::NoMsg,
                            errors::LargeMsg, errors::Expired, errors::Internal, errors::Name, errors::Duplicate>;
  Kind kind;

  // An error is what it is made of: `error = errors::Auth{}`.
  // NOLINTBEGIN(google-explicit-constructor)
  ErrorType() : kind(errors::Internal{}) {}
  ErrorType(Kind made) : kind(std::move(made)) {}
  template <class E>
    requires std::constructible_from<Kind, E> && (!std::same_as<std::remove_cvref_t<E>, ErrorType>)
  ErrorType(E&& error) : kind(std::forward<E>(error)) {}
  ErrorType(CommandError error) : kind(errors::Cmd{error}) {}
  // NOLINTEND(google-explicit-constructor)

  template <class E>
  [[nodiscard]] bool is() const noexcept {
    return std::holds_alternative<E>(kind);
  }

  friend bool operator==(const ErrorType&, const ErrorType&) = default;
};

[[nodiscard]] ErrorType proxied(ErrorType relay_error);  // PROXY PROTOCOL ...

// As the version writes it: BLOCKED is AUTH below 12 and has no notice below 18.
void write_error(Writer& writer, const ErrorType& error, SmpVersion version);
[[nodiscard]] std::string wire_text(const ErrorType& error, SmpVersion version);
// To the end of the input. Nested deeper than 8 times is malformed.
[[nodiscard]] Result<ErrorType> read_error(Reader& reader);

// For a log or a person: which error, and what to do.
[[nodiscard]] Error to_error(const ErrorType& error);

}  // namespace simplex::smp
