#include "simplex/smp/client/failure.hpp"

namespace simplex::smp::client {

std::string_view name_of(Failure::Kind kind) noexcept {
  switch (kind) {
    case Failure::Kind::network: return "network";
    case Failure::Kind::timeout: return "timeout";
    case Failure::Kind::refused: return "refused";
    case Failure::Kind::unexpected: return "unexpected";
    case Failure::Kind::malformed: return "malformed";
    case Failure::Kind::untrusted: return "untrusted";
    case Failure::Kind::version: return "version";
    case Failure::Kind::too_large: return "too_large";
  }
  return "unknown";
}

Failure refused(const ErrorType& error) { return {Failure::Kind::refused, to_error(error), error}; }

Failure from_transport(Error error) {
  const auto kind = [&] {
    switch (error.kind) {
      case ErrorKind::timeout: return Failure::Kind::timeout;
      case ErrorKind::version: return Failure::Kind::version;
      case ErrorKind::authentication: return Failure::Kind::untrusted;
      case ErrorKind::malformed: return Failure::Kind::malformed;
      default: return Failure::Kind::network;
    }
  }();
  return {kind, std::move(error), std::nullopt};
}

}  // namespace simplex::smp::client
