#include "commands.hpp"

#include <algorithm>

#include "simplex/crypto/key_encoding.hpp"
#include "failures.hpp"
#include "link_request.hpp"

namespace simplex::agent {
namespace {

std::unexpected<Error> bad_argument() {
  return fail(ErrorKind::storage, "The database is damaged: a command cannot be read.", Advice::ask_user);
}

}  // namespace

// ---- running --------------------------------------------------------------------------------------------------------

Result<> Commands::enqueue(ConnKey conn, CommandKind kind, std::string server, Bytes argument) {
  SIMPLEX_ASSIGN(const auto key,
                 core_.commands.insert({{}, conn, kind, std::move(server), std::move(argument)}, core_.now()));
  core_.turn.after_commit([this, key] { run(key); });
  return {};
}

std::string Commands::pick_server(UserId user, const protocol::ServerAddress* peers, std::string_view failed) {
  UserServers::Wish wish;
  if (peers != nullptr) wish.used.push_back(*peers);
  wish.failed = failed;
  const auto* picked = core_.servers.pick_storage(user, wish, core_.dependencies.random);
  return picked != nullptr ? picked->name : std::string();
}

Result<std::string> Commands::pick_another_server(const Command& command) {
  if (command.kind == CommandKind::switch_queue) return pick_server_for_switch(command.conn, command.server);
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(command.conn));
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(command.conn));
  return pick_server(connection.user, sending ? &sending->server : nullptr, command.server);
}

Result<> Commands::start() {
  SIMPLEX_ASSIGN(const auto keys, core_.commands.all());
  for (const auto key : keys) run(key);
  return {};
}

void Commands::run(CommandKey key) {
  auto& running = running_.try_emplace(key, core_.config.timeouts).first->second;
  if (running.in_flight || running.timer.armed() || running.waiting) return;
  const auto done = core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(const auto command, core_.commands.find(key));
    if (!command) {
      running_.erase(key);
      return {};
    }
    auto stepped = step(*command);
    // What the peer or the user gave does not work: that ends the command, not the agent.
    if (!stepped && stepped.error().kind != ErrorKind::storage) {
      return end(*command, failure_of(stepped.error()), stepped.error());
    }
    return stepped;
  });
  if (!done) core_.storage_failed(done.error());
}

Result<> Commands::step(const Command& command) {
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(command.conn));
  switch (command.kind) {
    case CommandKind::create: return create(command, connection);
    case CommandKind::join: return join(command, connection);
    case CommandKind::allow: return allow(command, connection);
    case CommandKind::secure_reply: return secure_reply(command, connection);
    case CommandKind::delete_queue: return delete_queue(command, connection);
    case CommandKind::request: return request(command, connection);
    case CommandKind::switch_queue: return switch_queue(command, connection);
    case CommandKind::secure_replacement: return secure_replacement(command, connection);
    case CommandKind::retire_queue: return retire_queue(command, connection);
    case CommandKind::join_link: return join_link(command, connection);
    case CommandKind::set_link: return set_link(command, connection);
    case CommandKind::delete_link: return delete_link(command, connection);
  }
  return bad_argument();
}

smp::client::Client* Commands::client_for(const Command& command, UserId user, const protocol::ServerAddress& server) {
  auto& running = running_.at(command.key);
  running.relay = &relays_.get(user, server);
  auto* client = running.relay->client();
  running.waiting = client == nullptr;
  running.in_flight = client != nullptr;
  if (client == nullptr) relays_.need(*running.relay);
  return client;
}

std::optional<Way> Commands::way_for(const Command& command, UserId user, const protocol::ServerAddress& server) {
  auto& running = running_.at(command.key);
  const auto way = routes_.way(user, server);
  running.relay = way.relay;
  if (way.relay == nullptr) {
    failed_at_proxy(command.key, running, Routes::no_way());
    return std::nullopt;
  }
  running.waiting = way.relay->client() == nullptr;
  running.in_flight = !running.waiting;
  if (running.in_flight) return way;
  relays_.need(*way.relay);
  return std::nullopt;
}

void Commands::answered(CommandKey key, const smp::client::Failure* failure,
                        std::move_only_function<Result<>()> success) {
  const auto found = running_.find(key);
  if (found == running_.end()) return;
  found->second.in_flight = false;
  if (failure != nullptr) return failed(key, *failure);
  found->second.backoff.reset();
  // The connection may have been deleted meanwhile, and its command with it.
  const auto done = core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(const auto command, core_.commands.find(key));
    if (!command) return {};
    auto succeeded = success();
    if (!succeeded && succeeded.error().kind != ErrorKind::storage) {
      return end(*command, failure_of(succeeded.error()), succeeded.error());
    }
    return succeeded;
  });
  if (!done) return core_.storage_failed(done.error());
  run(key);
}

namespace {

// The relay says no more than "not authorized"; what was asked says why.
Error explained(CommandKind kind, const smp::client::Failure& failure) {
  if (kind == CommandKind::join_link) return explained_link(failure);
  if (!failure.is<smp::errors::Auth>()) return failure.error;
  if (kind == CommandKind::create || kind == CommandKind::switch_queue) {
    return {
        ErrorKind::authentication,
        "Your relay makes no queue for you: its address lacks the password, or has a wrong one. The whole address is "
        "smp://FINGERPRINT:PASSWORD@HOST.",
        Advice::ask_user};
  }
  if (kind == CommandKind::join) {
    return {
        ErrorKind::authentication,
        "The link was used already or deleted by its maker, or your relay asks for a password that its address lacks. "
        "Ask for a new link.",
        Advice::ask_user};
  }
  return failure.error;
}

}  // namespace

void Commands::failed(CommandKey key, const smp::client::Failure& failure) {
  auto& running = running_.at(key);
  if (failure.kind == smp::client::Failure::Kind::network) {  // the session is ending
    running.waiting = true;
    return;
  }
  if (failure.at_proxy) return failed_at_proxy(key, running, failure);
  if (is_temporary(failure)) {
    running.timer =
        core_.dependencies.loop.after(running.backoff.next(core_.dependencies.random), [this, key] { retry_now(key); });
    return;
  }
  const auto done = core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(const auto command, core_.commands.find(key));
    if (!command) return {};
    return end(*command, failure_of(failure), explained(command->kind, failure));
  });
  if (!done) return core_.storage_failed(done.error());
  running_.erase(key);
}

// It goes another way; the application hears of it once.
void Commands::failed_at_proxy(CommandKey key, Running& running, const smp::client::Failure& failure) {
  const auto looked_up = [&]() -> Result<bool> {
    SIMPLEX_ASSIGN(const auto command, core_.commands.find(key));
    if (!command) return true;
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(command->conn));
    SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(command->conn));
    if (sending && cannot_route(failure) && routes_.goes_directly(connection.user, sending->server)) return true;
    if (!std::exchange(running.told, true)) {
      core_.outbox.passing(AgentProblem{connection.id, failure_of(failure), failure.error});
    }
    return false;
  }();
  if (!looked_up) return core_.storage_failed(looked_up.error());
  if (*looked_up) return run(key);
  running.timer =
      core_.dependencies.loop.after(running.backoff.next(core_.dependencies.random), [this, key] { retry_now(key); });
}

void Commands::retry_now(CommandKey key) {
  const auto found = running_.find(key);
  if (found == running_.end()) return;
  found->second.timer.cancel();
  run(key);
}

Result<> Commands::end(const Command& command, Failure failure, Error error) {
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(command.conn));
  if (command.kind == CommandKind::delete_queue || command.kind == CommandKind::retire_queue) {
    // Whatever the relay says, there is nothing more that we could do there.
    return finish_deletion(command);
  }
  SIMPLEX_TRY(core_.commands.erase(command.key));
  if (connection.deleted) return {};
  if (command.kind == CommandKind::switch_queue || command.kind == CommandKind::secure_replacement) {
    SIMPLEX_TRY(abandon_switch(connection));
    core_.outbox.passing(AgentProblem{connection.id, failure, std::move(error)});
    return {};
  }
  if (failure == Failure::authorization && command.kind == CommandKind::join) {
    error.message = "The invitation was used already, or was deleted. Ask for a new link.";
    error.advice = Advice::ask_user;
  }
  if (command.kind == CommandKind::set_link || command.kind == CommandKind::delete_link) {
    SIMPLEX_TRY(core_.outbox.durable(LinkFailed{connection.id, failure, std::move(error)}));
    return {};
  }
  SIMPLEX_TRY(core_.outbox.durable(ConnectionFailed{connection.id, failure, std::move(error)}));
  return {};
}

void Commands::relay_up(const Relay& relay) {
  std::vector<CommandKey> ready;
  for (auto& [key, running] : running_) {
    if (!running.waiting || running.relay != &relay) continue;
    running.waiting = false;
    ready.push_back(key);
  }
  for (const auto key : ready) run(key);
}

// Where a new queue is wanted, another of our relays will do.
void Commands::relay_down(const Relay& relay) {
  std::vector<CommandKey> moved;
  const auto done = core_.turn.run([&]() -> Result<> {
    for (auto& [key, running] : running_) {
      if (running.relay == &relay) running.silent_since.reset();
      if (!running.waiting || running.relay != &relay) continue;
      SIMPLEX_ASSIGN(const auto command, core_.commands.find(key));
      if (!command) continue;
      if (command->server != relay.name()) {
        SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(command->conn));
        // What was to go through a proxy goes another way.
        if (sending && routes_.way(relay.user(), sending->server).relay != &relay) moved.push_back(key);
        continue;
      }
      SIMPLEX_ASSIGN(const auto other, pick_another_server(*command));
      if (other.empty() || other == command->server) continue;
      SIMPLEX_TRY(core_.commands.set_server(key, other));
      moved.push_back(key);
    }
    return {};
  });
  if (!done) return core_.storage_failed(done.error());
  for (const auto key : moved) {
    running_.at(key).waiting = false;
    run(key);
  }
}

bool Commands::needs(const Relay& relay) const {
  return std::any_of(running_.begin(), running_.end(), [&](const auto& entry) {
    const auto& running = entry.second;
    return running.relay == &relay && (running.waiting || running.in_flight || running.timer.armed());
  });
}

// ---- commands -------------------------------------------------------------------------------------------------------

Result<> Commands::create(const Command& command, const Connection& connection) {
  return new_queue(command, connection, core_.config.versions.smp_client.max,
                   [this, command, id = connection.id, role = connection.role](const RcvQueue& queue) -> Result<> {
                     std::string link;
                     if (role == Role::address) {
                       link = protocol::format(make_address(queue, core_.config.versions));
                     } else {
                       SIMPLEX_ASSIGN(const auto keys, core_.ratchets.x3dh_keys(command.conn));
                       link = protocol::format(make_link(queue, keys, core_.config.versions));
                     }
                     SIMPLEX_TRY(core_.connections.set_link(command.conn, link));
                     SIMPLEX_TRY(core_.commands.erase(command.key));
                     SIMPLEX_ASSIGN(auto short_link, core_.links.text_of(command.conn));
                     SIMPLEX_TRY(core_.outbox.durable(InvitationReady{id, link, std::move(short_link)}));
                     return {};
                   });
}

Result<> Commands::request(const Command& command, const Connection& connection) {
  return new_queue(
      command, connection, core_.config.versions.smp_client.max, [this, command](const RcvQueue& queue) -> Result<> {
        SIMPLEX_ASSIGN(const auto owner, core_.connections.by_key(command.conn));
        SIMPLEX_ASSIGN(const auto keys, core_.ratchets.x3dh_keys(command.conn));
        SIMPLEX_ASSIGN(const auto request, read_address_request(command.argument));
        SIMPLEX_TRY(deliveries_.enqueue_request(owner, request, make_link(queue, keys, core_.config.versions)));
        return core_.commands.erase(command.key);
      });
}

Result<> Commands::join(const Command& command, const Connection& connection) {
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
  if (!sending) return bad_argument();
  if (protocol::sender_can_secure(sending->mode) && sending->status == QueueStatus::new_) {
    return skey(command, connection, *sending);
  }
  return new_queue(command, connection, sending->client_version, [this, command](const RcvQueue& queue) -> Result<> {
    SIMPLEX_ASSIGN(const auto owner, core_.connections.by_key(command.conn));
    SIMPLEX_ASSIGN(const auto to, core_.queues.snd_queue_of(command.conn));
    if (!to) return bad_argument();
    const AgentConnInfoReply reply{{{queue.client_version, queue.address()}}, Content(command.argument)};
    SIMPLEX_TRY(deliveries_.enqueue_confirmation(owner, *to, reply));
    return core_.commands.erase(command.key);
  });
}

Result<> Commands::allow(const Command& command, const Connection& connection) {
  Reader reader(command.argument);
  SIMPLEX_ASSIGN(const auto number, reader.i64());
  SIMPLEX_ASSIGN(const auto confirmation, core_.commands.confirmation(ConfirmationId(number)));
  SIMPLEX_ASSIGN(const auto receiving, core_.queues.rcv_queue_of(connection.key));
  if (!confirmation || !confirmation->own_info || !receiving) return bad_argument();
  if (confirmation->sender_key && receiving->status < QueueStatus::secured) {
    return key(command, connection, *receiving, *confirmation->sender_key);
  }
  return connect_reply_queue(command, connection, *confirmation, *confirmation->own_info);
}

Result<> Commands::connect_reply_queue(const Command& command, const Connection& connection,
                                       const Confirmation& confirmation, BytesView own_info) {
  SIMPLEX_ASSIGN(auto sending, core_.queues.snd_queue_of(connection.key));
  if (!sending) {
    const auto& ours = core_.config.versions.smp_client;
    if (!ours.contains(confirmation.reply_queue.version)) return program_not_understood();
    auto address = confirmation.reply_queue.address;
    address.mode = understood(address.mode, core_.config.versions);
    SIMPLEX_ASSIGN(auto made, make_snd_queue(core_.dependencies.random, connection.key, address,
                                             confirmation.reply_queue.version));
    SIMPLEX_ASSIGN(made.key, core_.queues.insert(made));
    sending = std::move(made);
  }
  if (protocol::sender_can_secure(sending->mode) && sending->status == QueueStatus::new_) {
    return skey(command, connection, *sending);
  }
  SIMPLEX_TRY(deliveries_.enqueue_confirmation(connection, *sending, AgentConnInfo{Content(own_info)}));
  SIMPLEX_TRY(core_.commands.erase(command.key));
  running_.erase(command.key);
  return {};
}

Result<> Commands::secure_reply(const Command& command, const Connection& connection) {
  SIMPLEX_ASSIGN(const auto receiving, core_.queues.rcv_queue_of(connection.key));
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
  if (!receiving || !sending) return bad_argument();
  if (receiving->status < QueueStatus::secured) {
    SIMPLEX_ASSIGN(const auto sender_key, crypto::from_spki<crypto::AuthPublicKey>(command.argument));
    return key(command, connection, *receiving, sender_key);
  }
  SIMPLEX_TRY(deliveries_.enqueue(connection, *sending, DeliveryKind::hello, message::Hello{}));
  SIMPLEX_TRY(core_.commands.erase(command.key));
  running_.erase(command.key);
  return {};
}

// ---- steps ----------------------------------------------------------------------------------------------------------

Result<> Commands::new_queue(const Command& command, const Connection& connection, SmpClientVersion version,
                             Created created) {
  SIMPLEX_ASSIGN(auto address, protocol::parse_server_address(command.server));
  auto* client = client_for(command, connection.user, address);
  if (client == nullptr) return {};
  auto auth = crypto::generate_ed25519(core_.dependencies.random);
  auto relay_dh = crypto::generate_x25519(core_.dependencies.random);
  smp::command::New request{.recipient_key = auth.public_key,
                            .recipient_dh_key = relay_dh.public_key,
                            .password = core_.servers.password_of(connection.user, address),
                            .subscription = smp::SubscriptionMode::subscribe,
                            .mode = std::nullopt,
                            .notifier = std::nullopt};
  if (understood(protocol::QueueMode::messaging, core_.config.versions)) {
    request.mode = smp::command::New::Messaging{};
    if (connection.role == Role::address) request.mode = smp::command::New::Contact{};
  }
  RcvQueue queue;
  queue.conn = connection.key;
  queue.server = std::move(address);
  queue.recipient_key = std::move(auth.private_key);
  queue.dh_key = crypto::generate_x25519(core_.dependencies.random).private_key;
  queue.client_version = version;
  if (command.kind == CommandKind::switch_queue) queue.purpose = QueuePurpose::replacement;
  std::optional<NewLink> link;
  if (makes_link(command, *client)) {
    SIMPLEX_ASSIGN(link, new_link(command, connection, queue));
    request.mode = mode_of(*link, queue);
  }
  const auto corr_id = link ? std::optional(link->corr_id) : std::nullopt;
  const auto recipient_key = crypto::clone(queue.recipient_key);
  client->create_queue(
      request, recipient_key,
      [this, key = command.key, id = connection.id, relay = running_.at(command.key).relay, queue = std::move(queue),
       link = std::move(link), relay_private = std::move(relay_dh.private_key),
       created = std::move(created)](smp::client::Outcome<smp::broker::Ids> ids) mutable {
        if (ids && !wanted(key)) return drop_queue(*relay, ids->recipient_id, queue.recipient_key);
        answered(key, ids ? nullptr : &ids.error(), [&]() -> Result<> {
          if (link) SIMPLEX_TRY(keep_link(*link, queue, *ids));
          queue.recipient_id = ids->recipient_id;
          queue.sender_id = ids->sender_id;
          queue.mode = ids->mode;
          SIMPLEX_ASSIGN(queue.relay_key, crypto::box_key(ids->relay_dh_key, relay_private));
          SIMPLEX_ASSIGN(queue.key, core_.queues.insert(queue));
          core_.turn.after_commit([this, relay, recipient = queue.recipient_id, id] {
            if (queue_created) queue_created(*relay, recipient, id);
          });
          return created(queue);
        });
      },
      corr_id);
  return {};
}

bool Commands::wanted(CommandKey key) {
  const auto command = core_.commands.find(key);
  return !command || command->has_value();
}

// Its connection was deleted while the relay made it.
void Commands::drop_queue(Relay& relay, const smp::RecipientId& queue, const crypto::AuthPrivateKey& key) {
  if (auto* client = relay.client()) client->delete_queue(queue, key, [](const smp::client::Outcome<>&) {});
}

Result<> Commands::skey(const Command& command, const Connection& connection, const SndQueue& queue) {
  const auto way = way_for(command, connection.user, queue.server);
  if (!way) return {};
  routes_.secure_as_sender(*way, queue.server, queue.sender_id, queue.sender_key,
                           [this, key = command.key, secured = queue.key](smp::client::Outcome<> outcome) {
                             answered(key, outcome ? nullptr : &outcome.error(),
                                      [&] { return core_.queues.set_status(secured, QueueStatus::secured); });
                           });
  return {};
}

Result<> Commands::key(const Command& command, const Connection& connection, const RcvQueue& queue,
                       const crypto::AuthPublicKey& sender_key) {
  auto* client = client_for(command, connection.user, queue.server);
  if (client == nullptr) return {};
  client->secure(queue.recipient_id, queue.recipient_key, sender_key,
                 [this, key = command.key, secured = queue.key](smp::client::Outcome<> outcome) {
                   answered(key, outcome ? nullptr : &outcome.error(),
                            [&] { return core_.queues.set_status(secured, QueueStatus::secured); });
                 });
  return {};
}

}  // namespace simplex::agent
