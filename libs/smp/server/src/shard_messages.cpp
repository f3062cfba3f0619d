// Messages of a queue: which are in memory, delivery, acknowledgement, expiry.
#include <algorithm>

#include "simplex/smp/server/shard.hpp"
#include "resident_queues.hpp"
#include "services.hpp"

namespace simplex::smp::server {
namespace {

// Nobody needs to remove it any more.
void mark_gone(Queue& queue, const auto& is_gone) {
  const auto mark = [&](QueueReader& reader) {
    if (reader.delivered && is_gone(*reader.delivered)) reader.delivered->gone = true;
  };
  if (queue.subscriber) mark(*queue.subscriber);
  for (auto& fetcher : queue.fetchers) mark(fetcher);
}

// What is delivered is the first message, as long as it is there at all.
void mark_older_gone(Queue& queue) {
  const auto first = queue.messages.first();
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
  if (!before || queue.removal) return;
  // The marker of a full queue stays: it is what makes the recipient ask the sender to go on.
  for (auto first = queue.messages.first(); first && expires(*first, *before); first = queue.messages.first()) {
    store_->remove_message(queue.record.recipient_id, *first, [](const Result<>&) {});
    mark_gone(queue, [&](const DeliveredMessage& message) { return message.id == first->id; });
    queue.messages.remove_first();
    --messages_;
    // The sweep counts those of its time, which may be here still.
    if (first->sent_at >= swept_before_) ++statistics_.messages_expired;
  }
}

bool Shard::knows_first(Queue& queue) {
  drop_expired(queue);
  return queue.messages.knows_first();
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
          filled->messages.fill(*std::move(loaded));
          mark_older_gone(*filled);
        }
        then(*filled, loaded ? Result<>() : Result<>(std::unexpected(std::move(loaded.error()))));
        run_deferred(id);
      });
}

// ---- delivery

void Shard::deliver_next(Queue& queue) {
  if (queue.removal || queue.undelivered) return;
  services_->lend_reader(queue);
  if (!queue.subscriber || queue.subscriber->delivered) return;
  if (!knows_first(queue)) {
    if (queue.changing) return;  // at the end of the change it is tried again
    return load_first(queue, [this](Queue& loaded, const Result<>& result) {
      // Not at once again what just failed.
      if (result || std::exchange(loaded.undelivered, true)) return;
      undelivered_.push_back(loaded.record.recipient_id);
    });
  }
  const auto message = queue.messages.first();
  if (!message) return services_->return_reader(queue);
  const Origin to{queue.subscriber->client, CorrId(), EntityId(queue.record.recipient_id.view())};
  hand_out(to, queue, *queue.subscriber, message, false);
}

void Shard::hand_out(const Origin& origin, Queue& queue, QueueReader& reader, const MessagePtr& message,
                     bool response) {
  reader.delivered.set({message->id, message->position, message->sent_at, seconds_since_epoch(clock_.wall()),
                        message->notification, message->quota});
  deliver(origin, queue, message, response);
}

void Shard::stored(Queue& queue, const MessagePtr& message) {
  const auto& limits = settings_.resident;
  services_->lend_reader(queue);
  const bool waits_for_it = queue.subscriber && !queue.subscriber->delivered && queue.messages.count() == 0;
  const bool is_read = queue.subscriber || !queue.fetchers.empty();
  const bool has_room = is_read && queue.messages.octets() + message->body.size() <= limits.queue_octets &&
                        (resident_ == nullptr || resident_->octets() + message->body.size() <= limits.octets);
  ++messages_;
  queue.messages.add(message, resident_ == nullptr || waits_for_it || has_room);
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
  queue.removal = message;
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
                           const auto removal = *std::exchange(changed->removal, std::nullopt);
                           if (stored) {
                             mark_gone(*changed, [&](const DeliveredMessage& other) { return other.id == removal.id; });
                             changed->messages.remove_first();
                             --messages_;
                           }
                           then(*changed, std::move(stored));
                           run_deferred(id);
                         });
}

// ---- expiry

void Shard::expire_messages(std::size_t limit, std::move_only_function<void(bool)> done) {
  const auto before = expired_before();
  if (!before || sweeping_) return done(true);
  if (!store_.keeps_everything()) return done(expire_in_memory(limit));
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
    if (const auto found = queues_.find(id); found != queues_.end()) found->second->lost = true;
  }
}

bool Shard::is_counted(const Queue& queue) const { return !queue.lost && queue.counted >= sweep_failed_; }

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
  queue.counted = asked;
  queue.messages = MessageWindow(std::move(loaded.messages), loaded.message_count, queue.next_position);
  mark_older_gone(queue);
}

bool Shard::expire_in_memory(std::size_t queues) {
  std::size_t seen = 0;
  while (seen < queues) {
    if (expiry_bucket_ >= queues_.bucket_count()) {
      expiry_bucket_ = 0;
      return true;
    }
    for (auto queue = queues_.begin(expiry_bucket_); queue != queues_.end(expiry_bucket_); ++queue) {
      drop_expired(*queue->second);
      ++seen;
    }
    ++expiry_bucket_;
    ++seen;
  }
  return false;
}

}  // namespace simplex::smp::server
