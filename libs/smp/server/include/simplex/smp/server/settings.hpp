// What the operator decides about the relay's engine.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>

#include "simplex/smp/server/notifications.hpp"
#include "simplex/smp/server/service_book.hpp"
#include "simplex/smp/types.hpp"

namespace simplex::smp::server {

// What one shard holds in memory of a store that keeps everything.
struct ResidentLimits {
  std::size_t idle_queues = 20'000;                 // that nobody uses; the ones used last
  std::size_t octets = 64 * 1'024 * 1'024;          // message bodies
  std::size_t queue_octets = 64 * 1'024;            // message bodies of one queue, while it is read; one always fits
  std::size_t remembered_ids = 100'000;             // which queue an id leads to, of queues on other shards
  std::size_t waiting_octets = 64 * 1'024 * 1'024;  // commands that wait for the store; one more is answered ERR STORE
};

// What one connection may do in a period.
struct UseLimits {
  std::chrono::seconds period{3'600};
  std::size_t new_queues = 10'000;   // NEW; one more is answered ERR QUOTA
  std::size_t link_changes = 1'000;  // LSET and LDEL, which write much; one more is answered ERR QUOTA
  // Commands answered ERR AUTH: each has cost a verification, whether the queue exists or not. After more of them the
  // connection rests after each block.
  std::size_t refusals = 10'000;
  std::chrono::milliseconds rest{1'000};
};

struct EngineSettings {
  UseLimits use;
  std::uint64_t queues = 0;  // of the whole relay; one more is answered ERR QUOTA. 0: no bound
  // Kept up to date by the engine, set at start. Never null.
  std::shared_ptr<std::atomic<std::uint64_t>> queue_count = std::make_shared<std::atomic<std::uint64_t>>(0);
  // Of new queues and messages; those that are there stay. No queue id has more than InlineId::max_size octets, and a
  // message id is a nonce, which has 24.
  std::size_t queue_id_octets = queue_id_size;
  std::size_t message_id_octets = message_id_size;
  std::size_t names = 100;            // RSLV of one connection that wait for the resolver; one more is an error
  bool new_queues = true;             // off: the relay is being retired
  std::optional<BasicAuth> password;  // needed to create queues
  std::uint32_t queue_quota = 128;    // messages in a queue; the next one is refused, and a marker put in its place
  std::optional<std::chrono::seconds> message_ttl = std::chrono::days(21);
  ResidentLimits resident;
  NotificationSettings notifications;
  ServiceLimits service_limits;
  // Of the whole relay; never null. The server that runs it makes its own, with these limits.
  std::shared_ptr<ServiceBook> services = std::make_shared<ServiceBook>();
};

// Bounds of what connections may cost.
struct ConnectionLimits {
  std::size_t connections = 100'000;            // of the whole relay; one more is closed at once
  std::chrono::seconds handshake_timeout{120};  // TLS and SMP, each
  std::size_t unanswered = 1'024;               // commands; past it nothing more is read until some are answered
  std::size_t proxied = 32;  // PRXY and PFWD that wait for other relays; the same ([PROXY] client_concurrency)
  // Octets that wait for a slow reader: past the first bound nothing is read or delivered until it has read, past the
  // second the connection is dropped.
  std::size_t pending = 256 * 1'024;
  std::size_t max_pending = 8 * 1'024 * 1'024;
  std::chrono::seconds slow_reader_timeout{300};  // dropped when nothing of what waits was read for so long
  // Of all connections of the relay. Past it a connection gets a block only when it has read all before, and slow readers
  // have no more than crowded_timeout.
  std::size_t pending_in_all = 1'024UL * 1'024 * 1'024;
  std::chrono::seconds crowded_timeout{15};
  // Connections of one thread in the TLS handshake, and in the SMP handshake; past it the oldest is dropped.
  std::size_t handshakes = 1'024;
  // Octets that the kernel holds for a slow reader beside these; 0: as many as it likes.
  std::size_t send_buffer = 256 * 1'024;
  // A connection without subscriptions on which nothing happened for ttl is closed; looked for every interval.
  bool disconnect_inactive = true;
  std::chrono::seconds inactive_ttl{21'600};
  std::chrono::seconds inactive_check_interval{3'600};
  std::chrono::seconds expiry_interval{7'200};  // between sweeps of expired messages
  bool expire_on_start = false;                 // the first sweep is at once
};

}  // namespace simplex::smp::server
