// Which relays a user has, and how the agent goes to relays (docs/agent.md, "Who learns what").
#pragma once

#include <optional>
#include <string>

#include "simplex/base/strong.hpp"
#include "simplex/transport/network_rules.hpp"

namespace simplex::agent {

// Who runs a relay; the numbers are the application's.
struct OperatorIdTag;
using OperatorId = StrongInt<OperatorIdTag, std::int64_t>;

struct UserServer {
  std::string address;  // smp://fingerprint[:password]@host[:port]
  // Those without one count as one operator's.
  std::optional<OperatorId> operator_id = std::nullopt;
  bool storage = true;  // queues of the user are made there
  bool proxy = true;    // the user's messages to other relays may go through it
};

// When messages go through a relay of the user's to that of their recipient, which then does not see our address.
enum class ProxyMode : std::uint8_t {
  always,
  unknown,      // when the recipient's relay is none of the user's
  unprotected,  // the same, unless a SOCKS proxy or an onion host hides our address
  never,
};
// What is done when there is no relay that could be the proxy, or one of the two is too old for it.
enum class ProxyFallback : std::uint8_t {
  allow,            // they go directly: the recipient's relay sees our address
  allow_protected,  // the same when a SOCKS proxy or an onion host hides it; else they wait
  prohibit,         // they wait
};

struct NetworkConfig {
  ProxyMode proxy_mode = ProxyMode::never;
  ProxyFallback proxy_fallback = ProxyFallback::allow;
  // Those of the connector, which was made with them.
  transport::NetworkRules rules;
};

}  // namespace simplex::agent
