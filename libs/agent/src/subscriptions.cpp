#include "subscriptions.hpp"

#include "failures.hpp"

namespace simplex::agent {

Result<> Subscriptions::start() {
  const bool of_each = core_.config.network.session_mode == SessionMode::entity;
  SIMPLEX_ASSIGN(const auto servers, core_.queues.receiving_servers(of_each));
  for (const auto& server : servers) {
    auto& relay = relays_.get({server.user, server.entity}, server.server);
    at(relay);
    relays_.need(relay);
  }
  return {};
}

void Subscriptions::stop() {
  relays_with_queues_.clear();
  telling_ = false;
  alive_ = std::make_shared<bool>(true);
}

Subscriptions::AtRelay& Subscriptions::at(const Relay& relay) {
  return relays_with_queues_.try_emplace(&relay, core_.config.timeouts.reconnect).first->second;
}

std::size_t Subscriptions::subscribed_at(const Relay& relay) const {
  const auto found = relays_with_queues_.find(&relay);
  return found == relays_with_queues_.end() ? 0 : found->second.active.size();
}

bool Subscriptions::needs(const Relay& relay) const { return relays_with_queues_.contains(&relay); }

void Subscriptions::relay_up(Relay& relay) {
  const auto found = relays_with_queues_.find(&relay);
  if (found == relays_with_queues_.end()) return;
  found->second.active.clear();
  found->second.told_down = false;
  found->second.backoff.reset();
  subscribe(relay);
}

void Subscriptions::subscribe(Relay& relay) {
  auto* client = relay.client();
  if (client == nullptr) return;
  auto queues = core_.queues.to_subscribe(relay.party(), relay.name());
  if (!queues) return core_.storage_failed(queues.error());
  const auto& active = at(relay).active;
  for (auto& queue : *queues) {
    if (active.contains(queue.recipient_id)) continue;
    const auto recipient_id = queue.recipient_id;
    const auto key = crypto::clone(queue.recipient_key);
    relay.counts().add(RelayCounter::subscription_attempts);
    client->subscribe(recipient_id, key, [this, &relay, queue = std::move(queue)](smp::client::Outcome<> outcome) {
      subscribed(relay, queue, outcome);
    });
  }
}

void Subscriptions::subscribed(Relay& relay, const QueueTable::Subscribed& queue,
                               const smp::client::Outcome<>& outcome) {
  auto& here = at(relay);
  if (outcome) {
    if (queue.lost) found_again(queue.key);
    if (!here.active.emplace(queue.recipient_id, queue.connection).second) {
      relay.counts().add(RelayCounter::subscriptions_ignored);
      return;
    }
    relay.counts().add(RelayCounter::subscribed);
    here.arrived.push_back(queue.connection);
    if (telling_) return;
    telling_ = true;
    core_.dependencies.loop.post([this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) tell_arrived();
    });
    return;
  }
  const auto& why = outcome.error();
  if (!is_temporary(why)) {
    relay.counts().add(RelayCounter::subscription_errors);
    // One that is to be deleted may be gone already.
    if (queue.purpose == QueuePurpose::retired) return;
    if (why.is<smp::errors::Auth>() && queue_gone && queue_gone(queue.key)) return;
    core_.outbox.passing(AgentProblem{queue.connection, failure_of(why), why.error});
    return;
  }
  if (why.kind == smp::client::Failure::Kind::network || here.retry.armed()) return;
  here.retry = core_.dependencies.loop.after(here.backoff.next(core_.dependencies.random), [this, &relay] {
    at(relay).retry.cancel();
    subscribe(relay);
  });
}

// Its relay has its data back.
void Subscriptions::found_again(RcvQueueKey queue) {
  const auto done = core_.turn.run([&] { return core_.queues.set_status(queue, QueueStatus::active); });
  if (!done) core_.storage_failed(done.error());
}

void Subscriptions::tell_arrived() {
  telling_ = false;
  for (auto& [relay, here] : relays_with_queues_) {
    if (here.arrived.empty()) continue;
    core_.outbox.passing(RelayUp{relay->name(), std::exchange(here.arrived, {})});
  }
}

void Subscriptions::all_down() {
  for (const auto& [relay, here] : relays_with_queues_) {
    if (relay->client() != nullptr) relay_down(*relay);
  }
}

void Subscriptions::relay_down(const Relay& relay) {
  const auto found = relays_with_queues_.find(&relay);
  if (found == relays_with_queues_.end()) return;
  auto& here = found->second;
  here.retry.cancel();
  here.arrived.clear();
  here.active.clear();
  if (std::exchange(here.told_down, true)) return;
  auto queues = core_.queues.to_subscribe(relay.party(), relay.name());
  if (!queues) return core_.storage_failed(queues.error());
  std::vector<ConnectionId> connections;
  for (const auto& queue : *queues) connections.push_back(queue.connection);
  if (!connections.empty()) core_.outbox.passing(RelayDown{relay.name(), std::move(connections)});
}

void Subscriptions::created(Relay& relay, const smp::RecipientId& queue, ConnectionId connection) {
  auto& here = at(relay);
  if (relay.client() != nullptr) here.active.emplace(queue, connection);
}

void Subscriptions::begin(const Party& party, const protocol::ServerAddress& server) {
  auto& relay = relays_.get(party, server);
  at(relay);
  if (relay.client() != nullptr) {
    subscribe(relay);
  } else {
    relays_.need(relay);
  }
}

void Subscriptions::ended(Relay& relay, const smp::RecipientId& queue) {
  auto& active = at(relay).active;
  const auto found = active.find(queue);
  if (found == active.end()) return;
  core_.outbox.passing(SubscriptionEnded{found->second});
  active.erase(found);
}

void Subscriptions::renew(const Party& party, const protocol::ServerAddress& server, const smp::RecipientId& queue) {
  auto& relay = relays_.get(party, server);
  if (at(relay).active.erase(queue) > 0) subscribe(relay);
}

bool Subscriptions::is_active(const Relay& relay, const smp::RecipientId& queue) const {
  const auto found = relays_with_queues_.find(&relay);
  return found != relays_with_queues_.end() && found->second.active.contains(queue);
}

bool Subscriptions::is_active(const Party& party, const protocol::ServerAddress& server,
                              const smp::RecipientId& queue) const {
  return is_active(relays_.get(party, server), queue);
}

void Subscriptions::forget(const Party& party, const protocol::ServerAddress& server, const smp::RecipientId& queue) {
  auto& relay = relays_.get(party, server);
  if (const auto found = relays_with_queues_.find(&relay); found != relays_with_queues_.end()) {
    found->second.active.erase(queue);
    if (!found->second.active.empty()) return;
    // It was the last one there: the relay is not connected to again.
    const auto needed = core_.queues.receives_at(relay.party(), relay.name());
    if (!needed || *needed) return;
    relays_with_queues_.erase(found);
  }
  relays_.release(party);
}

}  // namespace simplex::agent
