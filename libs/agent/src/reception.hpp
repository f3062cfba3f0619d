// Receiving: from MSG at a queue to an event for the application, in one turn. A message is acknowledged to the relay
// when nothing depends on it any more: at once, or for the application's messages after ack_message.
//
//   MSG ── relay's layer ── sender's layer ── envelope ─┬─ confirmation ── handshake
//                                                       └─ ratchet ── agent message ── number and hash ── event
//
// What cannot be read is reported once, acknowledged, and so never blocks the queue. What cannot be handled for a reason that
// may pass is asked for again, for some time: redeliveries.hpp.
#pragma once

#include "simplex/smp/client/received_message.hpp"
#include "simplex/smp/client_message.hpp"
#include "arrivals.hpp"
#include "commands.hpp"
#include "core.hpp"
#include "covers.hpp"
#include "delivery.hpp"
#include "early_messages.hpp"
#include "ratchet_sync.hpp"
#include "redeliveries.hpp"
#include "rotation.hpp"
#include "subscriptions.hpp"

namespace simplex::agent {

class Reception {
 public:
  Reception(Core& core, Commands& commands, DeliveryQueues& deliveries, Subscriptions& subscriptions,
            RatchetSync& ratchet_sync, Rotation& rotation, Covers& covers)
      : core_(core),
        commands_(commands),
        deliveries_(deliveries),
        subscriptions_(subscriptions),
        ratchet_sync_(ratchet_sync),
        rotation_(rotation),
        covers_(covers),
        early_(core, subscriptions),
        redeliveries_(core, subscriptions),
        arrivals_(core,
                  [this](Relay& relay, const smp::RecipientId& queue, const smp::broker::Msg& message,
                         std::optional<MessageLayers> layers) { arrived(relay, queue, message, std::move(layers)); }) {}

  void pushed(Relay& relay, const smp::EntityId& entity, const smp::BrokerMessage& message);

  // In a turn, before the application is told again of what it has not acknowledged.
  [[nodiscard]] Result<> handed_over_again() { return redeliveries_.handed_over_again(); }

  void stop() {
    arrivals_.stop();
    early_.stop();
    redeliveries_.stop();
  }

  // In a turn: tells the relay, after the commit, that the message may go.
  void acknowledge(Relay& relay, const RcvQueue& queue, const smp::MessageId& message);
  // At once. Without a session, or when the answer is lost, the relay delivers it again, and it is known by its hash.
  static void tell(Relay& relay, const RcvQueue& queue, const smp::MessageId& message);

 private:
  static void tell(Relay& relay, const smp::RecipientId& queue, const crypto::AuthPrivateKey& key,
                   const smp::MessageId& message);

  enum class Ack : bool { later, now };
  struct Incoming {
    const Connection& connection;
    const RcvQueue& queue;
    const smp::client::QueueMessageReceived& message;
    MessageLayers& layers;
    RelayCounts& counts;
  };

  void arrived(Relay& relay, const smp::RecipientId& id, const smp::broker::Msg& message,
               std::optional<MessageLayers> layers);
  [[nodiscard]] Result<> receive(Relay& relay, const smp::RecipientId& id, const smp::broker::Msg& message,
                                 std::optional<MessageLayers> ahead);
  // Handling it failed, though the database can be used.
  [[nodiscard]] Result<> failed(Relay& relay, const smp::RecipientId& id, const smp::broker::Msg& message,
                                const Error& why);
  [[nodiscard]] Result<Ack> read(const Incoming& incoming);
  [[nodiscard]] Result<Ack> first_contact(const Incoming& incoming, const smp::ClientMessageEnvelope& envelope);
  [[nodiscard]] Result<Ack> in_connection(const Incoming& incoming, const smp::ClientMessageEnvelope& envelope);
  [[nodiscard]] Result<Ack> queue_was_full(const Connection& connection, const RcvQueue& queue);

  // Confirmations (reception_handshake.cpp).
  struct FromPeer {
    const AgentConfirmation& confirmation;
    std::optional<crypto::AuthPublicKey> sender_key;
    const crypto::BoxKey& e2e_key;
    SmpClientVersion version;
  };
  [[nodiscard]] Result<Ack> request(const Incoming& incoming, const AgentInvitation& invitation);
  [[nodiscard]] Result<Ack> confirmation(const Incoming& incoming, const FromPeer& peer);
  [[nodiscard]] Result<Ack> confirmation_in_other_queue(const Incoming& incoming, const FromPeer& peer);
  [[nodiscard]] Result<> queue_confirmed(const Incoming& incoming, const FromPeer& peer);
  [[nodiscard]] Result<Ack> confirmation_of_joining_party(const Incoming& incoming, const FromPeer& peer);
  [[nodiscard]] Result<Ack> confirmation_of_inviter(const Incoming& incoming, const FromPeer& peer);

  // Messages (reception_messages.cpp).
  [[nodiscard]] Result<Ack> ratchet_message(const Incoming& incoming, const AgentMessageEnvelope& envelope);
  [[nodiscard]] Result<Ack> agent_message(const Incoming& incoming, const AgentMessage& message,
                                          const RatchetTable::Opened& opened);
  template <class RotationMessage>
  [[nodiscard]] Result<Ack> rotation(const Incoming& incoming, const RotationMessage& message);
  [[nodiscard]] Result<Ack> ratchet_keys(const Incoming& incoming, const AgentRatchetKey& keys);
  [[nodiscard]] Result<> hello(const Incoming& incoming, bool pq);
  [[nodiscard]] Result<> messages_delivered(const Connection& connection, const message::Receipts& receipts);
  [[nodiscard]] Result<> queue_continues(const Connection& connection, const SenderQueue& queue);
  [[nodiscard]] Result<> agree_on_newer_version(const Connection& connection, AgentVersion theirs);

  // Once for each message.
  [[nodiscard]] Result<Ack> unreadable(const Incoming& incoming, const crypto::Sha256& hash, Failure failure,
                                       Error error);
  [[nodiscard]] Result<Ack> unreadable(const Incoming& incoming, Failure failure, Error error) {
    return unreadable(incoming, incoming.layers.outer_hash, failure, std::move(error));
  }
  [[nodiscard]] Result<Ack> prohibited(const Incoming& incoming, std::string_view what);

  Core& core_;
  Commands& commands_;
  DeliveryQueues& deliveries_;
  Subscriptions& subscriptions_;
  RatchetSync& ratchet_sync_;
  Rotation& rotation_;
  Covers& covers_;
  EarlyMessages early_;
  Redeliveries redeliveries_;
  Arrivals arrivals_;
};

}  // namespace simplex::agent
