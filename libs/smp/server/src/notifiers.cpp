#include "notifiers.hpp"

#include <algorithm>

#include "services.hpp"

namespace simplex::smp::server {
namespace {

constexpr std::size_t sent_together = 512;
constexpr std::size_t asked_together = 256;

ClientId no_client() { return {}; }

}  // namespace

// ---- at the shard of the queue

void Notifiers::subscribe(Queue& queue, const Request& request) {
  const auto& session = request.session->service;
  const auto service = session ? std::optional(session->id()) : std::nullopt;
  const auto before = queue.record.notifier->service;
  const auto go_on = [this, origin = request.origin(), before, service](const NotifierId& notifier) {
    shard_.to_shard(shard_.home_of(notifier.view()), between_shards::ServiceMessage(between_shards::SubscribeNotifier{
                                                         notifier, origin, before, service}));
  };
  if (before == service) return go_on(queue.record.notifier->id);
  shard_.services_->associate(queue, ServiceParty::notifier, session,
                              [this, go_on, origin = request.origin()](Queue& now, std::optional<ErrorType> error) {
                                if (error) return shard_.error(origin, *std::move(error));
                                go_on(now.record.notifier->id);
                              });
}

void Notifiers::notify(const Queue& queue, const StoredMessage& message) {
  const auto* notifier = queue.record.notifier.get();
  if (notifier == nullptr || !message.notification || message.quota) return;
  shard_.to_shard(shard_.home_of(notifier->id.view()),
                  between_shards::ServiceMessage(between_shards::Notify{
                      notifier->id, notifier->service,
                      make_notification(message, notifier->dh_secret, crypto::random_nonce(shard_.random_))}));
}

void Notifiers::handle(between_shards::FindNotifier message) {
  shard_.visit(message.queue, [this, message, life = std::weak_ptr(life_)](Queue* queue) {
    if (life.expired()) return;
    const auto* notifier = queue != nullptr ? queue->record.notifier.get() : nullptr;
    const bool exists = notifier != nullptr && notifier->id == message.notifier;
    shard_.to_shard(message.asker, between_shards::ServiceMessage(between_shards::NotifierFound{
                                       message.notifier, exists, exists ? notifier->service : std::nullopt}));
  });
}

// ---- at the shard of the notifier

Notifiers::Notifier& Notifiers::at(const NotifierId& id) {
  const auto [found, added] = notifiers_.try_emplace(id);
  if (added) found->second.id = &found->first;
  return found->second;
}

void Notifiers::drop_if_unused(Notifier& notifier) {
  if (notifier.subscriber != no_client() || !notifier.pending.empty()) return;
  const auto id = *notifier.id;
  notifiers_.erase(id);
}

void Notifiers::handle(between_shards::Notify message) {
  auto& notifier = at(message.notifier);
  if (notifier.service != message.service) notifier.queued = false;
  notifier.service = message.service;
  notifier.known = true;
  store(notifier, std::move(message.notification));
  enqueue(notifier);
  drop_if_unused(notifier);
}

void Notifiers::store(Notifier& notifier, Notification notification) {
  const auto& settings = shard_.settings_.notifications;
  // What nobody fetches may not keep from those who listen what is theirs: they have as much room again.
  const bool is_read = notifier.service.has_value() || notifier.subscriber != no_client();
  const auto in_all = std::max<std::size_t>(settings.in_all / shard_.shards_, 1) * (is_read ? 2 : 1);
  auto& pending = notifier.pending;
  if (!pending.empty() && (pending.size() >= settings.per_notifier || pending_ >= in_all)) {
    pending.erase(pending.begin());
    --pending_;
    ++shard_.statistics_.notifications_lost;
  }
  if (pending_ >= in_all || settings.per_notifier == 0) {
    ++shard_.statistics_.notifications_lost;
    return;
  }
  pending.push_back(std::move(notification));
  ++pending_;
}

void Notifiers::enqueue(Notifier& notifier) {
  if (notifier.queued || notifier.pending.empty() || !notifier.known) return;
  Reader* reader = nullptr;
  if (notifier.service) {
    reader = &services_[*notifier.service];
  } else if (notifier.subscriber != no_client()) {
    reader = &clients_[notifier.subscriber];
  }
  if (reader == nullptr) return;
  notifier.queued = true;
  reader->ready.push_back(*notifier.id);
}

void Notifiers::link(Notifier& notifier, ClientId client) {
  notifier.subscriber = client;
  auto& first = clients_[client].first;
  notifier.next_of_client = first;
  notifier.previous_of_client = nullptr;
  if (first != nullptr) first->previous_of_client = &notifier;
  first = &notifier;
  ++subscribed_;
}

void Notifiers::unlink(Notifier& notifier) {
  const auto client = notifier.subscriber;
  if (client == no_client()) return;
  if (notifier.next_of_client != nullptr) notifier.next_of_client->previous_of_client = notifier.previous_of_client;
  if (notifier.previous_of_client != nullptr) {
    notifier.previous_of_client->next_of_client = notifier.next_of_client;
  } else {
    clients_[client].first = notifier.next_of_client;
  }
  notifier.next_of_client = nullptr;
  notifier.previous_of_client = nullptr;
  notifier.subscriber = no_client();
  notifier.queued = false;
  --subscribed_;
  drop_reader_if_unused(client);
}

void Notifiers::drop_reader_if_unused(ClientId client) {
  const auto found = clients_.find(client);
  if (found != clients_.end() && found->second.first == nullptr) clients_.erase(found);
}

void Notifiers::handle(between_shards::SubscribeNotifier message) {
  const auto& origin = message.origin;
  const auto id = message.notifier;
  auto& notifier = at(id);
  auto& services = *shard_.services_;
  auto& counts = shard_.statistics_.notifier_services;
  if (!notifier.known || notifier.service != message.after) notifier.queued = false;
  notifier.known = true;
  notifier.service = message.after;
  const bool again = message.before == message.after;
  if (notifier.subscriber != no_client() && (message.after || notifier.subscriber != origin.client)) {
    shard_.hand_over(
        {notifier.subscriber, Answer{CorrId(), EntityId(id.view()), broker::End{}, nullptr}, false, 0, -1});
    unlink(notifier);
  }
  if (message.before && !again) services.end_one(*message.before, id.view(), origin.client, broker::End{});
  if (message.after) {
    const auto taken = services.take(*message.after, origin.client, id.view(), again);
    if (!taken.counted) ++counts.sub_count;
    if (!again || !taken.counted) ++counts.sub_queues;
    ++(again ? counts.assoc_duplicate : message.before ? counts.assoc_updated : counts.assoc_new);
    shard_.answer(origin, broker::Sok{smp::ServiceId(message.after->view())});
  } else {
    if (message.before) ++counts.assoc_removed;
    const bool subscribed = notifier.subscriber == origin.client;
    if (!subscribed) link(notifier, origin.client);
    auto& statistics = shard_.statistics_;
    ++(subscribed ? statistics.notifier_subscriptions_duplicate : statistics.notifier_subscriptions);
    shard_.hand_over({origin.client,
                      Answer{origin.corr_id, origin.entity_id, broker::Sok{}, nullptr, origin.forwarding}, true, 0,
                      static_cast<std::int8_t>(subscribed ? 0 : 1)});
  }
  enqueue(notifier);
  drop_if_unused(notifier);
}

void Notifiers::handle(between_shards::NotifierGone message) {
  const auto found = notifiers_.find(message.notifier);
  if (found != notifiers_.end()) {
    auto& notifier = found->second;
    if (notifier.subscriber != no_client()) {
      shard_.hand_over({notifier.subscriber,
                        Answer{CorrId(), EntityId(message.notifier.view()), broker::Deld{}, nullptr}, false, 0, -1});
      unlink(notifier);
    }
    pending_ -= notifier.pending.size();
    notifiers_.erase(found);
  }
  if (message.service) {
    shard_.services_->end_one(*message.service, message.notifier.view(), message.by, broker::Deld{});
  }
}

void Notifiers::forget_client(ClientId client) {
  in_hand_.erase(client);
  const auto found = clients_.extract(client);
  if (found.empty()) return;
  for (auto* notifier = found.mapped().first; notifier != nullptr;) {
    auto* next = notifier->next_of_client;
    notifier->next_of_client = nullptr;
    notifier->previous_of_client = nullptr;
    notifier->subscriber = no_client();
    notifier->queued = false;
    --subscribed_;
    drop_if_unused(*notifier);
    notifier = next;
  }
}

// ---- delivery

void Notifiers::deliver() {
  ask_whose();
  std::vector<ClientId> readers;
  for (const auto& [client, reader] : clients_) {
    if (!reader.ready.empty()) readers.push_back(client);
  }
  for (const auto client : readers) {
    if (const auto found = clients_.find(client); found != clients_.end()) send(client, found->second, std::nullopt);
  }
  for (auto& [service, reader] : services_) {
    const auto client = shard_.services_->seat(service).client;
    if (client != no_client() && !reader.ready.empty()) send(client, reader, service);
  }
  std::erase_if(services_, [](const auto& each) { return each.second.ready.empty(); });
}

std::vector<Notification> Notifiers::take(const NotifierId& id, ClientId client,
                                          const std::optional<ServiceId>& service) {
  const auto found = notifiers_.find(id);
  if (found == notifiers_.end()) return {};
  auto& notifier = found->second;
  // It may have another reader by now, and stand in that one's list.
  if (!notifier.queued || notifier.service != service || (!service && notifier.subscriber != client)) return {};
  notifier.queued = false;
  auto taken = std::exchange(notifier.pending, {});
  pending_ -= taken.size();
  drop_if_unused(notifier);
  return taken;
}

void Notifiers::send(ClientId client, Reader& reader, const std::optional<ServiceId>& service) {
  if (in_hand_.contains(client)) return;
  std::size_t sent = 0;
  while (!reader.ready.empty() && sent < sent_together) {
    const auto id = reader.ready.front();
    reader.ready.pop_front();
    const auto taken = std::make_shared<const std::vector<Notification>>(take(id, client, service));
    for (const auto& notification : *taken) {
      shard_.hand_over({client,
                        Answer{CorrId(), EntityId(id.view()),
                               broker::Nmsg{notification.nonce, Content(notification.encrypted_meta)}, taken},
                        false, 0});
    }
    sent += taken->size();
  }
  if (sent == 0) return;
  auto& statistics = shard_.statistics_;
  statistics.notifications += sent;
  statistics.notification_batches += sent / 80 + 1;
  in_hand_.emplace(client, service);
  shard_.to_shard(shard_of(client), between_shards::ServiceMessage(between_shards::AskCaughtUp{client, shard_.index_}));
}

void Notifiers::handle(between_shards::CaughtUp message) {
  const auto taken = in_hand_.extract(message.client);
  if (taken.empty()) return;
  const auto& service = taken.mapped();
  if (service) {
    const auto found = services_.find(*service);
    if (found == services_.end() || shard_.services_->seat(*service).client != message.client) return;
    return send(message.client, found->second, service);
  }
  const auto found = clients_.find(message.client);
  if (found != clients_.end()) send(message.client, found->second, std::nullopt);
}

bool Notifiers::expire(std::size_t notifiers) {
  const auto before = seconds_since_epoch(shard_.clock_.wall()) - shard_.settings_.notifications.ttl.count();
  std::size_t seen = 0;
  std::vector<NotifierId> emptied;
  while (seen < notifiers && expiry_bucket_ < notifiers_.bucket_count()) {
    for (auto each = notifiers_.begin(expiry_bucket_); each != notifiers_.end(expiry_bucket_); ++each) {
      ++seen;
      auto& pending = each->second.pending;
      const auto expired = std::erase_if(pending, [&](const auto& one) { return one.sent_at < before; });
      pending_ -= expired;
      shard_.statistics_.notifications_expired += expired;
      if (expired > 0 && pending.empty()) emptied.push_back(each->first);
    }
    ++expiry_bucket_;
    ++seen;
  }
  const bool finished = expiry_bucket_ >= notifiers_.bucket_count();
  for (const auto& id : emptied) {
    const auto found = notifiers_.find(id);
    if (found != notifiers_.end()) drop_if_unused(found->second);
  }
  if (finished) expiry_bucket_ = 0;
  return finished;
}

// ---- start and stop

void Notifiers::restore(NotificationLine line) {
  auto& notifier = at(line.notifier);
  if (notifier.pending.empty() && !notifier.known) unknown_.push_back(line.notifier);
  store(notifier, std::move(line.notification));
  enqueue(notifier);
  drop_if_unused(notifier);
}

void Notifiers::for_each(const std::function<void(const NotifierId&, const Notification&)>& visit) const {
  for (const auto& [id, notifier] : notifiers_) {
    for (const auto& notification : notifier.pending) visit(id, notification);
  }
}

void Notifiers::ask_whose() {
  for (std::size_t asked = 0; asked < asked_together && !unknown_.empty(); ++asked) {
    const auto id = unknown_.front();
    unknown_.pop_front();
    const auto found = notifiers_.find(id);
    if (found == notifiers_.end() || found->second.known) continue;
    shard_.find_queue(IdKind::notifier, *DirectoryId::from(id.view()),
                      [this, id, life = std::weak_ptr(life_)](const Result<std::optional<RecipientId>>& queue) {
                        if (life.expired()) return;
                        if (!queue) return unknown_.push_back(id);  // asked again at the next interval
                        if (!*queue) return handle(between_shards::NotifierFound{id, false, std::nullopt});
                        shard_.to_shard(
                            shard_.home_of((*queue)->view()),
                            between_shards::ServiceMessage(between_shards::FindNotifier{id, **queue, shard_.index_}));
                      });
  }
}

void Notifiers::handle(between_shards::NotifierFound message) {
  const auto found = notifiers_.find(message.notifier);
  // A subscription or a message said it in between.
  if (found == notifiers_.end() || found->second.known) return;
  auto& notifier = found->second;
  if (!message.exists) {
    pending_ -= notifier.pending.size();
    notifiers_.erase(found);
    return;
  }
  notifier.known = true;
  notifier.service = message.service;
  enqueue(notifier);
}

}  // namespace simplex::smp::server
