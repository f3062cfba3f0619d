// What shards tell each other about notifications and services.
//
// A notifier's notifications and its subscriber are at the shard of the notifier id, which need not be that of its queue.
#pragma once

#include <variant>

#include "simplex/smp/server/notifications.hpp"
#include "simplex/smp/server/request.hpp"

namespace simplex::smp::server::between_shards {

// --- to the shard of a notifier id, from that of its queue
struct Notify {
  NotifierId notifier;
  std::optional<ServiceId> service;
  Notification notification;
};
struct SubscribeNotifier {  // NSUB, authorized and stored
  NotifierId notifier;
  Origin origin;
  std::optional<ServiceId> before;  // whose it was
  std::optional<ServiceId> after;
};
struct NotifierGone {
  NotifierId notifier;
  std::optional<ServiceId> service;
  ClientId by;
};
// Whose is it? After a start only the queue knows.
struct FindNotifier {
  NotifierId notifier;
  RecipientId queue;
  std::size_t asker;
};
struct NotifierFound {
  NotifierId notifier;
  bool exists;
  std::optional<ServiceId> service;
};

// --- services
// To the shard of the service id, so that a service is stored once only.
struct StoreService {
  std::shared_ptr<const ServiceRecord> service;
  std::size_t asker;
  std::uint64_t token;
};
enum class ServiceOutcome : std::uint8_t { stored, refused, failed };
struct ServiceStored {
  std::uint64_t token;
  ServiceOutcome outcome;
};
// To all: another connection has the seat of a service, or nobody.
struct SeatTaken {
  ServiceId service;
  ServiceBook::Seat seat;
};
struct CountServiceQueues {
  ServiceId service;
  ServiceParty party;
  std::size_t asker;
  std::uint64_t token;
};
struct ServiceQueuesCounted {
  std::uint64_t token;
  std::optional<ServiceQueues> queues;  // nothing: the store failed
};
// Deliver what waits in some of the service's queues.
struct WalkService {
  ServiceId service;
  ServiceBook::Seat seat;
  std::optional<RecipientId> after;
};
struct ServiceWalked {
  ServiceId service;
  ServiceBook::Seat seat;
  std::optional<RecipientId> last;
  bool finished = false;
  std::uint32_t delivered = 0;
  std::uint32_t duplicates = 0;
};

// --- to the shard of a connection that was sent much: say when it has taken all of it
struct AskCaughtUp {
  ClientId client;
  std::size_t asker;
};
struct CaughtUp {
  ClientId client;
};

using ServiceMessage = std::variant<Notify, SubscribeNotifier, NotifierGone, FindNotifier, NotifierFound, StoreService,
                                    ServiceStored, SeatTaken, CountServiceQueues, ServiceQueuesCounted, WalkService,
                                    ServiceWalked, AskCaughtUp, CaughtUp>;

}  // namespace simplex::smp::server::between_shards
