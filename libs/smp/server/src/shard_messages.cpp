// Messages of a queue: which are in memory, delivery, acknowledgement, expiry.
#include <algorithm>

#include "simplex/smp/server/shard.hpp"
#include "queue_table.hpp"
#include "resident_queues.hpp"
#include "services.hpp"

namespace simplex::smp::server {
namespace {

// Nobody needs to remove it any more.
void mark_gone(Queue& queue, const auto& is_gone) {
  auto* use = queue.use_or_null();
  if (use == nullptr) return;
  const auto mark = [&](PendingDelivery& delivered) {
    if (delivered && is_gone(*delivered)) delivered->gone = true;
  };
  mark(use->delivered);
  for (auto& fetcher : use->fetchers) mark(fetcher.delivered);
}

// What is delivered is the first message, as long as it is there at all.
void mark_older_gone(Queue& queue) {
  const auto first = queue.use().messages.first();
  mark_gone(queue, [&](const DeliveredMessage& message) { return !first || message.id != first->id; });
}

bool expires(const auto& message, std::int64_t before) { return !message.quota && message.sent_at < before; }

}  // namespace

// ---- the first message

std::optional<std::int64_t> Shard::expired_before() const {
  if (!settings_.message_ttl) return std::nullopt;
  return seconds_since_epoch(clock_.wall()) - settings_.message_ttl->count();
}

void Shard::drop_expired(Queue& queue) {
  const auto before = expired_before();
  auto* use = queue.use_or_null();
  if (!before || use == nullptr || use->removal) return;
  // The marker of a full queue stays: it is what makes the recipient ask the sender to go on.
  auto& messages = use->messages;
  for (auto first = messages.first(); first && expires(*first, *before); first = messages.first()) {
    store_->remove_message(queue.record.recipient_id, *first, [](const Result<>&) {});
    mark_gone(queue, [&](const DeliveredMessage& message) { return message.id == first->id; });
    messages.remove_first();
    --messages_;
    // The sweep counts those of its time, which may be here still.
    if (first->sent_at >= swept_before_) ++statistics_.messages_expired;
  }
}

bool Shard::knows_first(Queue& queue) {
  drop_expired(queue);
  return queue.use().messages.knows_first();
}

void Shard::load_first(Queue& queue, std::move_only_function<void(Queue&, Result<>)> then) {
  queue.changing = true;
  store_->load_messages(
      queue.record.recipient_id, settings_.resident.queue_octets,
      [this, id = queue.record.recipient_id, then = std::move(then)](Result<std::vector<MessagePtr>> loaded) mutable {
        auto* filled = find(id);
        if (filled == nullptr) return;  // can't be: other commands wait
        filled->changing = false;
        if (loaded) {
          filled->undelivered = false;
          filled->begin_use().messages.fill(*std::move(loaded));
          mark_older_gone(*filled);
        }
        then(*filled, loaded ? Result<>() : Result<>(std::unexpected(std::move(loaded.error()))));
        run_deferred(id);
      });
}

// ---- delivery

void Shard::deliver_next(Queue& queue) {
  if (queue.use().removal || queue.undelivered) return;
  services_->lend_reader(queue);
  if (!queue.is_subscribed() || queue.has_delivered()) return;
  if (!knows_first(queue)) {
    if (queue.changing) return;  // at the end of the change it is tried again
    return load_first(queue, [this](Queue& loaded, const Result<>& result) {
      // Not at once again what just failed.
      if (result || std::exchange(loaded.undelivered, true)) return;
      undelivered_.push_back(loaded.record.recipient_id);
    });
  }
  const auto message = queue.use().messages.first();
  if (!message) return services_->return_reader(queue);
  hand_out({queue.subscriber, CorrId(), EntityId(queue.record.recipient_id.view())}, queue, message, false);
}

void Shard::hand_out(const Origin& origin, Queue& queue, PendingDelivery& pending, const MessagePtr& message,
                     bool response) {
  pending.set({message->id, message->position, message->sent_at, seconds_since_epoch(clock_.wall()),
               message->notification, message->quota});
  deliver(origin, queue, message, response);
}

void Shard::hand_out(const Origin& origin, Queue& queue, const MessagePtr& message, bool response) {
  auto& pending = queue.begin_use().delivered;
  if (!pending.is_of_somebody()) {
    pending = PendingDelivery(*unacknowledged_, client_queues_.at(queue.subscriber).unacknowledged);
  }
  hand_out(origin, queue, pending, message, response);
}

void Shard::stored(Queue& queue, const MessagePtr& message) {
  const auto& limits = settings_.resident;
  services_->lend_reader(queue);
  auto& use = queue.begin_use();
  const bool waits_for_it = queue.is_subscribed() && !use.delivered && use.messages.count() == 0;
  const bool is_read = queue.is_subscribed() || !use.fetchers.empty();
  const bool has_room = is_read && use.messages.octets() + message->body.size() <= limits.queue_octets &&
                        (resident_ == nullptr || resident_->octets() + message->body.size() <= limits.octets);
  ++messages_;
  use.messages.add(message, resident_ == nullptr || waits_for_it || has_room);
  deliver_next(queue);
}

void Shard::retry() {
  for (const auto& id : std::exchange(undelivered_, {})) {
    auto* queue = find(id);
    if (queue == nullptr || !queue->undelivered) continue;
    queue->undelivered = false;
    deliver_next(*queue);
  }
}

// ---- acknowledgement

void Shard::remove_acknowledged(Queue& queue, const DeliveredMessage& message,
                                std::move_only_function<void(Queue&, Result<>)> then) {
  if (message.gone) return then(queue, {});
  queue.begin_use().removal = message;
  StoredMessage removed;
  removed.id = message.id;
  removed.sent_at = message.sent_at;
  removed.notification = message.notification;
  removed.quota = message.quota;
  removed.position = message.position;
  store_->remove_message(queue.record.recipient_id, removed,
                         [this, id = queue.record.recipient_id, then = std::move(then)](Result<> stored) mutable {
                           auto* changed = find(id);
                           if (changed == nullptr) return;  // can't be: other commands wait
                           auto& use = changed->begin_use();
                           const auto removal = *std::exchange(use.removal, std::nullopt);
                           if (stored) {
                             mark_gone(*changed, [&](const DeliveredMessage& other) { return other.id == removal.id; });
                             use.messages.remove_first();
                             --messages_;
                           }
                           then(*changed, std::move(stored));
                           run_deferred(id);
                         });
}

// ---- expiry

void Shard::expire_messages(std::size_t limit, std::move_only_function<void(bool)> done) {
  const auto before = expired_before();
  if (!store_.keeps_everything()) return done(expire_in_memory(limit));
  if (!before || sweeping_) return done(true);
  sweeping_ = true;
  swept_before_ = *before;
  store_->expire(*before, limit, [this, done = std::move(done)](Result<std::vector<Store::Expired>> removed) mutable {
    sweeping_ = false;
    if (removed) {
      expired(*removed);
    } else {
      sweep_failed_ = ++calls_;
      swept_before_ = 0;
    }
    done(!removed || removed->empty());
  });
}

// The messages that it removed stay in the window: they have expired for this shard, too, and are not delivered.
void Shard::expired(const std::vector<Store::Expired>& queues) {
  for (const auto& [id, messages] : queues) {
    statistics_.messages_expired += messages;
    if (const auto lookup = loading_.find(id); lookup != loading_.end()) lookup->second.stale = true;
    if (auto* queue = queues_->find(id)) queue->lost = true;
  }
}

bool Shard::is_counted(const Queue& queue) const { return !queue.lost && queue.use().counted >= sweep_failed_; }

void Shard::recount(Queue& queue, std::move_only_function<void(Queue&, Result<>)> then) {
  queue.changing = true;
  queue.lost = false;
  store_->load(queue.record.recipient_id, [this, id = queue.record.recipient_id, asked = ++calls_,
                                           then = std::move(then)](Result<std::optional<LoadedQueue>> loaded) mutable {
    auto* counted = find(id);
    if (counted == nullptr) return;  // can't be: other commands wait
    counted->changing = false;
    Result<> result;
    if (!loaded) {
      result = std::unexpected(std::move(loaded.error()));
    } else if (!*loaded) {
      result = fail(ErrorKind::not_found, "the store has no such queue");
    }
    if (result) {
      take_messages(*counted, std::move(**loaded), asked);
    } else {
      counted->lost = true;
    }
    then(*counted, std::move(result));
    run_deferred(id);
  });
}

void Shard::take_messages(Queue& queue, LoadedQueue loaded, std::uint64_t asked) {
  queue.next_position = std::max(queue.next_position, loaded.next_position);
  queue.full = loaded.full;
  auto& use = queue.begin_use();
  use.counted = asked;
  use.messages = MessageWindow(std::move(loaded.messages), loaded.message_count, queue.next_position);
  mark_older_gone(queue);
}

bool Shard::expire_in_memory(std::size_t queues) {
  std::size_t seen = 0;
  while (seen < queues) {
    expiry_place_ = queues_->walk(expiry_place_, [&](Queue& queue) {
      drop_expired(queue);
      queue.end_use_if_old();
      ++seen;
    });
    if (expiry_place_ == 0) return true;
    ++seen;
  }
  return false;
}

}  // namespace simplex::smp::server
