// Ids: which shard an id belongs to, making new ones, and the directories that keep them unique.
#include <algorithm>

#include "simplex/crypto/hash.hpp"
#include "simplex/smp/server/shard.hpp"

#include "command_run.hpp"
#include "services.hpp"

namespace simplex::smp::server {

RecipientId Shard::new_recipient_id() {
  while (true) {
    const auto id = *RecipientId::from(random_.bytes(queue_id_size));
    if (home_of(id.view()) == index_ && find(id) == nullptr) return id;
  }
}

DirectoryId Shard::new_id(IdKind kind) {
  while (true) {
    const auto id = *DirectoryId::from(random_.bytes(queue_id_size));
    if (home_of(id.view()) == index_ && !directory_.contains(DirectoryKey{kind, id})) return id;
  }
}

bool Shard::take_id(IdKind kind, const DirectoryId& id, const RecipientId& queue) {
  const auto [found, added] = directory_.emplace(DirectoryKey{kind, id}, queue);
  return added || found->second == queue;
}

void Shard::reserve(IdKind kind, const DirectoryId& id, const RecipientId& queue,
                    std::move_only_function<void(bool)> then) {
  const auto directory = home_of(id.view());
  if (directory == index_) return then(take_id(kind, id, queue));
  const auto token = next_token_++;
  reservations_.emplace(token, std::move(then));
  to_shard(directory, between_shards::Reserve{kind, id, queue, index_, token});
}

void Shard::release(IdKind kind, BytesView id, const RecipientId& queue) {
  const auto name = DirectoryId::from(id);
  if (name) to_shard(home_of(id), between_shards::Release{kind, *name, queue});
}

void Shard::handle(between_shards::Reserve message) {
  to_shard(message.asker, between_shards::Reserved{message.token, take_id(message.kind, message.id, message.queue)});
}

void Shard::handle(between_shards::Reserved message) {
  auto waiting = reservations_.extract(message.token);
  if (!waiting.empty()) waiting.mapped()(message.granted);
}

void Shard::handle(between_shards::Release message) {
  const auto found = directory_.find(DirectoryKey{message.kind, message.id});
  if (found != directory_.end() && found->second == message.queue) directory_.erase(found);
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
          [this, creation](bool granted) {
            if (!granted) {
              creation->record.sender_id = {};
              creation->record.link = nullptr;
              return abandon(*creation, errors::Auth{});
            }
            const auto& link = creation->record.link;
            if (!link) return store_new_queue(creation);
            reserve(IdKind::link, *DirectoryId::from(link->id.view()), creation->record.recipient_id,
                    [this, creation](bool link_granted) {
                      if (link_granted) return store_new_queue(creation);
                      creation->record.link = nullptr;
                      abandon(*creation, errors::Auth{});
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
  store_.write(written, [this, creation, record](const Result<>& stored) {
    creation->record = std::move(std::get<CreateQueue>(*record).queue);
    if (!stored) return abandon(*creation, store_error());
    auto& queue = insert(std::move(creation->record));
    const bool subscribes = creation->subscribe && !queue.record.service && clients_.contains(creation->origin.client);
    if (subscribes) subscribe(queue, creation->origin.client);
    services_->created(queue, creation->origin.client);
    answer(creation->origin, std::move(creation->answer), subscribes ? 1 : 0);
  });
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
