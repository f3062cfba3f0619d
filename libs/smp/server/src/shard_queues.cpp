// Queues of a shard: in memory and out of it, changes, and who reads them.
#include <algorithm>

#include "simplex/smp/server/shard.hpp"
#include "directory.hpp"
#include "notifiers.hpp"
#include "queue_table.hpp"
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
  auto* found = queues_->find(id);
  if (found != nullptr && resident_) resident_->touch(*found);
  return found;
}

Queue& Shard::insert(QueueRecord record) {
  services_->index().in_memory(record);
  auto& queue = queues_->insert(std::move(record));
  const auto& id = queue.record.recipient_id;
  if (queue.record.notifier) ++notifiers_in_memory_;
  // A directory on this shard has the ids of the queues in memory. One on another shard asks the store.
  if (const auto& sender = queue.record.sender_id; home_of(sender.view()) == index_) {
    const auto known = directory_->find({IdKind::sender, *DirectoryId::from(sender.view())});
    if (resident_ || !known || known.queue() == id) directory_->own(queue);
  }
  if (!resident_) return queue;
  queue.begin_use().counted = calls_;
  if (queue.record.link) queue.record.link = without_data(*queue.record.link);
  resident_->touch(queue);
  const auto name = [&](IdKind kind, BytesView name) {
    if (home_of(name) == index_) directory_->set({kind, *DirectoryId::from(name)}, id);
  };
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
  services_->deleted(queue, by);
  unsubscribe(queue);
  while (!queue.use().fetchers.empty()) forget_fetcher(queue, queue.use().fetchers.back().client);
  release_ids(queue.record);
  directory_->disown(queue);
  if (resident_) resident_->forget(queue);
  messages_ -= queue.use().messages.count();
  if (queue.record.notifier) --notifiers_in_memory_;
  const auto erased = queues_->extract(queue);
  if (auto* use = erased->use_or_null()) {
    for (auto& each : use->deferred) execute(nullptr, std::move(each.request));
  }
}

void Shard::deleted(Queue& queue, ClientId by) {
  ++(queue.record.sender_key ? statistics_.queues_deleted_secured : statistics_.queues_deleted_new);
  ++statistics_.queues_deleted;
  --*settings_.queue_count;
  // The connection of a service is told by erase().
  if (queue.is_subscribed() && !queue.record.service && queue.subscriber != by) {
    event(queue.subscriber, queue.record.recipient_id, broker::Deld{}, -1);
  }
  erase(queue, by);
}

// Not used by anybody, and kept by the store.
void Shard::evict(Queue& queue) {
  forget_ids(queue.record);
  directory_->disown(queue);
  ++statistics_.dropped_idle_queues;
  if (queue.record.notifier) --notifiers_in_memory_;
  (void)queues_->extract(queue);
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
  if (queue.subscriber == client) return;
  if (queue.is_subscribed()) event(queue.subscriber, queue.record.recipient_id, broker::End{}, -1);
  unsubscribe(queue);
  attach(queue, client);
}

void Shard::attach(Queue& queue, ClientId client) {
  queue.subscriber = client;
  auto& first = client_queues_[client].first;
  queue.next_of_client = first;
  if (first != nullptr) first->previous_of_client = &queue;
  first = &queue;
}

void Shard::unsubscribe(Queue& queue) {
  if (!queue.is_subscribed()) return;
  if (resident_) resident_->touch(queue);
  if (auto* use = queue.use_or_null()) use->delivered = PendingDelivery();
  const auto client = client_queues_.find(std::exchange(queue.subscriber, ClientId()));
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
  std::erase_if(queue.begin_use().fetchers, [&](const QueueReader& reader) { return reader.client == client; });
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
    queue->subscriber = ClientId();
    if (auto* use = queue->use_or_null()) use->delivered = PendingDelivery();
    if (resident_) {
      resident_->touch(*queue);
    } else {
      queue->end_use();
    }
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
    std::erase_if(queue->begin_use().fetchers, [&](const QueueReader& reader) { return reader.client == client; });
    if (!resident_) queue->end_use();
  }
  client_queues_.erase(found);
}

}  // namespace simplex::smp::server
