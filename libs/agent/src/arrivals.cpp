#include "arrivals.hpp"

#include <algorithm>

#include "simplex/async/workers.hpp"

namespace simplex::agent {

void Arrivals::add(Relay& relay, const smp::RecipientId& queue, const smp::broker::Msg& message) {
  if (core_.dependencies.workers == nullptr) return receive_(relay, queue, message, std::nullopt);
  arrived_.push_back({&relay, queue, message.id, to_bytes(message.encrypted_body.bytes)});
  if (!posted_) look_again();
}

void Arrivals::stop() {
  arrived_.clear();
  seen_ = 0;
  posted_ = false;
  alive_ = std::make_shared<bool>(true);
}

// As long as each turn of the loop brings more: a session gives out one block in a turn.
void Arrivals::look_again() {
  posted_ = true;
  seen_ = arrived_.size();
  core_.dependencies.loop.post([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    if (arrived_.size() > seen_ && arrived_.size() < most_together) return look_again();
    receive_all();
  });
}

void Arrivals::receive_all() {
  posted_ = false;
  auto arrived = std::exchange(arrived_, {});
  if (arrived.size() > 1) open_ahead(arrived);
  const std::weak_ptr alive = alive_;
  for (auto& each : arrived) {
    receive_(*each.relay, each.queue, each.message(), std::move(each.layers));
    if (alive.expired()) return;
  }
}

void Arrivals::open_ahead(std::vector<Arrived>& arrived) {
  std::vector<std::optional<LayerKeys>> keys;
  std::vector<ConnKey> before;
  for (const auto& each : arrived) {
    auto found = keys_for(each, before);
    keys.push_back(found ? std::move(*found) : std::nullopt);  // a broken database shows itself again
  }
  core_.dependencies.workers->for_each(arrived.size(), [&](std::size_t i) {
    if (keys[i]) arrived[i].layers = take_off(arrived[i].message(), std::move(*keys[i]));
  });
}

Result<std::optional<LayerKeys>> Arrivals::keys_for(const Arrived& arrived, std::vector<ConnKey>& before) {
  SIMPLEX_ASSIGN(auto queue, core_.queues.rcv_queue(arrived.relay->name(), arrived.queue));
  if (!queue) return std::nullopt;
  LayerKeys keys{std::move(queue->relay_key), std::move(queue->e2e_key), std::nullopt};
  if (keys.e2e && std::ranges::find(before, queue->conn) == before.end()) {
    before.push_back(queue->conn);
    SIMPLEX_ASSIGN(keys.ratchet, core_.ratchets.ahead(queue->conn));
  }
  return keys;
}

}  // namespace simplex::agent
