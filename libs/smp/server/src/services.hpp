// What a shard does for services (simplex-messaging.md, "Client services"): makes queues theirs, gives one connection of
// each service its seat, and delivers what waits in their queues when they come back.
//
//   SUB, NSUB, NEW by a service:  [store the service] ─► store that the queue is its ─► take the seat ─► SOK
//   SUBS, NSUBS:   count the service's queues at all shards ─► take the seat ─► SOKS
//   then, for messages:   a page of queues at a time, of one shard after the other, when the connection has room ─► ALLS
//
// A queue of a service has a reader only while a message waits for its ACK.
#pragma once

#include <unordered_map>
#include <vector>

#include "simplex/smp/server/shard.hpp"
#include "queue.hpp"
#include "service_index.hpp"

namespace simplex::smp::server {

class Services {
 public:
  explicit Services(Shard& shard);
  ~Services();
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  // Whether this session may send the command, as far as services go; else the error to answer.
  [[nodiscard]] static std::optional<ErrorType> refused(const ClientSession& session, const ReceivedCommand& received);
  // The hash that a queue's key authorizes too; empty when no service signed.
  [[nodiscard]] static BytesView signed_with(const ClientSession& session, const ReceivedCommand& received);

  // --- commands
  // SUBS and NSUBS.
  void subscribe_all(const Request& request, ServiceParty party, const ServiceQueues& expected);
  // SUB by a service, or of a service's queue, and answers it. False: neither, it is an ordinary one.
  [[nodiscard]] bool subscribe(Queue& queue, Request& request);
  // Makes the queue the session's service's, or nobody's. An error is what to answer.
  using Associated = std::move_only_function<void(Queue&, std::optional<ErrorType>)>;
  void associate(Queue& queue, ServiceParty party, const std::shared_ptr<const ServiceSession>& session,
                 Associated then);
  // NEW by a service: before the queue is stored, and when it is there.
  using Stored = std::move_only_function<void(std::optional<ErrorType>)>;
  void store_service(const std::shared_ptr<const ServiceRecord>& service, Stored then);
  void created(const Queue& queue, ClientId client);

  // --- queues
  [[nodiscard]] ServiceIndex& index() { return index_; }
  // A queue of a service with messages gets the service's connection as its reader, if there is one.
  void lend_reader(Queue& queue);
  // Nothing waits for ACK any more: it loses it again.
  void return_reader(Queue& queue);
  // Before it is destroyed; by: who deleted it.
  void deleted(const Queue& queue, ClientId by);
  void notifier_removed(const NotifierCredentials& notifier, const RecipientId& queue, ClientId by);

  // --- seats
  [[nodiscard]] ServiceBook::Seat seat(const ServiceId& service) const;
  // The client sits down; who sat there before is told.
  ServiceBook::Taken take(const ServiceId& service, ClientId client, BytesView queue_id, bool again);
  // A queue, or notifier, is the service's no more: its connection is told, unless it is this one.
  void end_one(const ServiceId& service, BytesView queue_id, ClientId by, BrokerMessage event);
  // Connections of this shard.
  [[nodiscard]] bool has_seat(const ClientSession& session, ClientId client) const;
  void disconnected(const ClientSession& session, ClientId client);
  // It was gone when its answer came.
  void answered_nobody(const ToClient& message);
  void caught_up(ClientId client);

  // --- messages of other shards
  void handle(between_shards::StoreService message);
  void handle(between_shards::ServiceStored message);
  void handle(between_shards::SeatTaken message);
  void handle(between_shards::CountServiceQueues message);
  void handle(between_shards::ServiceQueuesCounted message);
  void handle(between_shards::WalkService message);
  void handle(between_shards::ServiceWalked message);
  void handle(between_shards::AskCaughtUp message);

 private:
  struct Counting {
    Origin origin;
    ServiceId service;
    ServiceParty party = ServiceParty::recipient;
    ServiceQueues expected;
    ServiceQueues sum{.count = 0, .hash = {}};
    std::size_t missing = 0;  // shards
    bool failed = false;
  };
  struct Walk {
    ServiceId service;
    ServiceBook::Seat seat;
    std::size_t shard = 0;
    std::optional<RecipientId> after;
    bool ready = true;     // the last page was answered
    bool delayed = false;  // until the connection has taken what it was sent
  };
  struct Page;

  [[nodiscard]] ServiceBook& book() const;
  [[nodiscard]] ServiceStatistics& statistics(ServiceParty party);
  void announce(const ServiceId& service, const ServiceBook::Taken& taken);
  void seated(Queue& queue, const Origin& origin, const ServiceId& service, const std::optional<ServiceId>& before);
  void counted(Counting counting);
  void walk_on(ClientId client);
  void push(ClientId client, BytesView entity, BrokerMessage message, int subscriptions = 0);

  Shard& shard_;
  ServiceIndex index_;
  std::unordered_map<ServiceId, ServiceBook::Seat> seats_;
  std::uint64_t next_token_ = 1;
  std::unordered_map<std::uint64_t, Stored> storing_;
  std::unordered_map<ServiceId, std::vector<between_shards::StoreService>> being_stored_;  // of this shard's services
  std::unordered_map<std::uint64_t, Counting> counting_;
  std::unordered_map<ClientId, Walk> walks_;
  bool walking_ = false;
  std::unordered_map<ClientId, std::vector<std::size_t>> behind_;  // shards that wait for a connection
  std::shared_ptr<char> life_ = std::make_shared<char>();
};

}  // namespace simplex::smp::server
