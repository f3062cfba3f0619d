// TLS over TCP: TLS 1.3 and 1.2 with ChaCha20-Poly1305, X448 and X25519, Ed448 and Ed25519, and nothing else.
// No sessions are resumed, so that every connection has its own session id.
#pragma once

#include "simplex/base/log.hpp"
#include "simplex/transport/admission.hpp"
#include "simplex/transport/credentials.hpp"
#include "simplex/transport/host_resolver.hpp"
#include "simplex/transport/network_rules.hpp"
#include "simplex/transport/tcp.hpp"
#include "simplex/transport/web.hpp"

namespace simplex::transport {

struct TlsVersions {
  bool tls13 = true;
  bool tls12 = true;
};

// What a client shows that is a service: to the servers that ask, which are all since SMP v16.
struct ClientCredentials {
  CertificateChain chain;           // one self-signed certificate, or leaf and identity
  crypto::SignaturePrivateKey key;  // of the first
};

struct TlsConnectorSettings {
  KeepAlive keep_alive;
  TlsVersions versions;
  NetworkRules network = {};
  // Null: shows none. A chain that is not one, or another's key, is refused by make_tls_connector() with an exception.
  std::shared_ptr<const ClientCredentials> credentials = nullptr;
  std::shared_ptr<HostResolver> resolver = nullptr;  // null: one of its own
};

// The connector of programs. The endpoints that the rules choose, and the addresses of each, are tried in order, each
// with its share of the time. Names are resolved without blocking the loop, or by the SOCKS proxy. The relay's chain must carry the identity, or the
// connection is an authentication error. connect() needs a loop made by make_thread_loop().
[[nodiscard]] std::unique_ptr<Connector> make_tls_connector(TlsConnectorSettings settings = {});

// What a port is for. On a shared one the web credential is shown to clients that name a host (SNI) and do not offer
// smp/1, as browsers do; SMP clients name none. Without web credentials a shared port serves SMP alone, and a port of the
// web nobody. A port for WebSockets shows the relay's own certificate to all.
enum class Serves : std::uint8_t { smp, smp_and_web, web, smp_in_web_sockets };

// Host "" is every address of the machine, IPv6 and IPv4. Port 0 takes a free one.
struct ListenAddress : Endpoint {
  ListenAddress(std::string at_host, std::uint16_t at_port, Serves what = Serves::smp)
      : Endpoint{std::move(at_host), at_port}, serves(what) {}
  ListenAddress(Endpoint at, Serves what = Serves::smp) : Endpoint(std::move(at)), serves(what) {}

  Serves serves;
};

struct ListenSettings {
  std::vector<ListenAddress> addresses;
  std::vector<std::string> alpn{"smp/1"};     // a client that offers none of them is served as a legacy one
  std::shared_ptr<const WebCredentials> web;  // null: none
  Duration handshake_timeout = std::chrono::seconds(120);
  // TLS handshakes in progress; past it the oldest is dropped, so that silent connections can't keep others out.
  std::size_t max_handshakes = 1'024;
  bool ask_client_certificate = true;              // optional for clients; services show theirs (SMP v16)
  std::shared_ptr<Admission> admission = nullptr;  // null: everyone is let in
  // Octets that the kernel holds of a connection for a slow reader, about; 0: as many as it likes, which may be megabytes.
  std::size_t send_buffer = 256 * 1'024;
  PortSharing sharing = PortSharing::alone;
  KeepAlive keep_alive;
  TlsVersions versions;
};

// Sockets of one port, TLS or not.
struct PortCounters {
  std::uint16_t port = 0;
  std::uint64_t accepted = 0;
  std::uint64_t closed = 0;

  [[nodiscard]] std::uint64_t active() const { return accepted - closed; }
};

// Lives on its loop. Destroying it closes the ports and drops unfinished handshakes; channels already given out stay.
class TlsListener {
 public:
  struct Handlers {
    std::move_only_function<void(ChannelPtr)> accepted;
    // A connection that did not become a channel, and why; for logs and counters. May be empty.
    std::move_only_function<void(const Error&)> refused;
  };
  struct Counters {
    std::uint64_t connections = 0;  // accepted from the kernel
    std::uint64_t channels = 0;     // handed out
    std::uint64_t refused = 0;
    std::size_t handshakes = 0;            // in progress
    std::uint64_t not_admitted = 0;        // by ListenSettings::admission; in `refused`, too
    std::uint64_t dropped_handshakes = 0;  // for too many at once
    std::uint64_t timed_out = 0;           // in the handshake
  };
  virtual ~TlsListener() = default;
  [[nodiscard]] virtual const std::vector<std::uint16_t>& ports() const = 0;  // one for each bound address
  [[nodiscard]] virtual Counters counters() const = 0;
  [[nodiscard]] virtual std::vector<PortCounters> port_counters() const = 0;  // in the order of ports()
  // Closes the ports; handshakes in progress go on.
  virtual void stop_accepting() = 0;
  // What the next connections are shown. Those that are there, in the handshake too, keep what they saw.
  virtual void use_credentials(const ServerCredentials& credentials) = 0;
  virtual Result<> use_web_credentials(const std::shared_ptr<const WebCredentials>& credentials) = 0;
};

// A port that is taken or forbidden is an error that says what to do.
[[nodiscard]] Result<std::unique_ptr<TlsListener>> listen_tls(async::Loop& loop, const ServerCredentials& credentials,
                                                              ListenSettings settings, TlsListener::Handlers handlers);

}  // namespace simplex::transport
