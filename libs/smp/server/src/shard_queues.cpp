// Queues of a shard: changes, messages, and who reads them.
#include <algorithm>

#include "simplex/smp/server/shard.hpp"
#include "notifiers.hpp"
#include "queue.hpp"
#include "services.hpp"

namespace simplex::smp::server {

Queue* Shard::find(const RecipientId& id) {
  const auto found = queues_.find(id);
  return found == queues_.end() ? nullptr : found->second.get();
}

Queue& Shard::insert(QueueRecord record) {
  const auto id = record.recipient_id;
  services_->index().in_memory(record);
  return *queues_.insert_or_assign(id, std::make_unique<Queue>(std::move(record))).first->second;
}

void Shard::erase(Queue& queue, ClientId by) {
  const auto id = queue.record.recipient_id;
  services_->deleted(queue, by);
  unsubscribe(queue);
  while (!queue.fetchers.empty()) forget_fetcher(queue, queue.fetchers.back().client);
  release_ids(queue.record);
  auto node = queues_.extract(id);
  for (auto& request : node.mapped()->deferred) execute(nullptr, std::move(request));
}

void Shard::change(Queue& queue, StoreRecord record, std::move_only_function<void(Queue&, Result<>)> then) {
  queue.changing = true;
  auto kept = std::make_shared<StoreRecord>(std::move(record));
  const auto* written = kept.get();
  store_.write(*written, [this, id = queue.record.recipient_id, kept = std::move(kept),
                          then = std::move(then)](Result<> stored) mutable {
    auto* changed = find(id);
    if (changed == nullptr) return;  // can't be: other commands wait
    changed->changing = false;
    if (stored && !std::holds_alternative<DeleteQueue>(*kept)) stored = apply_change(*kept, changed->record);
    then(*changed, std::move(stored));
    run_deferred(id);
  });
}

// ---- messages

void Shard::drop_expired(Queue& queue) {
  if (!settings_.message_ttl) return;
  const auto oldest = seconds_since_epoch(clock_.wall()) - settings_.message_ttl->count();
  // The marker of a full queue stays: it is what makes the recipient ask the sender to go on.
  while (!queue.messages.empty() && !queue.messages.front()->quota && queue.messages.front()->sent_at < oldest) {
    store_.remove_message(queue.record.recipient_id, *queue.messages.front(), [](const Result<>&) {});
    pop_message(queue);
  }
}

MessagePtr Shard::first_message(Queue& queue) {
  drop_expired(queue);
  return queue.messages.empty() ? nullptr : queue.messages.front();
}

void Shard::pop_message(Queue& queue) {
  queue.messages.erase(queue.messages.begin());
  if (queue.messages.empty()) queue.messages.shrink_to_fit();
}

void Shard::deliver_next(Queue& queue) {
  services_->lend_reader(queue);
  if (!queue.subscriber || queue.subscriber->delivered) return;
  const auto message = first_message(queue);
  if (!message) return services_->return_reader(queue);
  queue.subscriber->delivered = message->id;
  deliver({queue.subscriber->client, CorrId(), EntityId(queue.record.recipient_id.view())}, queue, message, false);
}

bool Shard::expire_messages(std::size_t queues) {
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

// ---- readers

void Shard::subscribe(Queue& queue, ClientId client) {
  if (queue.subscriber && queue.subscriber->client == client) return;
  if (queue.subscriber) event(queue.subscriber->client, queue.record.recipient_id, broker::End{}, -1);
  unsubscribe(queue);
  attach(queue, client);
}

void Shard::attach(Queue& queue, ClientId client) {
  queue.subscriber = QueueReader{client, std::nullopt};
  auto& first = client_queues_[client].first;
  queue.next_of_client = first;
  if (first != nullptr) first->previous_of_client = &queue;
  first = &queue;
}

void Shard::unsubscribe(Queue& queue) {
  if (!queue.subscriber) return;
  const auto client = client_queues_.find(queue.subscriber->client);
  if (queue.next_of_client != nullptr) queue.next_of_client->previous_of_client = queue.previous_of_client;
  if (queue.previous_of_client != nullptr) {
    queue.previous_of_client->next_of_client = queue.next_of_client;
  } else if (client != client_queues_.end()) {
    client->second.first = queue.next_of_client;
    if (client->second.first == nullptr && client->second.fetched.empty()) client_queues_.erase(client);
  }
  queue.next_of_client = nullptr;
  queue.previous_of_client = nullptr;
  queue.subscriber.reset();
}

void Shard::forget_fetcher(Queue& queue, ClientId client) {
  std::erase_if(queue.fetchers, [&](const QueueReader& reader) { return reader.client == client; });
  const auto found = client_queues_.find(client);
  if (found == client_queues_.end()) return;
  std::erase(found->second.fetched, queue.record.recipient_id);
  if (found->second.first == nullptr && found->second.fetched.empty()) client_queues_.erase(found);
}

void Shard::forget_readers(ClientId client) {
  const auto found = client_queues_.find(client);
  if (found == client_queues_.end()) return;
  for (auto* queue = std::exchange(found->second.first, nullptr); queue != nullptr;) {
    auto* next = queue->next_of_client;
    queue->next_of_client = nullptr;
    queue->previous_of_client = nullptr;
    queue->subscriber.reset();
    queue = next;
  }
  if (found->second.fetched.empty()) client_queues_.erase(found);
}

void Shard::forget_client(ClientId client) {
  notifiers_->forget_client(client);
  forget_readers(client);
  const auto found = client_queues_.extract(client);
  if (found.empty()) return;
  for (const auto& id : found.mapped().fetched) {
    auto* queue = find(id);
    if (queue == nullptr) continue;
    std::erase_if(queue->fetchers, [&](const QueueReader& reader) { return reader.client == client; });
  }
}

}  // namespace simplex::smp::server
