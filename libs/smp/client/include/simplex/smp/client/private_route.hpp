// A way to a relay through another one, its proxy (simplex-messaging.md, "Private message routing"): the relay learns the
// proxy's address instead of the client's, and the proxy cannot read, or change, what it forwards.
#pragma once

#include "simplex/crypto/keys.hpp"
#include "simplex/protocol/server_address.hpp"
#include "simplex/smp/broker_message.hpp"
#include "simplex/smp/client/failure.hpp"

namespace simplex::smp::client {

// What PKEY told of the session between proxy and relay; checked. Good in the session with the proxy in which it was
// asked for, until the proxy says that it has no such session any more.
struct PrivateRoute {
  Bytes session_id;
  SmpVersion version;  // of the commands that the relay gets
  crypto::X25519PublicKey relay_key;

  friend bool operator==(const PrivateRoute&, const PrivateRoute&) = default;
};

// The relay's fingerprint, certificates and signed key fit together, and a version of ours is among its own. Errors:
// untrusted, version.
[[nodiscard]] Outcome<PrivateRoute> check_route(const broker::Pkey& answer, const protocol::ServerAddress& relay,
                                                SmpVersionRange versions, WallTime now);

// One of the two relays is too old for private routing, or the proxy does not find the other: another try through this
// proxy does not help.
[[nodiscard]] bool cannot_route(const Failure& failure) noexcept;
// The proxy has lost its session with the relay.
[[nodiscard]] bool route_is_lost(const Failure& failure) noexcept;

}  // namespace simplex::smp::client
