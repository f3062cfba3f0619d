#include "failures.hpp"

namespace simplex::agent {

std::string_view name_of(Failure failure) noexcept {
  switch (failure) {
    case Failure::network: return "network";
    case Failure::authorization: return "authorization";
    case Failure::quota: return "quota";
    case Failure::too_large: return "too large";
    case Failure::version: return "version";
    case Failure::encryption: return "encryption";
    case Failure::peer_protocol: return "peer protocol";
    case Failure::relay_protocol: return "relay protocol";
    case Failure::storage: return "storage";
    case Failure::internal: return "internal";
  }
  return "internal";
}

bool is_temporary(const smp::client::Failure& failure) noexcept {
  using Kind = smp::client::Failure::Kind;
  // A proxy says nothing of the queue: it may go another way.
  if (failure.temporary() || failure.at_proxy) return true;
  // Our messages fit a block, so too many commands are waiting.
  if (failure.kind == Kind::too_large) return true;
  return failure.is<smp::errors::Store>() || failure.is<smp::errors::Internal>();
}

Failure failure_of(const smp::client::Failure& failure) noexcept {
  using Kind = smp::client::Failure::Kind;
  if (failure.at_proxy) return Failure::network;
  switch (failure.kind) {
    case Kind::network:
    case Kind::timeout: return Failure::network;
    case Kind::version: return Failure::version;
    case Kind::untrusted: return Failure::authorization;
    case Kind::too_large: return Failure::too_large;
    case Kind::unexpected:
    case Kind::malformed: return Failure::relay_protocol;
    case Kind::refused: break;
  }
  if (failure.is<smp::errors::Auth>() || failure.is<smp::errors::Blocked>()) return Failure::authorization;
  if (failure.is<smp::errors::Quota>()) return Failure::quota;
  if (failure.is<smp::errors::LargeMsg>()) return Failure::too_large;
  return Failure::relay_protocol;
}

Failure failure_of(const Error& error) noexcept {
  switch (error.kind) {
    case ErrorKind::malformed:
    case ErrorKind::conflict: return Failure::peer_protocol;
    case ErrorKind::limit: return Failure::too_large;
    case ErrorKind::version: return Failure::version;
    case ErrorKind::authentication: return Failure::encryption;
    case ErrorKind::network:
    case ErrorKind::timeout: return Failure::network;
    case ErrorKind::storage: return Failure::storage;
    default: return Failure::internal;
  }
}

std::unexpected<Error> unreadable(std::string_view what) {
  return fail(ErrorKind::storage, "The database is damaged: " + std::string(what) + " cannot be read.",
              Advice::give_up);
}

std::unexpected<Error> program_not_understood() {
  return fail(ErrorKind::version, "The peer's program has a version that is not understood here. Update the programs.",
              Advice::ask_user);
}
std::unexpected<Error> encryption_not_understood() {
  return fail(ErrorKind::version, "The peer's encryption has a version that is not understood here.", Advice::ask_user);
}

}  // namespace simplex::agent
