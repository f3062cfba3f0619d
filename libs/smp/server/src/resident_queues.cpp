#include "resident_queues.hpp"

namespace simplex::smp::server {

void ResidentQueues::touch(Queue& queue) {
  auto& use = queue.begin_use();
  if (use.touched != QueueUse::not_touched) return;
  use.touched = touched_.size();
  touched_.push_back(&queue);
}

void ResidentQueues::forget(Queue& queue) {
  auto& use = queue.begin_use();
  if (use.touched != QueueUse::not_touched) touched_[use.touched] = nullptr;
  if (queue.idle) unlink(queue);
  octets_ -= use.accounted;
  use.accounted = 0;
}

std::size_t ResidentQueues::settle(const ResidentLimits& limits, const std::function<void(Queue&)>& drop) {
  for (auto* queue : touched_) {
    if (queue == nullptr) continue;
    account(*queue);
    if (queue->idle) unlink(*queue);
    if (queue->unused()) append(*queue);
  }
  while (oldest_ != nullptr && (idle_ > limits.idle_queues || octets_ > limits.octets)) {
    auto& queue = *oldest_;
    forget(queue);
    drop(queue);
  }
  std::size_t released = 0;
  for (auto* queue : touched_) {
    if (queue == nullptr) continue;
    auto& use = queue->begin_use();
    use.touched = QueueUse::not_touched;
    if (octets_ <= limits.octets || use.messages.held().empty()) continue;
    ++released;
    use.messages.release();
    account(*queue);
  }
  touched_.clear();
  return released;
}

bool ResidentQueues::may_send(ClientId client, const Delivery& delivery, bool response, const ResidentLimits& limits) {
  auto& sending = sending_[client];
  const auto id = RecipientId::from(delivery.entity_id.view());
  if (!response && id && sending.octets > limits.queue_octets) {
    sending.postponed.push_back({*id, delivery.message->id});
    return false;
  }
  sending.octets += delivery.message->body.size();
  return true;
}

void ResidentQueues::caught_up(ClientId client) {
  const auto found = sending_.find(client);
  if (found == sending_.end()) return;
  found->second.octets = 0;
  if (found->second.postponed.empty() && found->second.asked == 0) sending_.erase(found);
}

std::optional<ResidentQueues::Postponed> ResidentQueues::next_postponed(ClientId client, const ResidentLimits& limits) {
  constexpr std::size_t at_once = 16;
  const auto found = sending_.find(client);
  if (found == sending_.end()) return std::nullopt;
  auto& sending = found->second;
  if (sending.postponed.empty() || sending.asked >= at_once || sending.octets > limits.queue_octets)
    return std::nullopt;
  auto next = sending.postponed.front();
  sending.postponed.pop_front();
  ++sending.asked;
  return next;
}

void ResidentQueues::asked_done(ClientId client) {
  const auto found = sending_.find(client);
  if (found != sending_.end() && found->second.asked > 0) --found->second.asked;
}

void ResidentQueues::account(Queue& queue) {
  auto& use = queue.begin_use();
  const auto now = queue.octets();
  octets_ += now - use.accounted;
  use.accounted = now;
}

void ResidentQueues::append(Queue& queue) {
  auto& use = queue.begin_use();
  queue.idle = true;
  use.older = newest_;
  use.newer = nullptr;
  (newest_ != nullptr ? newest_->begin_use().newer : oldest_) = &queue;
  newest_ = &queue;
  ++idle_;
}

void ResidentQueues::unlink(Queue& queue) {
  auto& use = queue.begin_use();
  (use.older != nullptr ? use.older->begin_use().newer : oldest_) = use.newer;
  (use.newer != nullptr ? use.newer->begin_use().older : newest_) = use.older;
  use.older = nullptr;
  use.newer = nullptr;
  queue.idle = false;
  --idle_;
}

}  // namespace simplex::smp::server
