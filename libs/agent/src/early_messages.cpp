#include "early_messages.hpp"

#include <algorithm>

namespace simplex::agent {

bool EarlyMessages::has_nothing_before(RcvQueueKey other, std::optional<SenderMessageId> number) const {
  const auto held = held_.find(other);
  if (held == held_.end()) return false;
  const auto theirs = held->second.number;
  return !theirs || (number && *theirs >= *number);
}

Result<bool> EarlyMessages::has_to_wait(const Connection& connection, const RcvQueue& queue,
                                        std::optional<SenderMessageId> number) {
  SIMPLEX_ASSIGN(const auto queues, core_.queues.rcv_queues_of(connection.key));
  const bool two = std::ranges::any_of(queues, [](const RcvQueue& each) {
    return each.purpose == QueuePurpose::second || each.purpose == QueuePurpose::second_replacement;
  });
  if (!two) return false;
  const auto& timeouts = core_.config.timeouts;
  const auto now = core_.dependencies.loop.now();
  const auto before = held_.find(queue.key);
  Held held{.conn = connection.key,
            .party = connection,
            .server = queue.server,
            .recipient_id = queue.recipient_id,
            .number = number,
            .since = before != held_.end() ? before->second.since : now,
            .other_heard = before != held_.end() ? before->second.other_heard : now};
  bool others_may_bring = false;
  for (const auto& other : queues) {
    const bool used = other.e2e_key && other.status != QueueStatus::lost;
    if (other.key == queue.key || !used || has_nothing_before(other.key, number)) continue;
    if (subscriptions_.is_active(connection, other.server, other.recipient_id)) {
      SIMPLEX_ASSIGN(const bool application, core_.messages.waits_for_application(other.key));
      others_may_bring |= application || now - held.other_heard < timeouts.other_queue_quiet;
    } else if (now - held.since < timeouts.other_queue_away) {
      held.other_heard = now;
      others_may_bring = true;
    }
  }
  if (others_may_bring) about_to_wait_.emplace(queue.key, std::move(held));
  return others_may_bring;
}

bool EarlyMessages::hold() {
  if (!about_to_wait_) return false;
  const auto queue = about_to_wait_->first;
  auto& held = held_.insert_or_assign(queue, std::move(about_to_wait_->second)).first->second;
  about_to_wait_.reset();
  held.timer =
      core_.dependencies.loop.after(core_.config.timeouts.other_queue_quiet, [this, queue] { ask_again(queue); });
  return true;
}

Result<> EarlyMessages::received(const RcvQueue& queue) {
  if (held_.empty()) return {};
  held_.erase(queue.key);
  std::optional<SenderMessageId> last;
  for (auto& entry : held_) {
    auto& held = entry.second;
    if (held.conn != queue.conn) continue;
    held.other_heard = core_.dependencies.loop.now();
    if (!held.number) continue;
    if (!last) {
      SIMPLEX_ASSIGN(last, core_.connections.last_received(queue.conn));
    }
    if (last->value() + 1 < held.number->value()) continue;
    core_.turn.after_commit([this, key = entry.first] { ask_again(key); });
  }
  return {};
}

void EarlyMessages::ask_again(RcvQueueKey queue) {
  const auto found = held_.find(queue);
  if (found == held_.end()) return;
  found->second.timer.cancel();
  subscriptions_.renew(found->second.party, found->second.server, found->second.recipient_id);
}

void EarlyMessages::stop() {
  held_.clear();
  about_to_wait_.reset();
}

}  // namespace simplex::agent
