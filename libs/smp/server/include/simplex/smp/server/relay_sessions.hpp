// The proxy with real connections: a session with each relay that clients of this node asked for, made once, shared by
// them, and closed when nobody uses it (simplex-messaging.md, "Private message routing").
//
//   client ── PRXY ─►  session of that address: opened, or waited for, or its error remembered  ─► PKEY
//   client ── PFWD ─►  session of that id ── RFWD ─►  relay  ── RRES ─►  PRES
//
// What a relay answers is not trusted: it is measured before it goes to a client.
#pragma once

#include "simplex/async/loop.hpp"
#include "simplex/base/random.hpp"
#include "simplex/smp/server/proxy.hpp"
#include "simplex/smp/server/statistics.hpp"
#include "simplex/transport/tls.hpp"

namespace simplex::smp::server {

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

// [PROXY] in the INI, and what stands in [LIMITS] beside it. Bounds in all are those of the whole relay until
// share_of().
struct ProxySettings {
  bool enabled = true;  // enable
  // host_mode, required_host_mode, socks_proxy, socks_mode
  transport::NetworkRules network{.host_mode = transport::HostMode::public_hosts,
                                  .host_mode_required = false,
                                  .socks = std::nullopt,
                                  .socks_mode = transport::SocksMode::onion};
  std::vector<std::string> own_server_domains;  // own_server_domains: counted apart
  // Where clients may have this relay connect to. Other hosts of the operator's network are nobody's business.
  bool private_targets = false;                               // allow_private_targets
  std::vector<PortRange> ports{{443, 443}, {1'024, 65'535}};  // allowed_ports: no mail servers, no shells
  std::size_t max_hosts = 8;                                  // in the address of a relay

  Duration connect_timeout = std::chrono::seconds(45);  // TCP, TLS and SMP handshake
  Duration command_timeout = std::chrono::seconds(30);
  Duration persist_error = std::chrono::seconds(30);  // so long a relay that failed is not tried again
  Duration quiet_limit = std::chrono::minutes(2);     // a session that answers nothing for so long is closed
  Duration idle = std::chrono::minutes(30);           // proxy_idle: then nobody uses the session

  std::size_t sessions = 10'000;          // proxy_sessions; past it the one that was idle longest gives way
  std::size_t connecting = 256;           // proxy_connecting, at a time; past it one of who has the most gives way
  std::size_t connecting_of_client = 4;   // proxy_connecting_of_client: the next wait for their turn
  std::size_t remembered_errors = 1'024;  // relays
  std::size_t sessions_of_client = 100;   // proxy_sessions_of_client: opened by one connection
  std::size_t connects_per_minute = 60;   // proxy_connects_per_minute, of one connection
  // Forwarded commands without an answer: each has up to 16 KB while it waits to be sent.
  std::size_t unanswered = 4'096;             // proxy_unanswered
  std::size_t unanswered_of_session = 1'024;  // proxy_unanswered_of_session
  std::size_t unanswered_of_client = 256;     // client_concurrency bounds it before, but for what comes in one block
};

// For one of the nodes.
[[nodiscard]] ProxySettings share_of(const ProxySettings& relay, std::size_t nodes);

class RelaySessions : public Proxy {
 public:
  // How often each bound of ProxySettings refused something.
  struct Refusals {
    std::uint64_t targets = 0;  // a port, or an address that is not public
    std::uint64_t sessions = 0;
    std::uint64_t sessions_of_client = 0;
    std::uint64_t connects_per_minute = 0;
    std::uint64_t connecting = 0;            // or gave way
    std::uint64_t connecting_of_client = 0;  // the turn did not come in time
    std::uint64_t unanswered = 0;
    std::uint64_t unanswered_of_session = 0;
    std::uint64_t unanswered_of_client = 0;
  };
  struct Counters {
    std::size_t connected = 0;
    std::size_t connecting = 0;
    std::size_t waiting = 0;  // for their turn to be connected
    std::size_t remembered_errors = 0;
    std::size_t unanswered = 0;  // sent or waiting, also for clients that are gone
    std::size_t clients = 0;     // that something is known of
    std::uint64_t opened = 0;
    std::uint64_t closed_idle = 0;
    Refusals refused;

    // Another thread's.
    Counters& operator+=(const Counters& other);
  };
  [[nodiscard]] virtual Counters counters() const = 0;
};

// All of it outlives the sessions. The connector has the same rules as settings.network.
struct RelaySessionsDependencies {
  async::Loop& loop;
  Random& random;
  transport::Connector& connector;
  Statistics& statistics;
};
[[nodiscard]] std::unique_ptr<RelaySessions> make_relay_sessions(RelaySessionsDependencies dependencies,
                                                                 const ProxySettings& settings);
// With a TLS connector of its own. The resolver may be shared by all nodes; it is best not used for anything else.
[[nodiscard]] std::unique_ptr<RelaySessions> make_tls_relay_sessions(async::Loop& loop, Random& random,
                                                                     Statistics& statistics,
                                                                     const ProxySettings& settings,
                                                                     std::shared_ptr<transport::HostResolver> resolver);

}  // namespace simplex::smp::server
