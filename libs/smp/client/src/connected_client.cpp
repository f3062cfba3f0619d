#include "connected_client.hpp"

#include <algorithm>

#include "simplex/crypto/authenticator.hpp"
#include "simplex/smp/transmission.hpp"
#include "command_versions.hpp"

namespace simplex::smp::client {

namespace {

// A relay that goes on sending what it must not is left.
constexpr std::uint64_t max_violations = 100;

bool message_may_answer(const ClientCommand& command) {
  return is_one_of<command::Sub, command::Get, command::Ack>(command);
}

bool subscribes(const ClientCommand& command) {
  if (const auto* request = std::get_if<command::New>(&command))
    return request->subscription == SubscriptionMode::subscribe;
  return is_one_of<command::Sub, command::Nsub, command::Subs, command::Nsubs>(command);
}

Failure not_connected() {
  return {Failure::Kind::network, {ErrorKind::network, "the connection to the relay has ended", Advice::retry}, {}};
}

Failure timed_out() {
  return {Failure::Kind::timeout, {ErrorKind::timeout, "the relay did not answer in time", Advice::retry}, {}};
}

}  // namespace

ConnectedClient::ConnectedClient(Dependencies dependencies, protocol::ServerAddress address, Options options,
                                 Handlers handlers)
    : dependencies_(dependencies), address_(std::move(address)), options_(options), handlers_(std::move(handlers)) {}

ConnectedClient::~ConnectedClient() {
  if (!connected_) return;
  flush();
  if (connected_) blocks_->close();
}

void ConnectedClient::open(transport::ChannelPtr channel, transport::KeyHash identity, Duration timeout, Done<> done) {
  opened_ = std::move(done);
  transport::ClientHandshakeSettings settings;
  settings.identity = identity;
  settings.versions = options_.versions;
  settings.proxy = options_.proxy;
  if (const auto& service = options_.service) {
    settings.service = transport::ClientServiceSettings{
        service->role, service->chain,
        std::visit([](const auto& key) { return crypto::SignaturePrivateKey(key.clone()); }, service->key),
        crypto::generate_ed25519(dependencies_.random),
        service->role == transport::SmpServiceRole::messaging ? transport::messaging_service_version
                                                              : transport::service_version};
  }
  blocks_ = transport::BlockSession::as_client(dependencies_.loop, std::move(channel), std::move(settings),
                                               crypto::generate_x25519(dependencies_.random), timeout,
                                               {.ready = [this] { ready(); },
                                                .block = [this](BytesView content) { receive(content); },
                                                .closed = [this](Error error) { closed(std::move(error)); },
                                                .drained = [this] { flush_later(); }});
}

void ConnectedClient::ready() {
  const transport::SmpSession& agreed = blocks_->session();
  session_ = {agreed.version, agreed.session_id, agreed.peer_key.has_value(), std::nullopt};
  if (agreed.service) session_.service = ServiceId(agreed.service->id.view());
  relay_key_ = agreed.peer_key;
  if (relay_key_) agreements_.emplace(*relay_key_);
  connected_ = true;
  last_received_ = dependencies_.loop.now();
  auto opened = std::exchange(opened_, nullptr);
  opened({});
}

void ConnectedClient::closed(Error error) {
  if (auto opened = std::exchange(opened_, nullptr)) {
    auto failure = from_transport(std::move(error));
    if (blocks_) failure.handshake = blocks_->handshake_error();
    return opened(std::unexpected(std::move(failure)));
  }
  error.advice = Advice::retry;
  end({Failure::Kind::network, std::move(error), std::nullopt});
}

void ConnectedClient::disconnect(Error why) {
  dependencies_.loop.post(
      guarded([this, failure = Failure{Failure::Kind::network, std::move(why), std::nullopt}] { end(failure); }));
}

Client::Counters ConnectedClient::counters() const {
  Counters all = counters_;
  all.in_flight = requests_.in_flight();
  all.waiting = requests_.size() - requests_.in_flight();
  return all;
}

void ConnectedClient::fail_later(Done<BrokerMessage> done, Failure failure) {
  dependencies_.loop.post(guarded(
      [done = std::move(done), failure = std::move(failure)]() mutable { done(std::unexpected(std::move(failure))); }));
}

// A proxy connects to the relay first, or waits for its answer.
Duration ConnectedClient::time_for(const ClientCommand& command) const {
  if (is_one_of<command::Prxy>(command)) return options_.connect_timeout + options_.command_timeout;
  if (is_one_of<command::Pfwd>(command)) return options_.command_timeout * 2;
  return options_.command_timeout;
}

void ConnectedClient::command(const EntityId& entity, const crypto::AuthPrivateKey* key, const ClientCommand& command,
                              Done<BrokerMessage> done, std::optional<CorrId> corr_id) {
  if (!connected_) return fail_later(std::move(done), not_connected());
  if (session_.version < since(command)) return fail_later(std::move(done), too_old_for(command));
  if (waiting_.size() >= options_.max_waiting) {
    return fail_later(std::move(done), {Failure::Kind::too_large,
                                        {ErrorKind::limit, "too many commands wait for the relay", Advice::retry},
                                        std::nullopt});
  }
  const CorrId id = corr_id ? *corr_id : CorrId::generate(dependencies_.random);
  ClientAuth auth;
  auth.key = key;
  auth.relay_key = relay_key_;
  if (key != nullptr && agreements_) auth.agreed = agreements_->find(entity, *key, command);
  if (const auto& service = blocks_->session().service; service && uses_service_signature(command)) {
    auth.service_key = &*service->private_key;
    auth.service_cert_hash = service->fingerprint.view();
  }
  auto transmission =
      encode_client_transmission({session_.version, session_.id.view()}, auth, id, entity.view(), command);
  if (!transmission)
    return fail_later(std::move(done), {Failure::Kind::version, std::move(transmission).error(), std::nullopt});
  if (transmission->size() > protocol::max_transmission_size) {
    return fail_later(
        std::move(done),
        {Failure::Kind::too_large, {ErrorKind::limit, "the command does not fit into a block"}, std::nullopt});
  }

  if (requests_.contains(id)) {
    return fail_later(std::move(done), {Failure::Kind::unexpected,
                                        {ErrorKind::conflict, "a command with this correlation id is on its way"},
                                        std::nullopt});
  }
  ++counters_.commands;
  const Instant until = dependencies_.loop.now() + time_for(command);
  requests_.add(id, {entity, std::move(done), message_may_answer(command)}, until);
  waiting_.push_back({id, std::move(*transmission)});
  flush_later();
  if (!deadline_timer_.armed() || until < deadline_armed_) arm_deadline();
  if (!pings_ && subscribes(command)) {
    pings_ = true;
    arm_ping();
  }
}

void ConnectedClient::service_command(const ClientCommand& command, Done<BrokerMessage> done) {
  if (!connected_) return fail_later(std::move(done), not_connected());
  const auto& service = blocks_->session().service;
  if (!service) {
    return fail_later(std::move(done),
                      {Failure::Kind::unexpected,
                       {ErrorKind::conflict, "only a service can subscribe to all of its queues at once"},
                       std::nullopt});
  }
  const crypto::AuthPrivateKey key = service->private_key->clone();
  this->command(EntityId(service->id.view()), &key, command, std::move(done), std::nullopt);
}

void ConnectedClient::flush_later() {
  if (flush_posted_ || !connected_) return;
  flush_posted_ = true;
  dependencies_.loop.post(guarded([this] {
    flush_posted_ = false;
    flush();
  }));
}

bool ConnectedClient::may_send() const {
  return connected_ && !waiting_.empty() && requests_.in_flight() < options_.max_in_flight &&
         blocks_->pending() < options_.max_pending_octets;
}

void ConnectedClient::flush() {
  while (may_send()) {
    protocol::Batch batch;
    while (!waiting_.empty() && requests_.in_flight() < options_.max_in_flight) {
      Waiting& next = waiting_.front();
      if (!requests_.contains(next.id)) {  // timed out before it was sent: then it never is
        waiting_.pop_front();
        continue;
      }
      if (!batch.add(next.transmission)) break;
      static_cast<void>(requests_.mark_sent(next.id));
      waiting_.pop_front();
    }
    if (batch.empty()) return;
    ++counters_.blocks_sent;
    // The content is within every version's limit; a connection that is already closing reports itself.
    if (auto sent = blocks_->send(batch.take()); !sent) {
      dependencies_.loop.post(guarded([this, error = std::move(sent).error()]() mutable {
        end({Failure::Kind::network, std::move(error), std::nullopt});
      }));
      return;
    }
  }
}

void ConnectedClient::receive(BytesView content) {
  last_received_ = dependencies_.loop.now();
  unanswered_ = 0;
  const auto transmissions = protocol::split_batch(content);
  if (!transmissions) {
    static_cast<void>(violation("the relay sent a block that can't be read: " + transmissions.error().message));
    return;
  }
  for (const BytesView transmission : *transmissions) {
    if (!receive_one(transmission)) return;
    if (!connected_) return;
  }
  if (!waiting_.empty()) flush_later();
}

bool ConnectedClient::receive_one(BytesView transmission) {
  auto received = decode_broker_transmission({session_.version, session_.id.view()}, transmission);
  if (!received) {
    const RefusedMessage& refusal = received.error();
    // A message of another session says nothing about a command of this one.
    if (refusal.corr_id.empty() || refusal.error.is<errors::Session>())
      return violation("the relay sent a message that can't be read (" + to_error(refusal.error).message + ")");
    Failure failure{
        Failure::Kind::malformed, {ErrorKind::malformed, "the relay's answer can't be read"}, refusal.error};
    return answer(refusal.corr_id, refusal.entity_id, std::unexpected(std::move(failure)));
  }
  if (received->corr_id.empty()) {
    if (const auto* error = std::get_if<broker::Err>(&received->message))
      return violation("the relay could not read a block of ours (" + to_error(error->error).message + ")");
    return push(EntityId(received->entity_id), received->message);
  }
  if (const auto* error = std::get_if<broker::Err>(&received->message))
    return answer(received->corr_id, received->entity_id, std::unexpected(refused(error->error)));
  return answer(received->corr_id, received->entity_id, std::move(received->message));
}

bool ConnectedClient::answer(const CorrId& id, BytesView entity, Outcome<BrokerMessage> outcome) {
  const std::weak_ptr life = life_;
  if (auto request = requests_.take(id)) {
    const bool same_entity = std::ranges::equal(request->entity.view(), entity);
    if (!same_entity) {
      outcome = std::unexpected(Failure{Failure::Kind::unexpected,
                                        {ErrorKind::malformed, "the relay's answer is about another queue"},
                                        std::nullopt});
    }
    const bool is_message = request->message_may_answer && outcome && std::holds_alternative<broker::Msg>(*outcome);
    std::optional<BrokerMessage> message;
    if (is_message) message = *outcome;
    request->done(std::move(outcome));
    if (life.expired()) return false;
    return !message || push(request->entity, *message);
  }
  if (const auto late = requests_.take_late(id)) {
    dependencies_.log.debug("smp client: an answer came after its command had timed out");
    const bool is_message = late->message_may_answer && outcome && std::holds_alternative<broker::Msg>(*outcome) &&
                            std::ranges::equal(late->entity.view(), entity);
    return !is_message || push(late->entity, *outcome);
  }
  return violation("the relay sent an answer to no command, or a second one");
}

bool ConnectedClient::push(const EntityId& entity, const BrokerMessage& message) {
  const std::weak_ptr life = life_;
  ++counters_.pushed;
  if (handlers_.pushed) handlers_.pushed(entity, message);
  return !life.expired();
}

bool ConnectedClient::violation(std::string what) {
  const std::weak_ptr life = life_;
  ++counters_.violations;
  dependencies_.log.warning("smp client: " + what);
  if (handlers_.violation) handlers_.violation({ErrorKind::malformed, std::move(what)});
  if (life.expired()) return false;
  if (counters_.violations < max_violations) return true;
  end({Failure::Kind::network, {ErrorKind::malformed, "the relay does not follow the protocol", Advice::retry}, {}});
  return false;
}

void ConnectedClient::arm_deadline() {
  const auto next = requests_.next_deadline();
  if (!next) {
    deadline_timer_.cancel();
    return;
  }
  deadline_armed_ = *next;
  deadline_timer_ = dependencies_.loop.after(*next - dependencies_.loop.now(), [this] { deadline(); });
}

void ConnectedClient::deadline() {
  const std::weak_ptr life = life_;
  const Instant now = dependencies_.loop.now();
  while (auto request = requests_.expire_one(now)) {
    ++counters_.timeouts;
    ++unanswered_;
    request->done(std::unexpected(timed_out()));
    if (life.expired()) return;
  }
  if (!connected_) return;
  // What timed out before it could be sent takes no memory while the relay reads nothing.
  while (!waiting_.empty() && !requests_.contains(waiting_.front().id)) waiting_.pop_front();
  if (unanswered_ >= options_.pings_unanswered && now - last_received_ >= options_.quiet_limit) {
    return end({Failure::Kind::timeout,
                {ErrorKind::timeout, "the relay has been silent for too long", Advice::retry},
                std::nullopt});
  }
  arm_deadline();
  flush_later();
}

void ConnectedClient::arm_ping() {
  const Duration quiet = dependencies_.loop.now() - last_received_;
  const Duration wait = quiet < options_.ping_interval ? options_.ping_interval - quiet : options_.ping_interval;
  ping_timer_ = dependencies_.loop.after(wait, [this] { ping_if_quiet(); });
}

void ConnectedClient::ping_if_quiet() {
  if (!connected_) return;
  if (dependencies_.loop.now() - last_received_ >= options_.ping_interval) ping([](const Outcome<>&) {});
  arm_ping();
}

void ConnectedClient::end(Failure failure) {
  if (!std::exchange(connected_, false)) return;
  const std::weak_ptr life = life_;
  deadline_timer_.cancel();
  ping_timer_.cancel();
  blocks_->abort();
  waiting_.clear();
  for (Request& request : requests_.take_all()) {
    request.done(std::unexpected(failure.temporary() ? failure : not_connected()));
    if (life.expired()) return;
  }
  if (auto disconnected = std::exchange(handlers_.disconnected, nullptr)) disconnected(failure);
}

}  // namespace simplex::smp::client
