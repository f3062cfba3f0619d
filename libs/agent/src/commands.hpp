// What has to be done at relays for connections: create queues, secure them, delete them. Each command is a row until it
// is done, and every step that has an effect is written down, so that a restart goes on where it was.
#pragma once

#include <map>

#include "core.hpp"
#include "delivery.hpp"
#include "handshake.hpp"
#include "relays.hpp"

namespace simplex::agent {

class Commands {
 public:
  Commands(Core& core, Relays& relays, DeliveryQueues& deliveries)
      : core_(core), relays_(relays), deliveries_(deliveries) {}

  // A queue was created in the session that is up: it is subscribed there already.
  std::move_only_function<void(Relay&, const smp::RecipientId&, ConnectionId)> queue_created;

  // In a turn: stores the command; it runs after the commit.
  [[nodiscard]] Result<> enqueue(ConnKey conn, CommandKind kind, std::string server, Bytes argument);
  // One of our relays, at random; another than the one to avoid, if there is one. Empty: we have none.
  [[nodiscard]] std::string pick_server(std::string_view avoid);

  [[nodiscard]] Result<> start();
  void stop() { running_.clear(); }
  void relay_up(const Relay& relay);
  void relay_down(const Relay& relay);
  [[nodiscard]] bool needs(const Relay& relay) const;

 private:
  struct Running {
    explicit Running(const Timeouts& timeouts) : backoff(timeouts.message_fast) {}
    Relay* relay = nullptr;
    bool waiting = false;  // for the relay's session
    bool in_flight = false;
    async::Timer timer;
    Backoff backoff;
  };

  void run(CommandKey key);
  [[nodiscard]] Result<> step(const Command& command);
  [[nodiscard]] Result<> create(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> join(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> allow(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> secure_reply(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> request(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> delete_queue(const Command& command, const Connection& connection);

  [[nodiscard]] std::optional<protocol::BasicAuth> password_of(const protocol::ServerAddress& server) const;

  // NEW at the command's server; then the queue's row is inserted and `created` runs in the same turn.
  using Created = std::move_only_function<Result<>(const RcvQueue&)>;
  [[nodiscard]] Result<> new_queue(const Command& command, const Connection& connection, SmpClientVersion version,
                                   Created created);
  [[nodiscard]] bool wanted(CommandKey key);
  void drop_queue(Relay& relay, const smp::RecipientId& queue, const crypto::AuthPrivateKey& key);
  [[nodiscard]] Result<> skey(const Command& command, const Connection& connection, const SndQueue& queue);
  [[nodiscard]] Result<> key(const Command& command, const Connection& connection, const RcvQueue& queue,
                             const crypto::AuthPublicKey& sender_key);
  [[nodiscard]] Result<> connect_reply_queue(const Command& command, const Connection& connection,
                                             const Confirmation& confirmation, BytesView own_info);

  // Null: the session is not up; the command runs again when it is.
  [[nodiscard]] smp::client::Client* client_for(const Command& command, UserId user,
                                                const protocol::ServerAddress& server);
  // The answer: success runs in a turn, and then the command's next step; a failure is tried again, or ends it.
  void answered(CommandKey key, const smp::client::Failure* failure, std::move_only_function<Result<>()> success);
  void failed(CommandKey key, const smp::client::Failure& failure);
  [[nodiscard]] Result<> end(const Command& command, Failure failure, Error error);
  [[nodiscard]] Result<> finish_deletion(const Connection& connection);
  void retry_now(CommandKey key);

  Core& core_;
  Relays& relays_;
  DeliveryQueues& deliveries_;
  std::map<CommandKey, Running> running_;
};

}  // namespace simplex::agent
