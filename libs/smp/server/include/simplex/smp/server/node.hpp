// One loop's part of a relay: a shard of the engine and the connections that live there. Connections come as secured
// channels, from a TLS listener or a simulated network.
//
//   channel ──► handshake, blocks (BlockSession) ──► shard ──► answers, deliveries ──► blocks ──► channel
//                                                      │ ▲
//                                                 other nodes (posted to their loops)
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <vector>

#include "simplex/async/loop.hpp"
#include "simplex/base/log.hpp"
#include "simplex/smp/server/memory_store.hpp"
#include "simplex/smp/server/names.hpp"
#include "simplex/smp/server/proxy.hpp"
#include "simplex/smp/server/shard.hpp"
#include "simplex/smp/server/timed_store.hpp"
#include "simplex/transport/smp_handshake.hpp"

namespace simplex::smp::server {

// The same for all nodes of a relay; outlives them.
struct NodeSettings {
  EngineSettings engine;
  ConnectionLimits limits;
  SmpVersionRange versions = supported_versions;
  transport::ServerCredentials credentials;
};

struct NodeCounters {
  std::uint64_t connections = 0;  // that finished the handshake
  std::uint64_t failed_handshakes = 0;
  std::uint64_t dropped_handshakes = 0;    // for too many at once; failed, too
  std::uint64_t timed_out_handshakes = 0;  // failed, too
  std::uint64_t refused = 0;               // over the limit of connections
  std::uint64_t dropped_slow = 0;          // readers: after a time without reading,
  std::uint64_t dropped_full = 0;          // or with too much that waits,
  std::uint64_t dropped_crowded = 0;       // or while too much waits in all
  // How often a connection was not read from for a while:
  std::uint64_t paused_pending = 0;     // answers wait for it to read,
  std::uint64_t paused_unanswered = 0;  // or commands for the store,
  std::uint64_t paused_proxied = 0;     // or for other relays
  std::uint64_t closed_inactive = 0;
  std::uint64_t blocks_in = 0;
  std::uint64_t blocks_out = 0;

  // Another thread's.
  NodeCounters& operator+=(const NodeCounters& other);
};

// What is there now.
struct NodeGauges {
  std::size_t connections = 0;
  std::size_t handshakes = 0;  // of SMP
};

// What the nodes of a relay count together, because it is bounded together.
struct RelayLoad {
  std::atomic<std::size_t> connections = 0;
  std::atomic<std::size_t> pending = 0;  // octets that wait for readers
};

struct ClientStatus;
struct QueueControl;
class Connection;

class Node {
 public:
  // All on the node's loop, but the constructor and join(). The load outlives the nodes.
  Node(std::size_t index, std::size_t nodes, async::Loop& loop, const NodeSettings& settings, Random& random,
       Store& store, Logger& logger, RelayLoad& load);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // The nodes of the relay by their index, this one too. Once, before anything else happens.
  void join(std::vector<Node*> nodes) { nodes_ = std::move(nodes); }
  // Before start(). Without it RSLV is answered that there is no resolver.
  void resolve_names(std::unique_ptr<NameResolver> names);
  // Private routing for this node's clients; before start(). Without it PRXY is refused.
  void route_privately(std::unique_ptr<Proxy> proxy);
  // Starts the timers.
  void start();
  void accept(transport::ChannelPtr channel);
  // Reads no more, sends what waits, and closes all connections; done when they are closed, after `limit` at the latest.
  void stop(Duration limit, async::Task done);

  [[nodiscard]] Shard& shard() { return shard_; }
  [[nodiscard]] const NodeCounters& counters() const { return counters_; }
  [[nodiscard]] NodeGauges gauges() const { return {connections_.size(), handshaking_.size()}; }
  [[nodiscard]] const StoreTiming& store_timing() const { return store_.timing(); }
  [[nodiscard]] NameResolver* names() { return names_.get(); }  // null: there is none
  // Of its connections, at most so many.
  [[nodiscard]] std::vector<ClientStatus> clients(std::size_t limit) const;
  // What the operator does to a queue of the relay.
  void control(QueueControl control);
  // Connections to come see these; queues are made with this password from now on.
  void use_credentials(transport::ServerCredentials credentials) { credentials_ = std::move(credentials); }
  void use_password(std::optional<BasicAuth> password) { engine_settings_.password = std::move(password); }
  [[nodiscard]] std::size_t connection_count() const { return connections_.size(); }

 private:
  friend class Connection;
  void receive(std::vector<ShardMessage> messages);
  // Does something with the shard, then carries out what came out of it.
  template <class F>
  void turn(F&& act);
  void turn_soon();
  void carry_out();
  void closed(Connection& connection);
  void check_connections();
  std::size_t end_connections(const std::vector<std::uint64_t>& numbers, bool at_once);
  void sweep();
  void arm_notifications();
  void sweep_notifications();
  void wait_for_end();
  [[nodiscard]] const transport::ServerCredentials& credentials() const {
    return credentials_ ? *credentials_ : settings_.credentials;
  }
  // The readers of the relay let more wait than it has room for.
  [[nodiscard]] bool crowded() const { return load_.pending.load() > settings_.limits.pending_in_all; }

  std::size_t index_;
  async::Loop& loop_;
  const NodeSettings& settings_;
  Random& random_;
  Logger& logger_;
  RelayLoad& load_;
  EngineSettings engine_settings_;                           // as they were set at start, or later
  std::optional<transport::ServerCredentials> credentials_;  // nothing: those of the settings
  TimedStore store_;
  Shard shard_;
  std::unique_ptr<NameResolver> names_;
  std::unique_ptr<Proxy> proxy_;
  std::vector<Node*> nodes_;
  bool in_turn_ = false;
  bool turn_is_posted_ = false;
  std::uint64_t next_connection_ = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;  // in the handshake, too
  std::set<std::uint64_t> handshaking_;                                         // the oldest has the smallest number
  std::unordered_map<ClientId, Connection*> by_client_;
  std::vector<std::uint64_t> touched_;  // connections that may have something to send
  NodeCounters counters_;
  async::Timer check_timer_;
  async::Timer sweep_timer_;
  async::Timer notification_timer_;
  bool delivers_notifications_ = false;  // when the timer fires
  async::Timer notification_sweep_timer_;
  async::Timer stop_timer_;
  Instant stop_by_;
  async::Task stopped_;
  bool stopping_ = false;
};

// Gives every queue and its messages to the node it belongs to, before the loops run. Messages sent before
// `expire_before` (seconds since the epoch) are left out.
struct Restored {
  std::size_t queues = 0;
  std::size_t messages = 0;
  std::size_t expired = 0;
  std::vector<LoggedMessages::Queue> without_queue;  // messages of queues that do not exist
};
[[nodiscard]] Restored restore(std::vector<Node*>& nodes, LoggedQueues queues, LoggedMessages messages,
                               std::optional<std::int64_t> expire_before);

}  // namespace simplex::smp::server
