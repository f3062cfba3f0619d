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
  Commands(Core& core, Relays& relays, Routes& routes, DeliveryQueues& deliveries)
      : core_(core), relays_(relays), routes_(routes), deliveries_(deliveries) {}

  // A queue was created in the session that is up: it is subscribed there already.
  std::move_only_function<void(Relay&, const smp::RecipientId&, ConnectionId)> queue_created;

  // A queue of ours will be deleted, or is.
  std::move_only_function<void(const Party&, const protocol::ServerAddress&, const smp::RecipientId&)> queue_given_up;
  // Whether the relay would send what is in the queue.
  std::move_only_function<bool(const Relay&, const smp::RecipientId&)> subscribed;

  // Of CommandKind::create: link_data, when a short link is wanted, is what it leads to beside the connection.
  [[nodiscard]] static Bytes create_argument(std::optional<BytesView> link_data);

  // In a turn: stores the command; it runs after the commit.
  [[nodiscard]] Result<> enqueue(ConnKey conn, CommandKind kind, std::string server, Bytes argument);
  // One of the user's relays, at random; of another operator than that of the peer, and another than the one that
  // failed, if there is one. Empty: the user has none.
  [[nodiscard]] std::string pick_server(UserId user, const protocol::ServerAddress* peers = nullptr,
                                        std::string_view failed = {});

  // Of CommandKind::join_link.
  [[nodiscard]] static Bytes join_link_argument(const protocol::ShortLink& link, bool pq, BytesView own_info);
  // In a turn: what a joining party begins with. sender_key: the queue was secured with it already.
  [[nodiscard]] Result<> begin_join(ConnKey conn, const protocol::InvitationLink& link, const Agreed& agreed,
                                    BytesView own_info,
                                    std::optional<crypto::Ed25519PrivateKey> sender_key = std::nullopt);

  // For rotation (commands_rotation.cpp), all in a turn.
  // One of the user's relays that none of the connection's queues is at, nor one of that operator; or at least another than where we receive now, and
  // than the one that failed.
  [[nodiscard]] Result<std::string> pick_server_for_switch(ConnKey conn, std::string_view failed);
  [[nodiscard]] Result<> enqueue(ConnKey conn, CommandKind kind, RcvQueueKey queue);
  // Of two, the one that is lost, or else is there for longer.
  [[nodiscard]] Result<RcvQueue> queue_to_leave(ConnKey conn);
  // The new queue is not wanted any more, or cannot be had. Not after the peer was asked to use it.
  [[nodiscard]] Result<> abandon_switch(const Connection& connection);
  // A queue that is to be retired has sent something.
  void heard_from(RcvQueueKey queue) { last_heard_[queue] = core_.dependencies.loop.now(); }

  // For redundancy (commands_second.cpp), all in a turn.
  // The peer names a second queue; copies of messages wait for it until its relay has our key.
  [[nodiscard]] Result<> add_second(ConnKey conn, const protocol::QueueInfo& second);
  // The peer uses this queue of ours: when it does not use the other one for long, that is given up.
  [[nodiscard]] Result<> await_other(const RcvQueue& used);
  [[nodiscard]] Result<> give_up_unused(const RcvQueue& queue);
  // It does.
  [[nodiscard]] Result<> other_is_used(ConnKey conn);

  // Gives up what could not be done at a relay for too long.
  [[nodiscard]] Result<> clean_up();

  [[nodiscard]] Result<> start();
  void stop() {
    running_.clear();
    last_heard_.clear();
  }
  void relay_up(const Relay& relay);
  void relay_down(const Relay& relay);
  [[nodiscard]] bool needs(const Relay& relay) const;

 private:
  struct Running {
    explicit Running(const Timeouts& timeouts) : backoff(timeouts.message_fast) {}
    Relay* relay = nullptr;
    bool waiting = false;  // for the relay's session
    bool in_flight = false;
    bool told = false;  // that no proxy can be used
    async::Timer timer;
    Backoff backoff;
    std::optional<Instant> silent_since;  // retire_queue: nothing more is put into the queue
    std::string second_at;                // where the second of two queues is being made
    bool without_second = false;          // it cannot be had now, and nothing waits for it
  };

  void run(CommandKey key);
  [[nodiscard]] Result<> step(const Command& command);
  [[nodiscard]] Result<> create(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> join(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> allow(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> secure_reply(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> request(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> delete_queue(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> switch_queue(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> secure_replacement(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> retire_queue(const Command& command, const Connection& connection);

  [[nodiscard]] Result<std::string> pick_another_server(const Command& command);

  // NEW; then the queue's row is inserted and `created` runs in the same turn.
  struct NewQueue {
    std::string server;
    SmpClientVersion version;
    QueuePurpose purpose = QueuePurpose::messages;
  };
  using Created = std::move_only_function<Result<>(const RcvQueue&)>;
  [[nodiscard]] Result<> new_queue(const Command& command, const Connection& connection, const NewQueue& place,
                                   Created created);

  // Before the first of two queues, the second, where one is wanted and can be had. False: there is nothing to do.
  [[nodiscard]] Result<bool> make_second(const Command& command, const Connection& connection,
                                         SmpClientVersion version);
  [[nodiscard]] Result<std::string> server_for_second(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> secure_second(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> give_up_second(const Connection& connection, SndQueueKey queue);
  [[nodiscard]] Result<> give_up_queue(const RcvQueue& queue);
  [[nodiscard]] Result<> clean_up_second();
  // Where the command has something to do as a sender.
  [[nodiscard]] Result<std::optional<SndQueue>> sending_of(const Command& command);
  // Short links (commands_links.cpp).
  struct JoinLink {
    bool pq = false;
    protocol::ShortLink link;
    Bytes own_info;
  };
  [[nodiscard]] static Result<JoinLink> read_join_link(BytesView argument);
  [[nodiscard]] Result<> join_link(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> join_by(const Command& command, const protocol::LinkContents& contents, bool pq,
                                 BytesView own_info, std::optional<crypto::Ed25519PrivateKey> sender_key);
  [[nodiscard]] Result<> set_link(const Command& command, const Connection& connection);
  [[nodiscard]] Result<> delete_link(const Command& command, const Connection& connection);
  // One that is made together with its queue.
  struct NewLink {
    protocol::CorrId corr_id;
    protocol::LinkCredentials credentials;
    Bytes sealed_user;
  };
  // Whether one is wanted, and the relay can have it.
  [[nodiscard]] bool makes_link(const Command& command, const smp::client::Client& client) const;
  [[nodiscard]] Result<NewLink> new_link(const Command& command, const Connection& connection, RcvQueue& queue);
  [[nodiscard]] static smp::command::New::Mode mode_of(const NewLink& link, const RcvQueue& queue);
  [[nodiscard]] Result<> keep_link(NewLink& link, const RcvQueue& queue, const smp::broker::Ids& ids);
  [[nodiscard]] bool wanted(CommandKey key);
  void drop_queue(Relay& relay, const smp::RecipientId& queue, const crypto::AuthPrivateKey& key);
  [[nodiscard]] Result<> skey(const Command& command, const Connection& connection, const SndQueue& queue);
  [[nodiscard]] Result<> key(const Command& command, const Connection& connection, const RcvQueue& queue,
                             const crypto::AuthPublicKey& sender_key);
  [[nodiscard]] Result<> connect_reply_queue(const Command& command, const Connection& connection,
                                             const Confirmation& confirmation, BytesView own_info);

  // Null: the session is not up; the command runs again when it is.
  [[nodiscard]] smp::client::Client* client_for(const Command& command, const Party& party,
                                                const protocol::ServerAddress& server);
  // For what is done for a sender: it may take a private route. Nothing: as above, or there is no way.
  [[nodiscard]] std::optional<Way> way_for(const Command& command, const Party& party,
                                           const protocol::ServerAddress& server);
  // The relay that it goes to by a way of Routes, when it is one of those.
  [[nodiscard]] Result<std::optional<protocol::ServerAddress>> destination_of(const Command& command);
  void failed_at_proxy(CommandKey key, Running& running, const smp::client::Failure& failure);
  // The answer: success runs in a turn, and then the command's next step; a failure is tried again, or ends it.
  void answered(CommandKey key, const smp::client::Failure* failure, std::move_only_function<Result<>()> success);
  void failed(CommandKey key, const smp::client::Failure& failure);
  [[nodiscard]] Result<> end(const Command& command, Failure failure, Error error);
  [[nodiscard]] Result<std::optional<RcvQueue>> queue_of(const Command& command);
  void delete_at_relay(smp::client::Client& client, const Command& command, const RcvQueue& queue);
  // The queue is not at its relay any more. With its last queue a deleted connection goes.
  [[nodiscard]] Result<> finish_deletion(const Command& command);
  [[nodiscard]] Result<> finish(const Command& command);
  // Runs again after a pause.
  void wait(CommandKey key, Duration pause);
  void retry_now(CommandKey key);

  Core& core_;
  Relays& relays_;
  Routes& routes_;
  DeliveryQueues& deliveries_;
  std::map<CommandKey, Running> running_;
  std::map<RcvQueueKey, Instant> last_heard_;  // of those that are to be retired
};

}  // namespace simplex::agent
