// A secured, ordered byte stream between two parties: one TLS connection, or one end of a simulated pipe. Protocol
// sessions are written against this and run the same over both.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "simplex/async/loop.hpp"
#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"
#include "simplex/base/strong.hpp"

namespace simplex::transport {

// SHA-256 of the DER of the identity (CA) certificate; what a server address carries. 32 octets.
struct KeyHashTag;
using KeyHash = FixedBytes<KeyHashTag, 32>;

// The TLS channel binding: verify data of the client's Finished message, the same at both ends. 32 octets in TLS 1.3, 12 in
// TLS 1.2.
struct SessionIdTag;
using SessionId = OpaqueBytes<SessionIdTag>;

struct ServerCredentials;

struct ChannelInfo {
  SessionId session_id;
  std::optional<std::string> alpn;       // "smp/1", or nothing: the legacy handshake
  std::vector<Bytes> peer_certificates;  // DER, leaf first; empty when the peer showed none
  // At a TLS listener's end only.
  std::shared_ptr<const ServerCredentials> shown = nullptr;  // what the client was shown, but for web clients
  bool web = false;                                          // the web credential was shown: HTTP, not SMP
};

// Lives on one loop, and all calls and callbacks happen there. Callbacks are never called inside a call of the owner's.
// Destroying the channel closes it and silences the callbacks.
class Channel {
 public:
  struct Handlers {
    // Octets that arrived, decrypted; the view is valid during the call.
    std::move_only_function<void(BytesView)> data;
    // The stream has ended, once: by the peer, by an error or by a timeout; never after the owner's own close().
    std::move_only_function<void(Error)> closed;
    // What was waiting to be sent is with the kernel (pending() fell to 0). Not called for what did not have to wait:
    // pending() is 0 after its send() already.
    std::move_only_function<void()> drained;
  };

  virtual ~Channel() = default;

  // Starts reading. Octets that arrived before wait for it.
  virtual void start(Handlers handlers) = 0;

  // Queues octets to be sent, in order. The owner bounds pending().
  virtual void send(Bytes octets) = 0;
  [[nodiscard]] virtual std::size_t pending() const = 0;

  // Back-pressure: while paused, nothing is read from the network.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;

  // Sends what is queued, then closes. abort() closes at once.
  virtual void close() = 0;
  virtual void abort() = 0;

  [[nodiscard]] virtual const ChannelInfo& info() const = 0;
};

using ChannelPtr = std::unique_ptr<Channel>;

// Where a client connects to. Several hosts are tried in order.
struct Endpoint {
  std::string host;
  std::uint16_t port = 5223;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// TCP keep-alive; zero idle time turns it off.
struct KeepAlive {
  std::chrono::seconds idle{30};
  std::chrono::seconds interval{15};
  int probes = 4;
  friend bool operator==(const KeepAlive&, const KeepAlive&) = default;
};

struct NetworkRules;

struct ConnectOptions {
  std::vector<Endpoint> endpoints;              // at least one
  KeyHash identity;                             // the peer's chain must carry this identity certificate
  std::vector<std::string> alpn{"smp/1"};       // empty: none is offered
  Duration timeout = std::chrono::seconds(45);  // of TCP connect and TLS handshake together
  // Connects to no address of this machine, a private network, a link or a group, whatever a name resolves to:
  // ErrorKind::unsupported. For endpoints that a stranger named.
  bool public_addresses_only = false;
  // Connections with different texts do not share a circuit of an anonymizing SOCKS proxy.
  std::string isolation = {};
  // Instead of what the connector was made with: where a program changes them while it runs.
  std::shared_ptr<const NetworkRules> rules = nullptr;
  std::optional<KeepAlive> keep_alive = std::nullopt;
};

// Opens client channels. Dropping the returned attempt cancels it silently.
class Connector {
 public:
  class Attempt {
   public:
    virtual ~Attempt() = default;
  };
  virtual ~Connector() = default;
  [[nodiscard]] virtual std::unique_ptr<Attempt> connect(async::Loop& loop, ConnectOptions options,
                                                         std::move_only_function<void(Result<ChannelPtr>)> done) = 0;
};

}  // namespace simplex::transport
