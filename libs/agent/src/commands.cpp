#include "commands.hpp"

#include <algorithm>

#include "failures.hpp"
#include "link_request.hpp"

namespace simplex::agent {
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
    case CommandKind::secure_second: return secure_second(command, connection);
    case CommandKind::await_sender: return {};  // until clean_up
  }
  return unreadable("a command");
}

smp::client::Client* Commands::client_for(const Command& command, const Party& party,
                                          const protocol::ServerAddress& server) {
  auto& running = running_.at(command.key);
  running.relay = &relays_.get(party, server);
  auto* client = running.relay->client();
  running.waiting = client == nullptr;
  running.in_flight = client != nullptr;
  if (client == nullptr) relays_.need(*running.relay);
  return client;
}

std::optional<Way> Commands::way_for(const Command& command, const Party& party,
                                     const protocol::ServerAddress& server) {
  auto& running = running_.at(command.key);
  const auto way = routes_.way(party, server);
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

Result<std::optional<protocol::ServerAddress>> Commands::destination_of(const Command& command) {
  if (command.kind == CommandKind::join_link) {
    SIMPLEX_ASSIGN(auto asked, read_join_link(command.argument));
    return std::move(asked.link.server);
  }
  SIMPLEX_ASSIGN(auto sending, sending_of(command));
  if (!sending) return std::nullopt;
  return std::move(sending->server);
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
  if (kind == CommandKind::set_link || kind == CommandKind::delete_link) {
    return {ErrorKind::authentication,
            "The relay changes nothing at this link: a one-time link that somebody has opened stays as it is, and the "
            "relay may have lost the queue behind it.",
            Advice::give_up};
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
  if (!running.second_at.empty()) {  // one will do
    running.second_at.clear();
    running.without_second = true;
    return run(key);
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
    SIMPLEX_ASSIGN(const auto to, destination_of(*command));
    if (to && cannot_route(failure) && routes_.goes_directly(connection, *to)) return true;
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
  if (command.kind == CommandKind::secure_second) {
    SIMPLEX_ASSIGN(const auto second, sending_of(command));
    return second ? give_up_second(connection, second->key) : Result<>();
  }
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
        if (std::exchange(running.second_at, {}) == relay.name()) {  // one will do
          running.without_second = true;
          moved.push_back(key);
          continue;
        }
        SIMPLEX_ASSIGN(const auto to, destination_of(*command));
        // What was to go through a proxy goes another way.
        if (to && routes_.way(relay.party(), *to).relay != &relay) moved.push_back(key);
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

}  // namespace simplex::agent
