// Which relays a user has, and how the agent goes to relays (docs/agent.md, "Who learns what").
#pragma once

#include <optional>
#include <string>

#include "simplex/base/clock.hpp"
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

// Which of our connections a relay, or an observer of a SOCKS proxy such as Tor, can see to belong together. Users never
// share a session. In the first three modes there is one session for each user and relay; they differ in the user name
// that a SOCKS proxy with isolation by_user_name is shown, by which Tor chooses the circuit.
enum class SessionMode : std::uint8_t {
  user,     // one circuit for each user, the same after each start
  session,  // another one after each start, and each change of the network's settings
  server,   // and for each relay
  entity,   // and for each connection, with a session of its own: relays do not see which queues are one person's
};
// Where an address without a port leads to 443, which passes where only the web does, instead of 5223.
enum class WebPort : std::uint8_t {
  all,
  preset,  // at the relays of Config::preset_domains
  off,
};

// The defaults are the reference's.
struct NetworkConfig {
  ProxyMode proxy_mode = ProxyMode::never;
  ProxyFallback proxy_fallback = ProxyFallback::allow;
  // For all of the agent's connections, whatever its connector was made with. A relay that they leave no host is said
  // once (AgentProblem); what is for it waits. Names of hosts are told to the SOCKS proxy, and not looked up here.
  transport::NetworkRules rules{.host_mode = transport::HostMode::onion_via_socks};
  SessionMode session_mode = SessionMode::session;
  WebPort web_port = WebPort::preset;
  Duration connect_timeout = std::chrono::seconds(45);  // TCP, TLS and SMP handshake
  Duration command_timeout = std::chrono::seconds(30);
  transport::KeepAlive keep_alive = {};
  Duration ping_interval = std::chrono::seconds(600);
  int pings_unanswered = 3;  // then the session is closed

  friend bool operator==(const NetworkConfig&, const NetworkConfig&) = default;
};

// What the device says of its network.
enum class NetworkType : std::uint8_t { none, cellular, wifi, ethernet, other };
struct NetworkState {
  bool online = true;
  NetworkType type = NetworkType::other;

  [[nodiscard]] bool connected() const { return online && type != NetworkType::none; }
  // Timeouts are half as long again.
  [[nodiscard]] bool slow() const { return type == NetworkType::cellular || type == NetworkType::none; }
  friend bool operator==(const NetworkState&, const NetworkState&) = default;
};

}  // namespace simplex::agent
