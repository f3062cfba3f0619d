// Which queues are subscribed in the sessions that are up. Tells the application which connections are reachable.
#pragma once

#include <map>
#include <unordered_map>

#include "core.hpp"
#include "relays.hpp"

namespace simplex::agent {

class Subscriptions {
 public:
  Subscriptions(Core& core, Relays& relays) : core_(core), relays_(relays) {}

  // The relay does not know the queue. True: the application has been told.
  std::move_only_function<bool(RcvQueueKey)> queue_gone;

  [[nodiscard]] Result<> start();
  void stop();
  void relay_up(Relay& relay);
  void relay_down(const Relay& relay);
  // All sessions are about to be closed.
  void all_down();
  [[nodiscard]] bool needs(const Relay& relay) const;
  [[nodiscard]] std::size_t subscribed_at(const Relay& relay) const;
  void created(Relay& relay, const smp::RecipientId& queue, ConnectionId connection);
  // Queues have come to the party at this relay.
  void begin(const Party& party, const protocol::ServerAddress& server);
  // END or DELD: another client has the queue now, or it is gone.
  void ended(Relay& relay, const smp::RecipientId& queue);
  // Subscribes again: the relay repeats a message that was not acknowledged.
  void renew(const Party& party, const protocol::ServerAddress& server, const smp::RecipientId& queue);
  [[nodiscard]] bool is_active(const Relay& relay, const smp::RecipientId& queue) const;
  [[nodiscard]] bool is_active(const Party& party, const protocol::ServerAddress& server,
                               const smp::RecipientId& queue) const;
  void forget(const Party& party, const protocol::ServerAddress& server, const smp::RecipientId& queue);

 private:
  struct AtRelay {
    explicit AtRelay(const RetryInterval& interval) : backoff(interval) {}
    std::unordered_map<smp::RecipientId, ConnectionId> active;
    std::vector<ConnectionId> arrived;  // subscribed, not yet told
    bool told_down = false;
    async::Timer retry;
    Backoff backoff;
  };

  AtRelay& at(const Relay& relay);
  void subscribe(Relay& relay);
  void subscribed(Relay& relay, const QueueTable::Subscribed& queue, const smp::client::Outcome<>& outcome);
  void found_again(RcvQueueKey queue);
  void tell_arrived();

  Core& core_;
  Relays& relays_;
  std::map<const Relay*, AtRelay> relays_with_queues_;
  bool telling_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace simplex::agent
