// The queues and confirmations of a handshake, a network command each: create, request, join, allow, reply.
#include "simplex/crypto/key_encoding.hpp"
#include "simplex/crypto/pad.hpp"
#include "commands.hpp"
#include "failures.hpp"
#include "link_request.hpp"

namespace simplex::agent {
namespace {

struct AuthKeys {
  crypto::AuthPublicKey public_key;
  crypto::AuthPrivateKey private_key;
};

// As for senders (handshake.cpp): an agreement where the relay has a session key, else a signature.
AuthKeys recipient_keys(Random& random, const smp::client::Client& client) {
  if (client.session().can_authenticate) {
    auto made = crypto::generate_x25519(random);
    return {made.public_key, std::move(made.private_key)};
  }
  auto made = crypto::generate_ed25519(random);
  return {made.public_key, std::move(made.private_key)};
}

}  // namespace

// ---- commands -------------------------------------------------------------------------------------------------------

Result<> Commands::create(const Command& command, const Connection& connection) {
  const auto version = core_.config.versions.smp_client.max;
  SIMPLEX_ASSIGN(const bool begun, make_second(command, connection, version));
  if (begun) return {};
  return new_queue(command, connection, {command.server, version},
                   [this, command, id = connection.id, role = connection.role](const RcvQueue& queue) -> Result<> {
                     std::string link;
                     if (role == Role::address) {
                       link = protocol::format(make_address(queue, core_.config.versions));
                     } else {
                       SIMPLEX_ASSIGN(const auto keys, core_.ratchets.x3dh_keys(command.conn));
                       SIMPLEX_ASSIGN(const auto second, core_.queues.other_of(queue));
                       link =
                           protocol::format(make_link(queue, keys, core_.config.versions, second ? &*second : nullptr));
                     }
                     SIMPLEX_TRY(core_.connections.set_link(command.conn, link));
                     SIMPLEX_TRY(core_.commands.erase(command.key));
                     SIMPLEX_ASSIGN(auto short_link, core_.links.text_of(command.conn));
                     SIMPLEX_TRY(core_.outbox.durable(InvitationReady{id, link, std::move(short_link)}));
                     return {};
                   });
}

Result<> Commands::request(const Command& command, const Connection& connection) {
  const auto version = core_.config.versions.smp_client.max;
  SIMPLEX_ASSIGN(const bool begun, make_second(command, connection, version));
  if (begun) return {};
  return new_queue(command, connection, {command.server, version}, [this, command](const RcvQueue& queue) -> Result<> {
    SIMPLEX_ASSIGN(const auto owner, core_.connections.by_key(command.conn));
    SIMPLEX_ASSIGN(const auto keys, core_.ratchets.x3dh_keys(command.conn));
    SIMPLEX_ASSIGN(const auto request, read_address_request(command.argument));
    SIMPLEX_ASSIGN(const auto second, core_.queues.other_of(queue));
    SIMPLEX_TRY(deliveries_.enqueue_request(
        owner, request, make_link(queue, keys, core_.config.versions, second ? &*second : nullptr)));
    return core_.commands.erase(command.key);
  });
}

Result<> Commands::join(const Command& command, const Connection& connection) {
  SIMPLEX_ASSIGN(const auto sending, core_.queues.snd_queue_of(connection.key));
  if (!sending) return unreadable("a command");
  if (protocol::sender_can_secure(sending->mode) && sending->status == QueueStatus::new_) {
    return skey(command, connection, *sending);
  }
  SIMPLEX_ASSIGN(const bool begun, make_second(command, connection, sending->client_version));
  if (begun) return {};
  const NewQueue place{command.server, sending->client_version};
  return new_queue(command, connection, place, [this, command](const RcvQueue& queue) -> Result<> {
    SIMPLEX_ASSIGN(const auto owner, core_.connections.by_key(command.conn));
    SIMPLEX_ASSIGN(const auto to, core_.queues.snd_queue_of(command.conn));
    if (!to) return unreadable("a command");
    AgentConnInfoReply reply{{{queue.client_version, queue.address()}}, Content(command.argument)};
    SIMPLEX_ASSIGN(const auto second, core_.queues.other_of(queue));
    if (second) {
      reply.reply_queues.push_back({second->client_version, second->address()});
      if (!crypto::fits_padded(encode(reply).size(), padded_info_size(owner.agent_version, owner.pq))) {
        reply.reply_queues.pop_back();
        SIMPLEX_TRY(give_up_queue(*second));
      }
    }
    SIMPLEX_TRY(deliveries_.enqueue_confirmation(owner, *to, reply));
    return core_.commands.erase(command.key);
  });
}

Result<> Commands::allow(const Command& command, const Connection& connection) {
  Reader reader(command.argument);
  SIMPLEX_ASSIGN(const auto number, reader.i64());
  SIMPLEX_ASSIGN(const auto confirmation, core_.commands.confirmation(ConfirmationId(number)));
  SIMPLEX_ASSIGN(const auto receiving, core_.queues.rcv_queue_of(connection.key));
  if (!confirmation || !confirmation->own_info || !receiving) return unreadable("a command");
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
    if (confirmation.second_reply_queue) SIMPLEX_TRY(add_second(connection.key, *confirmation.second_reply_queue));
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
  if (!receiving || !sending) return unreadable("a command");
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

Result<> Commands::new_queue(const Command& command, const Connection& connection, const NewQueue& place,
                             Created created) {
  SIMPLEX_ASSIGN(auto address, protocol::parse_server_address(place.server));
  auto* client = client_for(command, connection, address);
  if (client == nullptr) return {};
  auto auth = recipient_keys(core_.dependencies.random, *client);
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
  queue.client_version = place.version;
  queue.purpose = place.purpose;
  std::optional<NewLink> link;
  if (place.purpose == QueuePurpose::messages && makes_link(command, *client)) {
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
          if (queue.purpose == QueuePurpose::messages) relay->counts().add(RelayCounter::connections_created);
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
  const auto way = way_for(command, connection, queue.server);
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
  auto* client = client_for(command, connection, queue.server);
  if (client == nullptr) return {};
  client->secure(queue.recipient_id, queue.recipient_key, sender_key,
                 [this, key = command.key, secured = queue.key, purpose = queue.purpose,
                  &counts = running_.at(command.key).relay->counts()](smp::client::Outcome<> outcome) {
                   if (outcome && purpose == QueuePurpose::messages) counts.add(RelayCounter::connections_secured);
                   answered(key, outcome ? nullptr : &outcome.error(),
                            [&] { return core_.queues.set_status(secured, QueueStatus::secured); });
                 });
  return {};
}

}  // namespace simplex::agent
