#include "simplex/agent/agent.hpp"

#include <fmt/format.h>

#include "simplex/store/import.hpp"
#include "agent_impl.hpp"
#include "failures.hpp"
#include "schema.hpp"

namespace simplex::agent {

Result<std::unique_ptr<Agent>> Agent::open(Dependencies dependencies, Config config) {
  std::vector<OwnServer> servers;
  for (const auto& address : config.servers) {
    SIMPLEX_ASSIGN(auto server, read_server({.address = address}));
    servers.push_back(std::move(server));
  }
  if (config.database != ":memory:") SIMPLEX_TRY(store::complete_import(config.database));
  SIMPLEX_ASSIGN(auto database, store::Database::open({.path = config.database,
                                                       .passphrase = config.passphrase.clone(),
                                                       .own_table = store::migrations_table,
                                                       .busy_timeout = std::chrono::seconds(1)}));
  SIMPLEX_TRY(store::migrate(database, agent_migrations(), dependencies.loop));
  auto agent = std::make_unique<AgentImpl>(dependencies, std::move(config), UserServers(std::move(servers)),
                                           std::move(database));
  SIMPLEX_TRY(agent->know_copy());
  SIMPLEX_TRY(agent->load_statistics());
  return agent;
}

AgentImpl::AgentImpl(Dependencies dependencies, Config config, UserServers servers, store::Database database)
    : core_(dependencies, std::move(config), std::move(servers), std::move(database),
            [this](const Error& error) { turn_failed(error); }),
      relays_(core_.dependencies, core_.config, core_.statistics),
      routes_(core_, relays_),
      deliveries_(core_, relays_, routes_),
      commands_(core_, relays_, routes_, deliveries_),
      link_reader_(core_, relays_, routes_),
      server_tests_(core_, relays_),
      subscriptions_(core_, relays_),
      ratchet_sync_(core_, deliveries_),
      rotation_(core_, deliveries_, commands_),
      covers_(core_, deliveries_),
      reception_(core_, commands_, deliveries_, subscriptions_, ratchet_sync_, rotation_, covers_),
      lineage_(core_.database, core_.config, core_.dependencies.log),
      restoration_(core_, ratchet_sync_),
      copies_(core_),
      recovery_backoff_(core_.config.timeouts.reconnect) {
  commands_.queue_created = [this](Relay& relay, const smp::RecipientId& queue, ConnectionId connection) {
    subscriptions_.created(relay, queue, connection);
  };
  commands_.queue_given_up = [this](const Party& party, const protocol::ServerAddress& server,
                                    const smp::RecipientId& queue) {
    if (started_) subscriptions_.forget(party, server, queue);
  };
  restoration_.end = [this](const Connection& connection) { return end_connection(connection); };
  subscriptions_.queue_gone = [this](RcvQueueKey queue) {
    const auto done = core_.turn.run([&] { return rotation_.lost(queue); });
    if (!done) core_.storage_failed(done.error());
    return done && *done;
  };
  commands_.subscribed = [this](const Relay& relay, const smp::RecipientId& queue) {
    return subscriptions_.is_active(relay, queue);
  };
}

AgentImpl::~AgentImpl() { stop(); }

// ---- life -----------------------------------------------------------------------------------------------------------

void AgentImpl::start(EventHandler handler) {
  if (std::exchange(started_, true)) return;
  const auto counted = core_.turn.run([this] { return reception_.handed_over_again(); });
  if (!counted) core_.dependencies.log.warning("Messages could not be counted: " + counted.error().message);
  settle();  // before it is looked at what the application has to be told
  if (auto done = core_.outbox.start(std::move(handler)); !done) {
    core_.outbox.passing(AgentProblem{std::nullopt, Failure::storage, done.error()});
  }
  resume();
  clean_up();
  save_statistics_in_time();
}

void AgentImpl::resume() {
  settle();         // what is in the database from here on is committed, and may be sent
  drop_sessions();  // calls while there was no network have marked what waits
  relays_.start({.up =
                     [this](Relay& relay) {
                       subscriptions_.relay_up(relay);
                       commands_.relay_up(relay);
                       link_reader_.relay_up(relay);
                       deliveries_.relay_up(relay);
                     },
                 .down =
                     [this](Relay& relay, const smp::client::Failure& why, bool) {
                       tell_unusable(relay, why);
                       routes_.relay_down(relay);
                       subscriptions_.relay_down(relay);
                       commands_.relay_down(relay);
                       link_reader_.relay_down(relay, why);
                       deliveries_.relay_down(relay, why);
                     },
                 .pushed =
                     [this](Relay& relay, const smp::EntityId& entity, const smp::BrokerMessage& message) {
                       // The relay delivers it again.
                       if (phase_ == Phase::active) reception_.pushed(relay, entity, message);
                     },
                 .needed =
                     [this](Relay& relay) {
                       return subscriptions_.needs(relay) || commands_.needs(relay) || deliveries_.needs(relay) ||
                              link_reader_.needs(relay);
                     }});
  const auto begun = [&]() -> Result<> {
    SIMPLEX_TRY(subscriptions_.start());
    SIMPLEX_TRY(commands_.start());
    link_reader_.start();
    SIMPLEX_TRY(deliveries_.start());
    return covers_.start();
  }();
  if (!begun) return core_.storage_failed(begun.error());
  restoration_.start();
}

void AgentImpl::drop_sessions() {
  restoration_.stop();
  covers_.stop();
  relays_.stop();
  routes_.stop();
  unusable_.clear();
  subscriptions_.stop();
  reception_.stop();
  commands_.stop();
  link_reader_.stop();
  deliveries_.stop();
}

void AgentImpl::stop() {
  save_statistics();
  settle();
  copies_.stop();
  grow_older();
  if (!std::exchange(started_, false)) return;
  cleanup_.cancel();
  statistics_.cancel();
  recovery_.cancel();
  suspension_.cancel();
  phase_ = Phase::active;
  drop_sessions();
  server_tests_.stop();
  core_.outbox.stop();
}

// Effects may open the next turn.
void AgentImpl::settle() {
  while (core_.turn.open() && core_.turn.commit()) {
  }
}

Result<> AgentImpl::flush() { return core_.turn.commit(); }

// Once for each relay: the agent goes on trying, for its operator may put it right; or the user, when the settings of the
// network leave it no host.
void AgentImpl::tell_unusable(const Relay& relay, const smp::client::Failure& why) {
  const bool untrusted = why.kind == smp::client::Failure::Kind::untrusted;
  if (!untrusted && why.error.kind != ErrorKind::unsupported) return;
  if (!unusable_.insert(relay.name()).second) return;
  core_.outbox.passing(AgentProblem{std::nullopt,
                                    untrusted ? Failure::authorization : Failure::network,
                                    {why.error.kind, relay.name() + ": " + why.error.message, why.error.advice}});
}

void AgentImpl::turn_failed(const Error& error) {
  core_.dependencies.log.error("The agent's database: " + error.message);
  core_.outbox.passing(AgentProblem{std::nullopt, Failure::storage, error});
  if (!started_) return;
  settle();
  drop_sessions();
  if (phase_ != Phase::active) return;
  const auto now = core_.dependencies.loop.now();
  if (now - std::exchange(last_failure_, now) > core_.config.timeouts.reconnect.max * 2) recovery_backoff_.reset();
  recovery_ = core_.dependencies.loop.after(recovery_backoff_.next(core_.dependencies.random), [this] {
    recovery_.cancel();
    if (started_) resume();
  });
}

void AgentImpl::clean_up() {
  const auto done = core_.turn.run([this]() -> Result<> {
    const auto before = core_.now() - core_.config.timeouts.duplicates_kept;
    SIMPLEX_TRY(core_.messages.forget_before(before));
    SIMPLEX_TRY(core_.requests.forget_answered_before(before));
    SIMPLEX_TRY(core_.links.forget_sender_keys_before(core_.now() - core_.config.timeouts.read_links_kept));
    SIMPLEX_TRY(rotation_.clean_up());
    SIMPLEX_TRY(rotation_.begin_due());
    return core_.ratchets.forget_seen_keys_before(before);
  });
  if (!done) core_.dependencies.log.warning("Old records could not be removed: " + done.error().message);
  settle();
  grow_older();
  cleanup_ = core_.dependencies.loop.after(core_.config.timeouts.cleanup, [this] { clean_up(); });
}

void AgentImpl::handled(EventId event) {
  const auto done = core_.turn.run_unhurried([&] { return core_.outbox.handled(event); });
  if (phase_ == Phase::suspended) core_.turn.hurry();
  if (!done) core_.dependencies.log.warning("An event could not be marked as handled: " + done.error().message);
}

// ---- connections ----------------------------------------------------------------------------------------------------

Result<> AgentImpl::allow_connection(ConnectionId id, ConfirmationId confirmation_id, BytesView own_info) {
  return core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_id(id));
    SIMPLEX_ASSIGN(const auto confirmation, core_.commands.confirmation(confirmation_id));
    if (!confirmation) {
      // Gone once our confirmation was delivered.
      if (connection.connected) return {};
      SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
      if (sending) return {};
      return fail(ErrorKind::not_found, "There is no such confirmation.");
    }
    if (confirmation->conn != connection.key) return fail(ErrorKind::not_found, "There is no such confirmation.");
    if (confirmation->own_info) return {};
    const auto limit = connection.pq == crypto::PqSupport::on ? max_connection_info_pq : max_connection_info;
    if (own_info.size() > limit) {
      return fail(ErrorKind::limit, "The connection information (the profile) is too long.", Advice::ask_user);
    }
    SIMPLEX_TRY(core_.commands.allow(confirmation_id, own_info));
    Writer argument;
    argument.i64(confirmation_id.value());
    return commands_.enqueue(connection.key, CommandKind::allow, {}, std::move(argument).take());
  });
}

Result<> AgentImpl::synchronize_ratchet(ConnectionId id, bool pq, bool force) {
  return core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_id(id));
    return ratchet_sync_.start(connection, pq ? crypto::PqSupport::on : crypto::PqSupport::off, force);
  });
}

Result<> AgentImpl::set_pq_encryption(ConnectionId id, bool wanted) {
  return core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_id(id));
    if (!connection.connected) return not_connected();
    if (wanted && pq_support_of(connection.agent_version, core_.config.versions.e2e.max) == crypto::PqSupport::off) {
      return fail(ErrorKind::version,
                  "The program of one of the two sides does not know post-quantum encryption: update it first.",
                  Advice::ask_user);
    }
    return core_.connections.set_pq_wanted(connection.key,
                                           wanted ? crypto::PqEncryption::on : crypto::PqEncryption::off);
  });
}

Result<VerificationCode> AgentImpl::verification_code(ConnectionId id) {
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_id(id));
  SIMPLEX_ASSIGN(const auto shared, core_.ratchets.associated_data(connection.key));
  return *VerificationCode::from(crypto::sha256(shared.view()).view());
}

Result<> AgentImpl::switch_connection(ConnectionId id) {
  return core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_id(id));
    return rotation_.start(connection);
  });
}

Result<> AgentImpl::abort_switch(ConnectionId id) {
  return core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_id(id));
    return rotation_.abort(connection);
  });
}

Result<> AgentImpl::set_mixing(ConnectionId id, Mixing mixing) {
  const bool possible = mixing.max_delay >= Duration::zero() && mixing.max_delay <= std::chrono::hours(1) &&
                        (mixing.cover_interval == Duration::zero() || mixing.cover_interval >= std::chrono::seconds(1));
  if (!possible) {
    return fail(ErrorKind::limit, "The delay is at most an hour, and the interval at least a second.",
                Advice::ask_user);
  }
  return core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(auto connection, core_.connections.by_id(id));
    if (connection.role == Role::address)
      return fail(ErrorKind::conflict, "Nothing is sent to the visitors of an address.");
    SIMPLEX_TRY(core_.connections.set_mixing(connection.key, mixing.max_delay, mixing.cover_interval));
    connection.cover_interval = mixing.cover_interval;
    core_.turn.after_commit([this, connection = std::move(connection)] {
      if (started_ && phase_ == Phase::active) covers_.changed(connection);
    });
    return {};
  });
}

Result<ConnectionState> AgentImpl::connection_state(ConnectionId id) {
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_id(id));
  SIMPLEX_ASSIGN(const auto receiving, core_.queues.rcv_queue_of(connection.key));
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
  const auto second = QueuePurpose::second;
  SIMPLEX_ASSIGN(const auto receiving_too, core_.queues.rcv_queue_of(connection.key, second));
  SIMPLEX_ASSIGN(const auto sending_too, core_.queues.snd_queue_of(connection.key, second));
  const auto name_if_used = [](const auto& queue) {
    return queue && queue->status != QueueStatus::new_ ? protocol::format(queue->server) : std::string();
  };
  SIMPLEX_ASSIGN(const bool switching, rotation_.under_way(connection));
  SIMPLEX_ASSIGN(const bool can_abort, rotation_.can_abort(connection));
  SIMPLEX_ASSIGN(const auto pq, core_.ratchets.pq_use(connection.key));
  return ConnectionState{.user = connection.user,
                         .connected = connection.connected,
                         .pq_support = connection.pq == crypto::PqSupport::on,
                         .pq_wanted = connection.pq_wanted == crypto::PqEncryption::on,
                         .pq_sending = pq.sending,
                         .pq_receiving = pq.receiving,
                         .can_send = connection.may_send(),
                         .ratchet_sync = connection.sync,
                         .agent_version = connection.agent_version.value(),
                         .receiving_relay = receiving ? protocol::format(receiving->server) : std::string(),
                         .sending_relay = sending ? protocol::format(sending->server) : std::string(),
                         .second_receiving_relay = name_if_used(receiving_too),
                         .second_sending_relay = name_if_used(sending_too),
                         .switching = switching,
                         .can_abort_switch = can_abort,
                         .mixing = {connection.max_delay, connection.cover_interval}};
}

Result<std::vector<ConnectionId>> AgentImpl::connections(UserId user) { return core_.connections.of_user(user); }

// ---- messages -------------------------------------------------------------------------------------------------------

Result<MessageId> AgentImpl::send_message(ConnectionId id, BytesView body, std::optional<SendKey> key) {
  return core_.turn.run([&] { return send({id, key}, body, nullptr); });
}

// Each is kept or undone alone, and all that are kept are one turn.
std::vector<Result<MessageId>> AgentImpl::send_messages(std::span<const SendRequest> requests, BytesView body) {
  std::optional<SharedBody> shared;
  std::vector<Result<MessageId>> sent;
  sent.reserve(requests.size());
  for (const auto& request : requests) {
    auto body_of_all = shared;
    sent.push_back(core_.turn.run([&] { return send(request, body, requests.size() > 1 ? &body_of_all : nullptr); }));
    if (sent.back()) shared = body_of_all;
  }
  return sent;
}

Result<MessageId> AgentImpl::send(const SendRequest& request, BytesView body, std::optional<SharedBody>* shared) {
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_id(request.connection));
  if (request.key) {
    SIMPLEX_ASSIGN(const auto known, core_.messages.message_of(connection.key, *request.key));
    if (known) return *known;
  }
  SIMPLEX_ASSIGN(const auto queue, core_.queues.snd_queue_of(connection.key));
  if (!connection.connected || !queue) return not_connected();
  if (!connection.may_send()) {
    return fail(ErrorKind::conflict,
                "The peer could not read the message: the two sides have to agree on new encryption keys first.",
                Advice::retry);
  }
  if (shared != nullptr && !*shared) {
    SIMPLEX_ASSIGN(*shared, core_.messages.insert_body(body));
  }
  SIMPLEX_ASSIGN(const auto message,
                 deliveries_.enqueue(connection, *queue, DeliveryKind::user, message::User{Content(body)},
                                     shared != nullptr ? *shared : std::nullopt, request.notify));
  if (request.key) {
    SIMPLEX_TRY(core_.messages.insert_send_key(connection.key, *request.key, message, core_.now()));
  }
  return message;
}

// The relay is told before this turn is committed: the application has the message, and were the turn undone, it would be
// told of it once more.
Result<> AgentImpl::ack_message(ConnectionId id, MessageId message_id, Receipt receipt) {
  std::optional<RcvQueue> queue;
  smp::MessageId relay_message;
  UserId user;
  const auto forget = [&]() -> Result<> {
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_id(id));
    SIMPLEX_ASSIGN(const auto message, core_.messages.received(connection.key, id, message_id));
    if (!message) return {};
    SIMPLEX_TRY(core_.messages.erase_received(connection.key, message_id));
    SIMPLEX_TRY(core_.outbox.handled(message->event));
    if (receipt == Receipt::send) SIMPLEX_TRY(deliveries_.enqueue_receipt(connection, *message));
    user = connection.user;
    relay_message = message->relay_message_id;
    SIMPLEX_ASSIGN(queue, core_.queues.rcv_queue(message->queue));
    return {};
  };
  SIMPLEX_TRY(receipt == Receipt::send ? core_.turn.run(forget) : core_.turn.run_unhurried(forget));
  if (phase_ == Phase::suspended) core_.turn.hurry();
  if (started_ && queue) Reception::tell(relays_.get({user, id}, queue->server), *queue, relay_message);
  return {};
}

}  // namespace simplex::agent
