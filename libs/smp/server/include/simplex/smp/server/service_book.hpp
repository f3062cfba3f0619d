// Services: clients that show a certificate of their own, by which the relay knows them again (simplex-messaging.md,
// "Client services"). One book for the relay, used by all its shards and handshakes; thread-safe, and small: it knows the
// services, and which connection has the seat of each, but not their queues.
//
// Anyone can make certificates. So a service that has done nothing yet is remembered in memory only, and only so many of
// them; it is stored when its first queue becomes its own.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "simplex/base/random.hpp"
#include "simplex/crypto/keys.hpp"
#include "simplex/smp/server/client_id.hpp"
#include "simplex/smp/server/store_record.hpp"
#include "simplex/smp/types.hpp"

namespace simplex::smp::server {

struct ServiceLimits {
  std::size_t services = 10'000;  // that are stored; one more is refused
  std::size_t unproven = 1'000;   // that showed a certificate and have no queue yet; the oldest are forgotten
};

// The service whose certificate a connection showed. The same for the connection's whole life.
struct ServiceSession {
  std::shared_ptr<const ServiceRecord> service;  // certificates only while it is not stored
  crypto::Ed25519PublicKey key;                  // signs its commands

  [[nodiscard]] const ServiceId& id() const { return service->id; }
};

[[nodiscard]] IdsHash hash_of(BytesView queue_id);
void add(ServiceQueues& queues, BytesView queue_id);
void remove(ServiceQueues& queues, BytesView queue_id);  // no lower than nothing

class ServiceBook {
 public:
  void set_limits(const ServiceLimits& limits);
  // Stored before; at start.
  void restore(const std::vector<ServiceRecord>& services);

  // --- handshake
  // The service with this certificate (hash: of the identity certificate); a new one gets a random id. Null: it has another
  // role, or there are too many services.
  [[nodiscard]] std::shared_ptr<const ServiceRecord> enter(ServiceRole role, const std::vector<Bytes>& certificates,
                                                           BytesView hash, Date today, Random& random);

  // --- the store
  [[nodiscard]] bool is_stored(const ServiceId& service) const;
  // Before it is written: false when meanwhile another service was stored with this certificate, or too many.
  [[nodiscard]] bool may_store(const ServiceRecord& service) const;
  void stored(const ServiceRecord& service);

  // --- seats: the one connection that gets what comes for a service, and how many queues it counts as subscribed
  struct Seat {
    ClientId client;               // ClientId(): nobody
    std::uint64_t generation = 0;  // greater with each change of the client
  };
  struct Taken {
    Seat seat;
    bool changed = false;  // by this call
    ServiceRole role = ServiceRole::messaging;
    bool counted = false;                        // the client counted queues before
    std::optional<ClientId> previous;            // that lost the seat, and
    ServiceQueues lost{.count = 0, .hash = {}};  // what it had
  };
  // SUB, NSUB or NEW by the service. again: the queue was the service's already, so it is counted when no queue was before.
  Taken take(const ServiceId& service, ClientId client, BytesView queue_id, bool again);
  // SUBS or NSUBS.
  Taken take_all(const ServiceId& service, ClientId client, const ServiceQueues& queues);
  // A queue is the service's no more. The client that has the seat.
  Seat forget_queue(const ServiceId& service, BytesView queue_id);
  // The connection ended. Nothing, when it did not have the seat.
  std::optional<Seat> leave(const ServiceId& service, ClientId client);
  // What it counts, if it has subscribed to all of the service's queues and has the seat.
  [[nodiscard]] std::optional<ServiceQueues> subscribed_to_all(const ServiceId& service, ClientId client) const;

  struct Counters {
    std::size_t recipient_services = 0;  // stored
    std::size_t notifier_services = 0;
    std::size_t unproven = 0;
    std::uint64_t forgotten = 0;         // unproven ones, over the limit
    std::uint64_t refused = 0;           // for their role, or over the limit
    std::uint64_t recipient_queues = 0;  // that connections with a seat count as subscribed
    std::uint64_t notifier_queues = 0;
    std::size_t recipient_seats = 0;
    std::size_t notifier_seats = 0;
  };
  [[nodiscard]] Counters counters() const;

 private:
  using RecordPtr = std::shared_ptr<const ServiceRecord>;
  struct Place {
    Seat seat;
    ServiceQueues queues{.count = 0, .hash = {}};
    bool all = false;
    ServiceRole role = ServiceRole::messaging;
  };
  // With the mutex held.
  [[nodiscard]] RecordPtr find(BytesView hash) const;
  void keep(const ServiceRecord& service);
  Taken sit_down(Place& place, ClientId client);

  mutable std::mutex mutex_;
  ServiceLimits limits_;
  std::unordered_map<ServiceId, RecordPtr> stored_;
  std::unordered_map<std::string, RecordPtr> stored_by_hash_;
  std::list<RecordPtr> unproven_;  // oldest first
  std::unordered_map<std::string, std::list<RecordPtr>::iterator> unproven_by_hash_;
  std::unordered_map<ServiceId, Place> places_;
  std::uint64_t forgotten_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace simplex::smp::server
