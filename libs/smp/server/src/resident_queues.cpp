#include "resident_queues.hpp"

namespace simplex::smp::server {

void ResidentQueues::touch(Queue& queue) {
  if (queue.touched != Queue::not_touched) return;
  queue.touched = touched_.size();
  touched_.push_back(&queue);
}

void ResidentQueues::forget(Queue& queue) {
  if (queue.touched != Queue::not_touched) touched_[queue.touched] = nullptr;
  if (queue.idle) unlink(queue);
  octets_ -= queue.accounted;
  queue.accounted = 0;
}

void ResidentQueues::settle(const ResidentLimits& limits, const std::function<void(Queue&)>& drop) {
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
  for (auto* queue : touched_) {
    if (queue == nullptr) continue;
    queue->touched = Queue::not_touched;
    if (octets_ <= limits.octets) continue;
    queue->messages.release();
    account(*queue);
  }
  touched_.clear();
}

bool ResidentQueues::may_send(ClientId client, const Delivery& delivery, bool response, const ResidentLimits& limits) {
  auto& sending = sending_[client];
  const auto id = RecipientId::from(delivery.entity_id.view());
  if (!response && id && sending.octets > limits.queue_octets) {
    sending.postponed.push_back(*id);
    return false;
  }
  sending.octets += delivery.message->body.size();
  return true;
}

std::vector<RecipientId> ResidentQueues::caught_up(ClientId client) {
  const auto found = sending_.find(client);
  if (found == sending_.end()) return {};
  constexpr std::size_t at_once = 16;
  auto& postponed = found->second.postponed;
  const auto end = postponed.begin() + static_cast<std::ptrdiff_t>(std::min(at_once, postponed.size()));
  std::vector<RecipientId> now(postponed.begin(), end);
  postponed.erase(postponed.begin(), end);
  found->second.octets = 0;
  if (postponed.empty()) sending_.erase(found);
  return now;
}

void ResidentQueues::account(Queue& queue) {
  const auto now = queue.octets();
  octets_ += now - queue.accounted;
  queue.accounted = now;
}

void ResidentQueues::append(Queue& queue) {
  queue.idle = true;
  queue.older = newest_;
  queue.newer = nullptr;
  (newest_ != nullptr ? newest_->newer : oldest_) = &queue;
  newest_ = &queue;
  ++idle_;
}

void ResidentQueues::unlink(Queue& queue) {
  (queue.older != nullptr ? queue.older->newer : oldest_) = queue.newer;
  (queue.newer != nullptr ? queue.newer->older : newest_) = queue.older;
  queue.older = nullptr;
  queue.newer = nullptr;
  queue.idle = false;
  --idle_;
}

}  // namespace simplex::smp::server
