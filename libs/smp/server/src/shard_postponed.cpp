// Messages whose connections were too slow to take them at once: what is in the store waits there, and not here.
#include "simplex/smp/server/shard.hpp"
#include "resident_queues.hpp"
#include "services.hpp"

namespace simplex::smp::server {

void Shard::caught_up(ClientId client) {
  if (resident_) {
    resident_->caught_up(client);
    deliver_postponed(client);
  }
  services_->caught_up(client);
}

// What is done at once asks for the next one from within: that goes on here, or there would be a call for each.
void Shard::deliver_postponed(ClientId client) {
  const bool goes_on = !catching_up_.empty();
  if (!goes_on || catching_up_.front() != client) catching_up_.push_back(client);
  if (goes_on) return;
  while (!catching_up_.empty()) {
    const auto reader = catching_up_.front();
    if (const auto next = resident_->next_postponed(reader, settings_.resident)) {
      to_shard(home_of(next->queue.view()),
               between_shards::DeliverPostponed{reader, next->queue, next->message, index_});
    } else {
      catching_up_.pop_front();
    }
  }
}

void Shard::handle(between_shards::PostponedDone message) {
  if (!resident_) return;
  resident_->asked_done(message.client);
  deliver_postponed(message.client);
}

void Shard::handle(between_shards::DeliverPostponed message) {
  const auto done = [this, message] { to_shard(message.asker, between_shards::PostponedDone{message.client}); };
  // What is read is in memory: nothing is loaded for a connection that went.
  if (find(message.queue) == nullptr) return done();
  visit(
      message.queue,
      [this, message, done, life = std::weak_ptr(life_)](Queue* queue) {
        if (life.expired()) return;
        if (queue != nullptr) {
          deliver_again(*queue, message);
        } else {
          forget_delivery(message);
        }
        done();
      },
      true);
}

// Nothing is due any more when it was delivered another way, and perhaps acknowledged: the next was sent by itself.
void Shard::deliver_again(Queue& queue, const between_shards::DeliverPostponed& postponed) {
  const auto client = postponed.client;
  if (queue.subscriber != client || !queue.has_delivered()) return;
  auto& use = queue.begin_use();
  if (use.delivered->id != postponed.message) return;
  const bool known = use.messages.knows_first();
  const auto first = known ? use.messages.first() : nullptr;
  if (first && first->id == use.delivered->id) {
    return deliver({client, CorrId(), EntityId(queue.record.recipient_id.view())}, queue, first, false);
  }
  // It is no more, or the store failed: as if it had not been delivered.
  use.delivered.reset();
  if (known) {
    deliver_next(queue);
  } else if (!std::exchange(queue.undelivered, true)) {
    undelivered_.push_back(queue.record.recipient_id);
  }
}

// There was no room to wait for what the queue waits for: it is delivered at the end of that.
void Shard::forget_delivery(const between_shards::DeliverPostponed& postponed) {
  auto* queue = find(postponed.queue);
  if (queue == nullptr || queue->subscriber != postponed.client) return;
  auto& delivered = queue->begin_use().delivered;
  if (!delivered || delivered->id != postponed.message) return;
  delivered.reset();
  services_->return_reader(*queue);
}

}  // namespace simplex::smp::server
