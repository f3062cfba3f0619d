#include "simplex/smp/server/shard.hpp"

#include <algorithm>

#include "simplex/crypto/hash.hpp"
#include "simplex/smp/server/proxy.hpp"
#include "command_run.hpp"
#include "directory.hpp"
#include "notifiers.hpp"
#include "queue_table.hpp"
#include "queue_visit.hpp"
#include "resident_queues.hpp"
#include "services.hpp"
#include "unacknowledged.hpp"

namespace simplex::smp::server {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace

Shard::Shard(std::size_t index, std::size_t shards, const EngineSettings& settings, const Clock& clock, Random& random,
             Store& store)
    : index_(index),
      shards_(shards),
      settings_(settings),
      clock_(clock),
      random_(random),
      store_(store),
      unacknowledged_(std::make_unique<Unacknowledged>()),
      queues_(std::make_unique<QueueTable>(IdHash(random))),
      directory_(std::make_unique<Directory>(IdHash(random))),
      finding_(0, IdHash(random)),
      waiting_room_(std::make_unique<WaitingRoom>()),
      resident_(store.keeps_everything() ? std::make_unique<ResidentQueues>() : nullptr) {
  output_.to_shards.resize(shards);
  notifiers_ = std::make_unique<Notifiers>(*this);
  services_ = std::make_unique<Services>(*this);
}

Shard::~Shard() = default;

std::size_t Shard::home_of(BytesView id, std::size_t shards) {
  // Other bits than the ones that the maps use.
  return shards == 1 ? 0 : (hash_bytes(id) >> 32) % shards;
}

// ---- output

Output Shard::take_output() {
  has_output_ = false;
  ++turn_;
  Output taken = std::exchange(output_, {});
  output_.to_shards.resize(shards_);
  return taken;
}

void Shard::note_output() {
  if (has_output_) return;
  has_output_ = true;
  if (on_output_) on_output_();
}

void Shard::on_work(std::function<void()> callback) {
  store_.on_first(callback);
  on_output_ = std::move(callback);
}

ShardGauges Shard::gauges() const {
  ShardGauges made;
  made.clients = clients_.size();
  made.subscriptions = subscriptions_;
  made.subscribed_clients = subscribed_clients_;
  made.notifier_subscriptions = notifier_subscriptions();
  made.notifications = notification_count();
  made.waiting_octets = waiting_octets();
  made.notifier_clients = notifier_clients_;
  made.notifiers = notifiers_in_memory_;
  if (resident_) {
    made.idle_queues = resident_->idle();
    made.resident_octets = resident_->octets();
    made.remembered_ids = remembered_.size();
  } else {
    made.messages = messages_;
  }
  made.deliveries = unacknowledged_->gauges(seconds_since_epoch(clock_.wall()));
  return made;
}

void Shard::to_shard(std::size_t shard, ShardMessage message) {
  if (shard == index_) {
    std::visit([this](auto& specific) { handle(std::move(specific)); }, message);
    return;
  }
  output_.to_shards[shard].push_back(std::move(message));
  note_output();
}

void Shard::hand_over(ToClient message) {
  const auto shard = shard_of(message.client);
  if (shard == index_) return handle(std::move(message));
  to_shard(shard, std::move(message));
}

void Shard::answer(const Origin& origin, BrokerMessage message, int subscriptions, std::shared_ptr<const void> keep) {
  hand_over({origin.client,
             Answer{origin.corr_id, origin.entity_id, std::move(message), std::move(keep), origin.forwarding}, true,
             static_cast<std::int8_t>(subscriptions)});
}

void Shard::event(ClientId client, const RecipientId& queue, BrokerMessage message, int subscriptions) {
  hand_over({client, Answer{CorrId(), EntityId(queue.view()), std::move(message), nullptr}, false,
             static_cast<std::int8_t>(subscriptions)});
}

void Shard::deliver(const Origin& origin, Queue& queue, const MessagePtr& message, bool response) {
  auto& box = queue.begin_use().box;
  if (!box) box = std::make_shared<const crypto::BoxKey>(crypto::box_key(queue.record.dh_secret));
  hand_over({origin.client, Delivery{origin.corr_id, origin.entity_id, message, box}, response, 0});
}

void Shard::handle(ToClient message) {
  const auto found = clients_.find(message.client);
  if (found == clients_.end()) {
    services_->answered_nobody(message);
    // It went while its SUB or GET was on the way: the queue's shard has to hear of it again.
    const auto* answer = std::get_if<Answer>(&message.what);
    if (answer == nullptr || (message.response && answer->forwarding == nullptr)) {
      const auto& entity = answer != nullptr ? answer->entity_id : std::get<Delivery>(message.what).entity_id;
      if (!entity.empty()) to_shard(home_of(entity.view()), between_shards::Gone{message.client});
    }
    return;
  }
  auto& client = found->second;
  if (message.response && client.unanswered > 0) --client.unanswered;
  if (const auto* answer = std::get_if<Answer>(&message.what)) {
    if (std::holds_alternative<broker::End>(answer->message) || std::holds_alternative<broker::Deld>(answer->message)) {
      ++statistics_.subscriptions_ended;
      if (std::exchange(client.ended_in, turn_) != turn_) ++statistics_.subscription_end_batches;
    }
    const auto* refused = std::get_if<broker::Err>(&answer->message);
    // What a proxy's clients do is not the proxy's doing.
    if (refused != nullptr && message.response && answer->forwarding == nullptr && refused->error.is<errors::Auth>() &&
        !client.use.refusal(settings_.use, clock_.now())) {
      client.rests = true;
    }
  }
  if (message.subscriptions > 0) {
    ++subscriptions_;
    if (++client.subscriptions == 1) ++subscribed_clients_;
  }
  if (message.subscriptions < 0 && client.subscriptions > 0) {
    --subscriptions_;
    if (--client.subscriptions == 0) --subscribed_clients_;
  }
  if (message.notifiers > 0 && ++client.notifiers == 1) ++notifier_clients_;
  if (message.notifiers < 0 && client.notifiers > 0 && --client.notifiers == 0) --notifier_clients_;
  if (const auto* delivery = std::get_if<Delivery>(&message.what); delivery != nullptr && resident_) {
    if (!resident_->may_send(message.client, *delivery, message.response, settings_.resident)) {
      ++statistics_.postponed_deliveries;
      return;
    }
  }
  output_.to_clients.push_back(std::move(message));
  note_output();
}

void Shard::flush() {
  store_.flush();
  if (resident_) {
    statistics_.released_queues += resident_->settle(settings_.resident, [this](Queue& queue) { evict(queue); });
  }
}

// ---- connections

ClientId Shard::connect(SessionPtr session) {
  const auto id = make_client_id(index_, next_client_++);
  clients_[id].session = std::move(session);
  return id;
}

void Shard::disconnect(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  const auto known_at = found->second.shards;
  const auto session = std::move(found->second.session);
  subscriptions_ -= found->second.subscriptions;
  if (found->second.subscriptions > 0) --subscribed_clients_;
  if (found->second.notifiers > 0) --notifier_clients_;
  clients_.erase(found);
  services_->disconnected(*session, id);
  if (proxy_ != nullptr) proxy_->disconnect(id);
  if (resident_) resident_->forget(id);
  for (std::size_t shard = 0; shard < shards_; ++shard) {
    if (shard == index_ || (known_at >> (shard % 64) & 1) != 0) to_shard(shard, between_shards::Gone{id});
  }
}

std::size_t Shard::unanswered(ClientId client) const {
  const auto found = clients_.find(client);
  return found == clients_.end() ? 0 : found->second.unanswered;
}

std::size_t Shard::subscriptions(ClientId client) const {
  const auto found = clients_.find(client);
  if (found == clients_.end()) return 0;
  return found->second.subscriptions + found->second.notifiers +
         (services_->has_seat(*found->second.session, client) ? 1 : 0);
}

void Shard::receive(ClientId id, BytesView content) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  const auto session = found->second.session;
  const auto refuse = [&](const CorrId& corr_id, BytesView entity_id, ErrorType kind) {
    ++found->second.unanswered;
    error({id, corr_id, EntityId(entity_id)}, std::move(kind));
  };
  const auto transmissions = protocol::split_batch(content);
  if (!transmissions) return refuse(CorrId(), {}, errors::Block{});
  std::vector<std::pair<BytesView, ReceivedCommand>> commands;
  for (const auto transmission : *transmissions) {
    auto received = decode_client_transmission(session->params(), transmission);
    if (!received) {
      refuse(received.error().corr_id, received.error().entity_id, std::move(received.error().error));
    } else {
      commands.emplace_back(transmission, *std::move(received));
    }
  }
  count_batch(commands);
  for (auto& [transmission, received] : commands) {
    if (auto refused = Services::refused(*session, received)) {
      refuse(received.corr_id, received.entity_id, *std::move(refused));
    } else {
      ++found->second.unanswered;
      dispatch({id, session, transmission, std::move(received), nullptr});
    }
  }
}

void Shard::receive_unreadable(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  ++found->second.unanswered;
  error({id, CorrId(), EntityId()}, errors::Block{});
}

// A block of commands of one party, recipients or notifiers, is counted by what its first one does.
void Shard::count_batch(std::span<const std::pair<BytesView, ReceivedCommand>> commands) {
  if (commands.size() < 2) return;
  const auto is_notifier = [](const auto& each) { return std::holds_alternative<command::Nsub>(each.second.command); };
  const auto is_recipient = [](const auto& each) {
    return std::visit(
        []<class C>(const C&) {
          return !(std::is_same_v<C, command::New> || std::is_same_v<C, command::Ping> ||
                   std::is_same_v<C, command::Skey> || std::is_same_v<C, command::Send> ||
                   std::is_same_v<C, command::Lkey> || std::is_same_v<C, command::Lget> ||
                   std::is_same_v<C, command::Nsub> || std::is_same_v<C, command::Subs> ||
                   std::is_same_v<C, command::Nsubs> || std::is_same_v<C, command::Prxy> ||
                   std::is_same_v<C, command::Pfwd> || std::is_same_v<C, command::Rfwd> ||
                   std::is_same_v<C, command::Rslv>);
        },
        each.second.command);
  };
  if (!std::ranges::all_of(commands, is_recipient) && !std::ranges::all_of(commands, is_notifier)) return;
  const auto& first = commands.front().second.command;
  if (std::holds_alternative<command::Sub>(first)) ++statistics_.subscription_batches;
  if (std::holds_alternative<command::Del>(first)) ++statistics_.queues_deleted_batches;
  if (std::holds_alternative<command::Ndel>(first)) ++statistics_.notifier_delete_batches;
  if (std::holds_alternative<command::Nsub>(first)) ++statistics_.notifier_subscription_batches;
}

std::optional<Duration> Shard::take_rest(ClientId id) {
  const auto found = clients_.find(id);
  if (found == clients_.end() || !std::exchange(found->second.rests, false)) return std::nullopt;
  ++statistics_.throttled_unknown_queues;
  return settings_.use.rest;
}

void Shard::receive(std::vector<ShardMessage> messages) {
  for (auto& message : messages) {
    std::visit([this](auto& specific) { handle(std::move(specific)); }, message);
  }
}

// ---- the way of a command

void Shard::dispatch(Request request) {
  const auto no_entity = [&] {
    return Origin{request.client, request.received.corr_id, EntityId(), request.forwarding};
  };
  const auto by_directory = [&](IdKind kind) {
    const auto id = DirectoryId::from(request.received.entity_id);
    if (!id) return reject_missing(request);
    resolve(kind, *id, std::move(request));
  };
  std::visit(
      Overloaded{
          [&](const command::New& create) { create_queue(request, create); },
          [&](const command::Ping&) { answer(no_entity(), broker::Pong{}); },
          [&](const command::Skey&) { by_directory(IdKind::sender); },
          [&](const command::Send&) { by_directory(IdKind::sender); },
          [&](const command::Lkey&) { by_directory(IdKind::link); },
          [&](const command::Lget&) { by_directory(IdKind::link); },
          [&](const command::Nsub&) {
            // The subscription lives at the shard of the notifier.
            if (const auto client = clients_.find(request.client); client != clients_.end()) {
              client->second.shards |= std::uint64_t{1} << (home_of(request.received.entity_id) % 64);
            }
            by_directory(IdKind::notifier);
          },
          [&](const command::Subs& all) { services_->subscribe_all(request, ServiceParty::recipient, all.queues); },
          [&](const command::Nsubs& all) { services_->subscribe_all(request, ServiceParty::notifier, all.queues); },
          [&](const command::Prxy& prxy) { open_relay(request, prxy); },
          [&](const command::Pfwd& pfwd) { forward(request, pfwd); },
          [&](const command::Rfwd& rfwd) { unwrap(request, rfwd); },
          [&](const command::Rslv& rslv) { resolve_name(request, rslv); },
          [&]<class Other>(const Other&) {
            if constexpr (std::is_same_v<Other, command::Lset> || std::is_same_v<Other, command::Ldel>) {
              const auto client = clients_.find(request.client);
              if (client != clients_.end() && !client->second.use.link_change(settings_.use, clock_.now())) {
                ++statistics_.refused_link_changes;
                return error(request.origin(), errors::Quota{});
              }
            }
            const auto id = RecipientId::from(request.received.entity_id);
            if (!id) return reject_missing(request);
            const auto home = home_of(id->view());
            if (home == index_) return locate(*id, std::move(request));
            if (const auto client = clients_.find(request.client); client != clients_.end()) {
              client->second.shards |= std::uint64_t{1} << (home % 64);
            }
            request.own();
            to_shard(home, between_shards::Execute{*id, std::move(request)});
          },
      },
      request.received.command);
}

// ---- start and stop

void Shard::restore(QueueRecord record, std::vector<MessagePtr> messages) {
  if (find(record.recipient_id) != nullptr) return;
  ++*settings_.queue_count;
  auto& queue = insert(std::move(record));
  messages_ += messages.size();
  queue.full = std::ranges::any_of(messages, [](const auto& message) { return message->quota; });
  if (!messages.empty()) queue.begin_use().messages = MessageWindow(std::move(messages), 0, 1);
}

void Shard::restore_id(IdKind kind, const DirectoryId& id, const RecipientId& queue) {
  directory_->add({kind, id}, queue);
}

void Shard::for_each_queue(const std::function<void(const QueueRecord&, std::span<const MessagePtr>)>& visit) const {
  queues_->for_each([&](const Queue& queue) { visit(queue.record, queue.use().messages.held()); });
}

std::size_t Shard::queue_count() const { return queues_->size(); }
std::size_t Shard::directory_size() const { return directory_->size(); }

std::size_t Shard::queues_in_use() const {
  std::size_t count = 0;
  queues_->for_each([&](const Queue& queue) { count += queue.is_in_use() ? 1 : 0; });
  return count;
}

std::size_t Shard::message_count() const {
  std::size_t count = 0;
  queues_->for_each([&](const Queue& queue) { count += queue.use().messages.held().size(); });
  return count;
}

std::size_t Shard::resident_octets() const {
  std::size_t octets = 0;
  queues_->for_each([&](const Queue& queue) { octets += queue.octets(); });
  return octets;
}

std::size_t Shard::waiting_octets() const { return waiting_room_->octets(); }

}  // namespace simplex::smp::server
