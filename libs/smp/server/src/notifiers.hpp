// Notifiers of a shard: those whose ids belong to it. Who is subscribed to their notifications, and what nobody has
// fetched yet. Delivered together, at an interval; a connection that does not read gets no more until it has read, and
// the rest stays here, within its bounds.
#pragma once

#include <deque>
#include <unordered_map>

#include "simplex/smp/server/shard.hpp"
#include "queue.hpp"

namespace simplex::smp::server {

class Notifiers {
 public:
  explicit Notifiers(Shard& shard) : shard_(shard) {}

  // --- at the shard of the queue
  // NSUB, authorized.
  void subscribe(Queue& queue, const Request& request);
  // A message came.
  void notify(const Queue& queue, const StoredMessage& message);

  // --- at the shard of the notifier
  void handle(between_shards::Notify message);
  void handle(between_shards::SubscribeNotifier message);
  void handle(between_shards::NotifierGone message);
  void handle(between_shards::FindNotifier message);
  void handle(between_shards::NotifierFound message);
  void handle(between_shards::CaughtUp message);

  // There may be some that deliver() has a reader for.
  [[nodiscard]] bool has_deliverable() const {
    return pending_ > 0 && !(clients_.empty() && services_.empty() && unknown_.empty());
  }
  // At a delivery interval.
  void deliver();
  // Drops what is older than the time to live from some notifiers; true when all had their turn since the last true.
  bool expire(std::size_t notifiers);

  void forget_client(ClientId client);
  // The connection of a service lost its seat.
  void seat_lost(ClientId client) { in_hand_.erase(client); }

  // --- start and stop
  void restore(NotificationLine line);
  void for_each(const std::function<void(const NotifierId&, const Notification&)>& visit) const;
  [[nodiscard]] std::size_t pending() const { return pending_; }
  [[nodiscard]] std::size_t subscribed() const { return subscribed_; }

 private:
  struct Notifier {
    const NotifierId* id = nullptr;  // its key
    ClientId subscriber;             // ClientId(): none
    Notifier* next_of_client = nullptr;
    Notifier* previous_of_client = nullptr;
    std::optional<ServiceId> service;
    bool known = false;   // whether it is a service's
    bool queued = false;  // stands in the list of its reader
    std::vector<Notification> pending;
  };
  // A connection, or a service.
  struct Reader {
    std::deque<NotifierId> ready;
    Notifier* first = nullptr;  // of a connection: what it is subscribed to
  };

  [[nodiscard]] Notifier& at(const NotifierId& id);
  void drop_if_unused(Notifier& notifier);
  void enqueue(Notifier& notifier);
  void link(Notifier& notifier, ClientId client);
  void unlink(Notifier& notifier);
  void drop_reader_if_unused(ClientId client);
  // Sends some of what is ready to the client, if it has taken what it was sent before.
  void send(ClientId client, Reader& reader, const std::optional<ServiceId>& service);
  [[nodiscard]] std::vector<Notification> take(const NotifierId& id, ClientId client,
                                               const std::optional<ServiceId>& service);
  void ask_whose();
  void store(Notifier& notifier, Notification notification);

  Shard& shard_;
  std::unordered_map<NotifierId, Notifier> notifiers_;
  std::unordered_map<ClientId, Reader> clients_;
  std::unordered_map<ServiceId, Reader> services_;
  std::unordered_map<ClientId, std::optional<ServiceId>> in_hand_;  // they have not taken all yet
  std::deque<NotifierId> unknown_;
  std::size_t pending_ = 0;
  std::size_t subscribed_ = 0;
  std::size_t expiry_bucket_ = 0;
  std::shared_ptr<char> life_ = std::make_shared<char>();
};

}  // namespace simplex::smp::server
