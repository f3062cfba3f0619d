#include "services.hpp"

#include <algorithm>

#include "command_run.hpp"
#include "notifiers.hpp"

namespace simplex::smp::server {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

// The role that a service needs for the command; nothing: any.
std::optional<ServiceRole> role_for(const ClientCommand& command) {
  return std::visit(Overloaded{
                        [](const command::Ping&) { return std::optional<ServiceRole>(); },
                        [](const command::Nsub&) { return std::optional(ServiceRole::notifier); },
                        [](const command::Nsubs&) { return std::optional(ServiceRole::notifier); },
                        [](const command::Rfwd&) { return std::optional(ServiceRole::proxy); },
                        [](const auto&) { return std::optional(ServiceRole::messaging); },
                    },
                    command);
}

bool is_for_all_queues(const ClientCommand& command) {
  return std::holds_alternative<command::Subs>(command) || std::holds_alternative<command::Nsubs>(command);
}

}  // namespace

Services::Services(Shard& shard) : shard_(shard), index_(shard.store_) {}
Services::~Services() = default;

ServiceBook& Services::book() const { return *shard_.settings_.services; }

ServiceStatistics& Services::statistics(ServiceParty party) {
  auto& all = shard_.statistics_;
  return party == ServiceParty::recipient ? all.recipient_services : all.notifier_services;
}

void Services::push(ClientId client, BytesView entity, BrokerMessage message, int subscriptions) {
  shard_.hand_over({client, Answer{CorrId(), EntityId(entity), std::move(message), nullptr}, false,
                    static_cast<std::int8_t>(subscriptions)});
}

std::optional<ErrorType> Services::refused(const ClientSession& session, const ReceivedCommand& received) {
  const auto& command = received.command;
  const auto* service = session.service.get();
  if (service != nullptr) {
    const auto role = role_for(command);
    if (role && *role != service->service->role) return CommandError::prohibited;
  }
  if (is_for_all_queues(command)) {
    const auto* key = service != nullptr ? &service->key : nullptr;
    if (key == nullptr || received.service_signature || received.authorization.size() != 64 ||
        !std::ranges::equal(received.entity_id, service->id().view()) ||
        !verify(session.params(), received, crypto::AuthPublicKey(*key), nullptr)) {
      return errors::Service{};
    }
    return std::nullopt;
  }
  if (!uses_service_signature(command) || service == nullptr) {
    if (received.service_signature) return errors::Service{};
    return std::nullopt;
  }
  if (!verify_service_signature(session.params(), received, service->key)) return errors::Service{};
  return std::nullopt;
}

BytesView Services::signed_with(const ClientSession& session, const ReceivedCommand& received) {
  if (!session.service || !received.service_signature) return {};
  return session.service->service->certificate_hash;
}

// ---- whose a queue is

void Services::store_service(const std::shared_ptr<const ServiceRecord>& service, Stored then) {
  if (book().is_stored(service->id)) return then(std::nullopt);
  const auto token = next_token_++;
  storing_.emplace(token, std::move(then));
  const between_shards::ServiceMessage message = between_shards::StoreService{service, shard_.index_, token};
  shard_.to_shard(shard_.home_of(service->id.view()), message);
}

void Services::handle(between_shards::StoreService message) {
  const auto answer = [this](const between_shards::StoreService& to, between_shards::ServiceOutcome outcome) {
    shard_.to_shard(to.asker, between_shards::ServiceMessage(between_shards::ServiceStored{to.token, outcome}));
  };
  const auto service = message.service;
  if (book().is_stored(service->id)) return answer(message, between_shards::ServiceOutcome::stored);
  if (!book().may_store(*service)) return answer(message, between_shards::ServiceOutcome::refused);
  const auto [waiting, first] = being_stored_.try_emplace(service->id);
  waiting->second.push_back(std::move(message));
  if (!first) return;
  const auto record = std::make_shared<const StoreRecord>(NewService{*service});
  shard_.store_->write(*record, [this, service, record, answer, life = std::weak_ptr(life_)](const Result<>& written) {
    if (life.expired()) return;
    if (written) book().stored(*service);
    const auto waited = being_stored_.extract(service->id);
    if (waited.empty()) return;
    for (const auto& each : waited.mapped()) {
      answer(each, written ? between_shards::ServiceOutcome::stored : between_shards::ServiceOutcome::failed);
    }
  });
}

void Services::handle(between_shards::ServiceStored message) {
  auto waiting = storing_.extract(message.token);
  if (waiting.empty()) return;
  switch (message.outcome) {
    case between_shards::ServiceOutcome::stored: return waiting.mapped()(std::nullopt);
    case between_shards::ServiceOutcome::refused: return waiting.mapped()(errors::Service{});
    case between_shards::ServiceOutcome::failed: return waiting.mapped()(store_error());
  }
}

void Services::associate(Queue& queue, ServiceParty party, const std::shared_ptr<const ServiceSession>& session,
                         Associated then) {
  const auto id = queue.record.recipient_id;
  const auto write = [this, id, party](Queue& changed, std::optional<ServiceId> service, Associated done) {
    const auto& record = changed.record;
    const auto before = party == ServiceParty::recipient ? record.service : record.notifier->service;
    const ServiceQueue member{id, party == ServiceParty::notifier ? std::optional(record.notifier->id) : std::nullopt,
                              true};
    shard_.change(
        changed, QueueService{id, party, service},
        [this, party, before, service, member, done = std::move(done)](Queue& now, const Result<>& written) mutable {
          if (!written) return done(now, store_error());
          if (before) index_.left(*before, party, member);
          if (service) index_.joined(*service, party, member);
          done(now, std::nullopt);
        });
  };
  if (!session) return write(queue, std::nullopt, std::move(then));
  if (book().is_stored(session->id())) return write(queue, session->id(), std::move(then));
  queue.changing = true;  // nothing else happens to the queue while the service is stored
  store_service(session->service, [this, id, write, service = session->id(),
                                   then = std::move(then)](std::optional<ErrorType> error) mutable {
    auto* waiting = shard_.find(id);
    if (waiting == nullptr) return;
    waiting->changing = false;
    if (!error) return write(*waiting, service, std::move(then));
    then(*waiting, std::move(error));
    shard_.run_deferred(id);
  });
}

// ---- SUB

bool Services::subscribe(Queue& queue, Request& request) {
  const auto& session = request.session->service;
  const auto before = queue.record.service;
  const auto origin = request.origin();
  if (session) {
    const auto service = session->id();
    if (before == service) {
      seated(queue, origin, service, before);
      return true;
    }
    associate(queue, ServiceParty::recipient, session,
              [this, origin, service, before](Queue& now, std::optional<ErrorType> error) {
                if (error) return shard_.error(origin, *std::move(error));
                seated(now, origin, service, before);
              });
    return true;
  }
  if (!before) return false;
  request.own();
  associate(queue, ServiceParty::recipient, nullptr,
            [this, before, request = std::move(request)](Queue& now, std::optional<ErrorType> error) mutable {
              if (error) return shard_.error(request.origin(), *std::move(error));
              ++statistics(ServiceParty::recipient).assoc_removed;
              shard_.unsubscribe(now);
              end_one(*before, now.record.recipient_id.view(), request.client, broker::End{});
              // It is an ordinary queue now.
              shard_.execute(&now, std::move(request));
            });
  return true;
}

void Services::seated(Queue& queue, const Origin& origin, const ServiceId& service,
                      const std::optional<ServiceId>& before) {
  const auto& id = queue.record.recipient_id;
  const bool again = before == service;
  const auto taken = take(service, origin.client, id.view(), again);
  auto& counts = statistics(ServiceParty::recipient);
  if (again) {
    ++counts.assoc_duplicate;
    if (!taken.counted) {
      ++counts.sub_count;
      ++counts.sub_queues;
    }
  } else {
    if (!taken.counted) ++counts.sub_count;
    ++counts.sub_queues;
    ++(before ? counts.assoc_updated : counts.assoc_new);
  }
  if (before && !again) end_one(*before, id.view(), origin.client, broker::End{});
  if (queue.is_subscribed() && queue.subscriber != origin.client) {
    // The connection of a service was told already.
    if (!before) shard_.event(queue.subscriber, id, broker::End{}, -1);
    shard_.unsubscribe(queue);
  }
  if (auto* use = queue.use_or_null()) use->delivered.reset();
  shard_.answer(origin, broker::Sok{smp::ServiceId(service.view())});
  shard_.deliver_next(queue);
}

void Services::created(const Queue& queue, ClientId client) {
  const auto& record = queue.record;
  if (!record.service) return;
  index_.joined(*record.service, ServiceParty::recipient, {record.recipient_id, std::nullopt, true});
  (void)take(*record.service, client, record.recipient_id.view(), false);
}

void Services::lend_reader(Queue& queue) {
  if (queue.is_subscribed() || !queue.record.service) return;
  const auto client = seat(*queue.record.service).client;
  if (client != ClientId()) shard_.attach(queue, client);
}

void Services::return_reader(Queue& queue) {
  if (queue.is_subscribed() && queue.record.service && !queue.has_delivered()) shard_.unsubscribe(queue);
}

void Services::deleted(const Queue& queue, ClientId by) {
  const auto& record = queue.record;
  if (record.service) {
    index_.left(*record.service, ServiceParty::recipient, {record.recipient_id, std::nullopt, true});
    end_one(*record.service, record.recipient_id.view(), by, broker::Deld{});
  }
  if (record.notifier) notifier_removed(*record.notifier, record.recipient_id, by);
}

void Services::notifier_removed(const NotifierCredentials& notifier, const RecipientId& queue, ClientId by) {
  if (notifier.service) index_.left(*notifier.service, ServiceParty::notifier, {queue, notifier.id, true});
  shard_.to_shard(shard_.home_of(notifier.id.view()),
                  between_shards::ServiceMessage(between_shards::NotifierGone{notifier.id, notifier.service, by}));
}

// ---- seats

ServiceBook::Seat Services::seat(const ServiceId& service) const {
  const auto found = seats_.find(service);
  return found == seats_.end() ? ServiceBook::Seat() : found->second;
}

ServiceBook::Taken Services::take(const ServiceId& service, ClientId client, BytesView queue_id, bool again) {
  auto taken = book().take(service, client, queue_id, again);
  announce(service, taken);
  return taken;
}

void Services::announce(const ServiceId& service, const ServiceBook::Taken& taken) {
  if (!taken.changed) return;
  if (taken.previous) {
    push(*taken.previous, service.view(), broker::Ends{taken.lost});
    ++statistics(taken.role == ServiceRole::notifier ? ServiceParty::notifier : ServiceParty::recipient).sub_end;
  }
  for (std::size_t shard = 0; shard < shard_.shards_; ++shard) {
    shard_.to_shard(shard, between_shards::ServiceMessage(between_shards::SeatTaken{service, taken.seat}));
  }
}

void Services::end_one(const ServiceId& service, BytesView queue_id, ClientId by, BrokerMessage event) {
  const auto seated = book().forget_queue(service, queue_id).client;
  if (seated != ClientId() && seated != by) push(seated, queue_id, std::move(event));
}

void Services::handle(between_shards::SeatTaken message) {
  auto& known = seats_[message.service];
  if (message.seat.generation <= known.generation) return;
  const auto previous = std::exchange(known, message.seat).client;
  if (previous == ClientId()) return;
  // What was delivered to it and not acknowledged is for the next one.
  shard_.forget_readers(previous);
  shard_.notifiers_->seat_lost(previous);
}

bool Services::has_seat(const ClientSession& session, ClientId client) const {
  return session.service && seat(session.service->id()).client == client;
}

void Services::disconnected(const ClientSession& session, ClientId client) {
  walks_.erase(client);
  behind_.erase(client);
  if (!session.service) return;
  const auto& service = session.service->id();
  const auto left = book().leave(service, client);
  if (!left) return;
  ServiceBook::Taken taken;
  taken.seat = *left;
  taken.changed = true;
  announce(service, taken);
}

void Services::answered_nobody(const ToClient& message) {
  const auto* answer = std::get_if<Answer>(&message.what);
  if (answer == nullptr) return;
  std::optional<smp::ServiceId> service;
  if (const auto* sok = std::get_if<broker::Sok>(&answer->message)) service = sok->service_id;
  if (const auto* ids = std::get_if<broker::Ids>(&answer->message)) service = ids->service_id;
  const auto id = service ? ServiceId::from(service->view()) : std::nullopt;
  if (!id) return;
  const auto left = book().leave(*id, message.client);
  if (!left) return;
  ServiceBook::Taken taken;
  taken.seat = *left;
  taken.changed = true;
  announce(*id, taken);
}

}  // namespace simplex::smp::server
