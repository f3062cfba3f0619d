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
    store_.remove_message(queue.record.recipient_id, *first, [](const Result<>&) {});
    if (expiring_ && expires(*first, expiring_->before) && queue.counted < expiring_->issued) {
      if (std::exchange(queue.expiry, expiring_->issued) != expiring_->issued) queue.dropped = 0;
      ++queue.dropped;
    }
    mark_gone(queue, [&](const DeliveredMessage& message) { return message.id == first->id; });
    queue.messages.remove_first();
    ++statistics_.messages_expired;
  }
}

bool Shard::knows_first(Queue& queue) {
  drop_expired(queue);
  return queue.messages.knows_first();
}

void Shard::load_first(Queue& queue, std::move_only_function<void(Queue&, Result<>)> then) {
  queue.changing = true;
  const auto issued = ++calls_;
  store_.load_messages(queue.record.recipient_id, settings_.resident.queue_octets,
                       [this, id = queue.record.recipient_id, issued,
                        then = std::move(then)](Result<std::vector<MessagePtr>> loaded) mutable {
                         auto* filled = find(id);
                         if (filled == nullptr) return;  // can't be: other commands wait
                         filled->changing = false;
                         if (loaded) {
                           filled->undelivered = false;
                           filled->messages.fill(*std::move(loaded));
                           if (filled->messages.count() == 0) filled->counted = issued;
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
  reader.delivered =
      DeliveredMessage{message->id,           message->position, message->sent_at, seconds_since_epoch(clock_.wall()),
                       message->notification, message->quota};
  deliver(origin, queue, message, response);
}

void Shard::stored(Queue& queue, const MessagePtr& message) {
  const auto& limits = settings_.resident;
  services_->lend_reader(queue);
  const bool waits_for_it = queue.subscriber && !queue.subscriber->delivered && queue.messages.count() == 0;
  const bool is_read = queue.subscriber || !queue.fetchers.empty();
  const bool has_room = is_read && queue.messages.octets() + message->body.size() <= limits.queue_octets &&
                        (resident_ == nullptr || resident_->octets() + message->body.size() <= limits.octets);
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
  queue.removal = Removal{message, ++calls_};
  StoredMessage removed;
  removed.id = message.id;
  removed.sent_at = message.sent_at;
  removed.notification = message.notification;
  removed.quota = message.quota;
  removed.position = message.position;
  store_.remove_message(queue.record.recipient_id, removed,
                        [this, id = queue.record.recipient_id, then = std::move(then)](Result<> stored) mutable {
                          auto* changed = find(id);
                          if (changed == nullptr) return;  // can't be: other commands wait
                          const auto removal = *std::exchange(changed->removal, std::nullopt);
                          if (stored && !removal.message.gone) {
                            if (expiring_ && removal.issued > expiring_->issued &&
                                changed->counted < expiring_->issued && expires(removal.message, expiring_->before)) {
                              if (std::exchange(changed->expiry, expiring_->issued) != expiring_->issued) {
                                changed->dropped = 0;
                              }
                              ++changed->dropped;
                            }
                            mark_gone(*changed,
                                      [&](const DeliveredMessage& other) { return other.id == removal.message.id; });
                            changed->messages.remove_first();
                          }
                          then(*changed, std::move(stored));
                          run_deferred(id);
                        });
}

// ---- expiry

void Shard::expire_messages(std::size_t limit, std::move_only_function<void(bool)> done) {
  const auto before = expired_before();
  if (!before || expiring_) return done(true);
  if (!store_.keeps_everything()) return done(expire_in_memory(limit));
  expiring_ = Expiry{++calls_, *before};
  store_.expire(*before, limit, [this, done = std::move(done)](Result<std::vector<Store::Expired>> expired) mutable {
    const auto expiry = *std::exchange(expiring_, std::nullopt);
    if (expired) apply(expiry, *expired);
    done(!expired || expired->empty());
  });
}

void Shard::apply(const Expiry& expiry, const std::vector<Store::Expired>& expired) {
  for (const auto& [id, messages] : expired) {
    statistics_.messages_expired += messages;
    if (const auto lookup = loading_.find(id); lookup != loading_.end() && lookup->second.issued < expiry.issued) {
      lookup->second.stale = true;
    }
    auto* queue = find(id);
    if (queue == nullptr || queue->counted > expiry.issued) continue;
    // Those that were removed here, too, are gone from the count already.
    const auto dropped = queue->expiry == expiry.issued ? queue->dropped : 0;
    statistics_.messages_expired -= std::min(dropped, messages);
    queue->messages.remove_expired(expiry.before, messages - std::min(dropped, messages));
    mark_gone(*queue, [&](const DeliveredMessage& message) { return expires(message, expiry.before); });
    auto& removal = queue->removal;
    if (removal && removal->issued > expiry.issued && expires(removal->message, expiry.before)) {
      removal->message.gone = true;
    }
  }
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
