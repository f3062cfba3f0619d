// Ids: which shard an id belongs to, making new ones, and the directories that keep them unique.
#include <algorithm>

#include "simplex/crypto/hash.hpp"
#include "simplex/smp/server/shard.hpp"

#include "command_run.hpp"
#include "directory.hpp"
#include "services.hpp"

namespace simplex::smp::server {

RecipientId Shard::new_recipient_id() {
  while (true) {
    const auto id = *RecipientId::from(random_.bytes(settings_.queue_id_octets));
    if (home_of(id.view()) == index_ && find(id) == nullptr) return id;
  }
}

DirectoryId Shard::new_id(IdKind kind) {
  while (true) {
    const auto id = *DirectoryId::from(random_.bytes(settings_.queue_id_octets));
    if (home_of(id.view()) == index_ && !directory_->find({kind, id})) return id;
  }
}

bool Shard::take_id(IdKind kind, const DirectoryId& id, const RecipientId& queue) {
  const auto [found, added] = directory_->add({kind, id}, queue);
  return added || found.queue() == queue;
}

void Shard::take_chosen_id(IdKind kind, const DirectoryId& id, const RecipientId& queue,
                           std::move_only_function<void(Reservation)> then) {
  const DirectoryKey key{kind, id};
  const auto [found, added] = directory_->add(key, queue);
  if (!added) {
    if (found.queue() == queue) return then(Reservation::granted);
    // What is remembered may be old: the store knows.
    if (found.entry == nullptr || !found.entry->remembered) return then(Reservation::taken);
    directory_->set(key, queue);
  }
  if (!store_.keeps_everything()) return then(Reservation::granted);
  if (const auto lookup = finding_.find(key); lookup != finding_.end()) lookup->second.stale = true;
  store_->find(kind, id,
               [this, key, queue, then = std::move(then)](const Result<std::optional<RecipientId>>& holder) mutable {
                 if (holder && (!*holder || **holder == queue)) return then(Reservation::granted);
                 handle(between_shards::Release{key.kind, key.id, queue});
                 then(holder ? Reservation::taken : Reservation::failed);
               });
}

void Shard::reserve(IdKind kind, const DirectoryId& id, const RecipientId& queue,
                    std::move_only_function<void(Reservation)> then) {
  const auto directory = home_of(id.view());
  if (directory == index_) return take_chosen_id(kind, id, queue, std::move(then));
  const auto token = next_token_++;
  reservations_.emplace(token, std::move(then));
  to_shard(directory, between_shards::Reserve{kind, id, queue, index_, token});
}

void Shard::release(IdKind kind, BytesView id, const RecipientId& queue) {
  const auto name = DirectoryId::from(id);
  if (name) to_shard(home_of(id), between_shards::Release{kind, *name, queue});
}

void Shard::kept(IdKind kind, BytesView id, const RecipientId& queue) {
  if (resident_ && home_of(id) != index_) {
    to_shard(home_of(id), between_shards::Kept{kind, *DirectoryId::from(id), queue});
  }
}

void Shard::forget_ids(const QueueRecord& record) {
  const auto forget = [&](IdKind kind, BytesView id) {
    if (home_of(id) == index_) handle(between_shards::Release{kind, *DirectoryId::from(id), record.recipient_id});
  };
  forget(IdKind::sender, record.sender_id.view());
  if (record.link) forget(IdKind::link, record.link->id.view());
  if (record.notifier) forget(IdKind::notifier, record.notifier->id.view());
}

void Shard::handle(between_shards::Reserve message) {
  take_chosen_id(message.kind, message.id, message.queue,
                 [this, asker = message.asker, token = message.token](Reservation outcome) {
                   to_shard(asker, between_shards::Reserved{token, outcome});
                 });
}

void Shard::handle(between_shards::Reserved message) {
  auto waiting = reservations_.extract(message.token);
  if (!waiting.empty()) waiting.mapped()(message.outcome);
}

void Shard::handle(between_shards::Kept message) {
  const DirectoryKey key{message.kind, message.id};
  const auto* entry = directory_->find(key).entry;
  if (entry == nullptr || entry->queue != message.queue || entry->remembered) return;
  if (settings_.resident.remembered_ids == 0) {
    directory_->erase(key);
  } else {
    remember(key, message.queue);
  }
}

void Shard::handle(between_shards::Release message) {
  const DirectoryKey key{message.kind, message.id};
  if (const auto lookup = finding_.find(key); lookup != finding_.end()) lookup->second.stale = true;
  const auto found = directory_->find(key);
  if (found && found.queue() == message.queue) directory_->erase(key);
}

// A queue on its way to be created: ids that a client chose may belong to directories of other shards.
struct Creation {
  Origin origin;
  QueueRecord record;
  broker::Ids answer;
  bool subscribe = false;
  std::shared_ptr<const ServiceSession> service;  // that the queue will belong to
};

void Shard::create_queue(const Request& request, const command::New& create) {
  const auto& params = request.session->params();
  if (!verify(params, request.received, create.recipient_key, request.session->key_or_null(),
              Services::signed_with(*request.session, request.received))) {
    return error(request.origin(), errors::Auth{});
  }
  if (!settings_.new_queues || (settings_.password && create.password != settings_.password)) {
    return error(request.origin(), errors::Auth{});
  }
  const auto& service = request.session->service;
  if (service && create.subscription == SubscriptionMode::only_create) {
    return error(request.origin(), CommandError::prohibited);
  }
  if (settings_.queues > 0 && *settings_.queue_count >= settings_.queues) {
    ++statistics_.refused_queues_in_all;
    return error(request.origin(), errors::Quota{});
  }
  const auto client = clients_.find(request.client);
  if (client != clients_.end() && !client->second.use.new_queue(settings_.use, clock_.now())) {
    ++statistics_.refused_queues_of_connection;
    return error(request.origin(), errors::Quota{});
  }
  const auto ours = crypto::generate_x25519(random_);
  auto secret = crypto::dh(create.recipient_dh_key, ours.private_key);
  if (!secret) return error(request.origin(), errors::Auth{});

  auto creation = std::make_shared<Creation>();
  creation->origin = request.origin();
  creation->subscribe = create.subscription == SubscriptionMode::subscribe;
  auto& record = creation->record;
  record.recipient_id = new_recipient_id();
  record.recipient_keys = {create.recipient_key};
  record.dh_secret = std::move(*secret);
  record.mode = create.queue_mode();
  record.updated = date_of(seconds_since_epoch(clock_.wall()));

  // Link data comes with a sender id that the client chose. It must follow from the correlation id, or NEW would tell
  // whether an id is in use.
  const smp::SenderId* chosen_sender = nullptr;
  const QueueLinkData* data = nullptr;
  std::optional<LinkId> link_id;
  if (create.mode) {
    if (const auto* messaging = std::get_if<command::New::Messaging>(&*create.mode); messaging && messaging->link) {
      chosen_sender = &messaging->link->sender_id;
      data = &messaging->link->data;
      link_id = LinkId::from(new_id(IdKind::link).view());
    }
    if (const auto* contact = std::get_if<command::New::Contact>(&*create.mode); contact && contact->link) {
      chosen_sender = &contact->link->sender_id;
      data = &contact->link->data;
      link_id = LinkId::from(contact->link->link_id.view());
    }
  }
  if (chosen_sender != nullptr) {
    if (client != clients_.end() && !client->second.use.link_change(settings_.use, clock_.now())) {
      ++statistics_.refused_link_changes;
      return error(request.origin(), errors::Quota{});
    }
    const auto allowed = crypto::sha3_384(request.received.corr_id.view());
    if (!link_id || !std::ranges::equal(chosen_sender->view(), allowed.view().first(queue_id_size))) {
      return error(request.origin(), CommandError::prohibited);
    }
    record.sender_id = *SenderId::from(chosen_sender->view());
    record.link =
        std::make_shared<const LinkData>(LinkData{*link_id, to_bytes(data->fixed.bytes), to_bytes(data->user.bytes)});
  } else {
    record.sender_id = *SenderId::from(new_id(IdKind::sender).view());
  }

  auto& ids = creation->answer;
  creation->service = service;
  if (service) {
    record.service = service->id();
    ids.service_id = smp::ServiceId(service->id().view());
  }
  if (create.notifier) {
    const auto pair = crypto::generate_x25519(random_);
    auto notifier_secret = crypto::dh(create.notifier->dh_key, pair.private_key);
    if (!notifier_secret) return error(request.origin(), errors::Auth{});
    const auto name = new_id(IdKind::notifier);
    if (!take_id(IdKind::notifier, name, record.recipient_id)) return error(request.origin(), errors::Internal{});
    record.notifier = std::make_unique<NotifierCredentials>(NotifierCredentials{
        *NotifierId::from(name.view()), create.notifier->auth_key, std::move(*notifier_secret), std::nullopt});
    ids.notifier = broker::Ids::Notifier{smp::NotifierId(name.view()), pair.public_key};
  }
  ids.recipient_id = smp::RecipientId(record.recipient_id.view());
  ids.sender_id = smp::SenderId(record.sender_id.view());
  ids.relay_dh_key = ours.public_key;
  ids.mode = record.mode;
  if (link_id) ids.link_id = smp::LinkId(link_id->view());

  reserve(IdKind::sender, *DirectoryId::from(record.sender_id.view()), record.recipient_id,
          [this, creation](Reservation sender) {
            if (sender != Reservation::granted) {
              creation->record.sender_id = {};
              creation->record.link = nullptr;
              return abandon(*creation, sender);
            }
            const auto& link = creation->record.link;
            if (!link) return store_new_queue(creation);
            reserve(IdKind::link, *DirectoryId::from(link->id.view()), creation->record.recipient_id,
                    [this, creation](Reservation granted) {
                      if (granted == Reservation::granted) return store_new_queue(creation);
                      creation->record.link = nullptr;
                      abandon(*creation, granted);
                    });
          });
}

void Shard::store_new_queue(const std::shared_ptr<Creation>& creation) {
  if (const auto service = std::exchange(creation->service, nullptr)) {
    return services_->store_service(service->service, [this, creation](std::optional<ErrorType> refused) {
      if (refused) return abandon(*creation, *std::move(refused));
      store_new_queue(creation);
    });
  }
  auto record = std::make_shared<StoreRecord>(CreateQueue{std::move(creation->record)});
  const auto& written = *record;
  store_->write(written, [this, creation, record](const Result<>& stored) {
    creation->record = std::move(std::get<CreateQueue>(*record).queue);
    // A command with an id that the client chose may have come before, and loaded it.
    auto* queue = find(creation->record.recipient_id);
    if (!stored) {
      if (queue != nullptr) erase(*queue);
      return abandon(*creation, stored.error().kind == ErrorKind::conflict ? ErrorType(errors::Auth{}) : store_error());
    }
    if (queue == nullptr) queue = &insert(std::move(creation->record));
    kept(IdKind::sender, queue->record.sender_id.view(), queue->record.recipient_id);
    if (const auto& link = queue->record.link) kept(IdKind::link, link->id.view(), queue->record.recipient_id);
    ++statistics_.queues_created;
    ++*settings_.queue_count;
    if (queue->record.notifier) ++statistics_.notifiers_new_created;
    const bool subscribes = creation->subscribe && !queue->record.service && clients_.contains(creation->origin.client);
    if (subscribes) subscribe(*queue, creation->origin.client);
    services_->created(*queue, creation->origin.client);
    answer(creation->origin, std::move(creation->answer), subscribes ? 1 : 0);
  });
}

void Shard::abandon(const Creation& creation, Reservation outcome) {
  abandon(creation, outcome == Reservation::taken ? ErrorType(errors::Auth{}) : store_error());
}

void Shard::abandon(const Creation& creation, ErrorType kind) {
  release_ids(creation.record);
  error(creation.origin, std::move(kind));
}

void Shard::release_ids(const QueueRecord& record) {
  if (!record.sender_id.empty()) release(IdKind::sender, record.sender_id.view(), record.recipient_id);
  if (record.link) release(IdKind::link, record.link->id.view(), record.recipient_id);
  if (record.notifier) release(IdKind::notifier, record.notifier->id.view(), record.recipient_id);
}

}  // namespace simplex::smp::server
