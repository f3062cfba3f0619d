// Queues of a shard: in memory and out of it, changes, and who reads them.
#include <algorithm>

#include "simplex/smp/server/shard.hpp"
#include "notifiers.hpp"
#include "resident_queues.hpp"
#include "services.hpp"

namespace simplex::smp::server {

namespace {

// The store has it, and what is large must not be in memory for every queue that somebody reads.
std::shared_ptr<const LinkData> without_data(const LinkData& link) {
  return std::make_shared<const LinkData>(LinkData{link.id, {}, {}});
}

}  // namespace

Queue* Shard::find(const RecipientId& id) {
  const auto found = queues_.find(id);
  if (found == queues_.end()) return nullptr;
  if (resident_) resident_->touch(*found->second);
  return found->second.get();
}

Queue& Shard::insert(QueueRecord record) {
  const auto id = record.recipient_id;
  services_->index().in_memory(record);
  auto& queue = *queues_.insert_or_assign(id, std::make_unique<Queue>(std::move(record))).first->second;
  queue.counted = calls_;
  if (queue.record.notifier) ++notifiers_in_memory_;
  if (!resident_) return queue;
  if (queue.record.link) queue.record.link = without_data(*queue.record.link);
  resident_->touch(queue);
  // A directory on this shard has the ids of the queues in memory. One on another shard asks the store.
  const auto name = [&](IdKind kind, BytesView name) {
    if (home_of(name) == index_) directory_.insert_or_assign({kind, *DirectoryId::from(name)}, DirectoryEntry{id});
  };
  name(IdKind::sender, queue.record.sender_id.view());
  if (queue.record.link) name(IdKind::link, queue.record.link->id.view());
  if (queue.record.notifier) name(IdKind::notifier, queue.record.notifier->id.view());
  return queue;
}

Queue& Shard::insert(LoadedQueue loaded, std::uint64_t asked) {
  auto& queue = insert(std::move(loaded.record));
  take_messages(queue, std::move(loaded), asked);
  return queue;
}

void Shard::erase(Queue& queue, ClientId by) {
  const auto id = queue.record.recipient_id;
  services_->deleted(queue, by);
  unsubscribe(queue);
  while (!queue.fetchers.empty()) forget_fetcher(queue, queue.fetchers.back().client);
  release_ids(queue.record);
  if (resident_) resident_->forget(queue);
  messages_ -= queue.messages.count();
  if (queue.record.notifier) --notifiers_in_memory_;
  auto node = queues_.extract(id);
  for (auto& each : node.mapped()->deferred) execute(nullptr, std::move(each.request));
}

void Shard::deleted(Queue& queue, ClientId by) {
  ++(queue.record.sender_key ? statistics_.queues_deleted_secured : statistics_.queues_deleted_new);
  ++statistics_.queues_deleted;
  --*settings_.queue_count;
  // The connection of a service is told by erase().
  if (queue.subscriber && !queue.record.service && queue.subscriber->client != by) {
    event(queue.subscriber->client, queue.record.recipient_id, broker::Deld{}, -1);
  }
  erase(queue, by);
}

// Not used by anybody, and kept by the store.
void Shard::evict(Queue& queue) {
  forget_ids(queue.record);
  ++statistics_.dropped_idle_queues;
  if (queue.record.notifier) --notifiers_in_memory_;
  queues_.erase(RecipientId(queue.record.recipient_id));
}

void Shard::change(Queue& queue, StoreRecord record, std::move_only_function<void(Queue&, Result<>)> then) {
  queue.changing = true;
  auto kept = std::make_shared<StoreRecord>(std::move(record));
  const auto* written = kept.get();
  store_->write(*written, [this, id = queue.record.recipient_id, kept = std::move(kept),
                           then = std::move(then)](Result<> stored) mutable {
    auto* changed = find(id);
    if (changed == nullptr) return;  // can't be: other commands wait
    changed->changing = false;
    if (stored && !std::holds_alternative<DeleteQueue>(*kept)) stored = apply(*kept, *changed);
    then(*changed, std::move(stored));
    run_deferred(id);
  });
}

Result<> Shard::apply(const StoreRecord& record, Queue& queue) {
  if (const auto* create = std::get_if<CreateLink>(&record); create != nullptr && resident_) {
    queue.record.link = without_data(create->link);
    return {};
  }
  const bool had_notifier = queue.record.notifier != nullptr;
  auto applied = apply_change(record, queue.record);
  if (had_notifier) --notifiers_in_memory_;
  if (queue.record.notifier) ++notifiers_in_memory_;
  return applied;
}

// ---- readers

void Shard::subscribe(Queue& queue, ClientId client) {
  if (queue.subscriber && queue.subscriber->client == client) return;
  if (queue.subscriber) event(queue.subscriber->client, queue.record.recipient_id, broker::End{}, -1);
  unsubscribe(queue);
  attach(queue, client);
}

void Shard::attach(Queue& queue, ClientId client) {
  auto& of_client = client_queues_[client];
  queue.subscriber = QueueReader{client, {*unacknowledged_, of_client.unacknowledged}};
  auto& first = of_client.first;
  queue.next_of_client = first;
  if (first != nullptr) first->previous_of_client = &queue;
  first = &queue;
}

void Shard::unsubscribe(Queue& queue) {
  if (!queue.subscriber) return;
  if (resident_) resident_->touch(queue);
  const auto client = client_queues_.find(queue.subscriber->client);
  queue.subscriber.reset();
  if (queue.next_of_client != nullptr) queue.next_of_client->previous_of_client = queue.previous_of_client;
  if (queue.previous_of_client != nullptr) {
    queue.previous_of_client->next_of_client = queue.next_of_client;
  } else if (client != client_queues_.end()) {
    client->second.first = queue.next_of_client;
    if (client->second.first == nullptr && client->second.fetched.empty()) client_queues_.erase(client);
  }
  queue.next_of_client = nullptr;
  queue.previous_of_client = nullptr;
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
    if (resident_) resident_->touch(*queue);
    queue = next;
  }
  if (found->second.fetched.empty()) client_queues_.erase(found);
}

void Shard::forget_client(ClientId client) {
  notifiers_->forget_client(client);
  forget_readers(client);
  const auto found = client_queues_.find(client);
  if (found == client_queues_.end()) return;
  for (const auto& id : found->second.fetched) {
    auto* queue = find(id);
    if (queue == nullptr) continue;
    std::erase_if(queue->fetchers, [&](const QueueReader& reader) { return reader.client == client; });
  }
  client_queues_.erase(found);
}

}  // namespace simplex::smp::server
