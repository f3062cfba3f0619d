// A command on its way through the relay, and what goes back.
#pragma once

#include <memory>
#include <variant>

#include "simplex/smp/server/client_id.hpp"
#include "simplex/smp/server/queue_record.hpp"
#include "simplex/smp/server/service_book.hpp"
#include "simplex/smp/transmission.hpp"

namespace simplex::smp::server {

// What the handshake of a connection agreed on. The same for its whole life, and read by all shards.
struct ClientSession {
  SmpVersion version;
  Bytes session_id;
  std::optional<crypto::X25519PrivateKey> key;  // opens authenticators; none in version 6
  // Agreed between the session keys of both sides: for commands that the client, as a proxy, passes on.
  std::optional<crypto::BoxKey> proxy_key = std::nullopt;
  std::shared_ptr<const ServiceSession> service = nullptr;  // null: it showed no certificate

  [[nodiscard]] SessionParams params() const { return {version, session_id}; }
  [[nodiscard]] const crypto::X25519PrivateKey* key_or_null() const { return key ? &*key : nullptr; }
};
using SessionPtr = std::shared_ptr<const ClientSession>;

// How a command came here through a proxy, and its answer goes back (simplex-messaging.md, "Private message routing").
struct Forwarding {
  SessionPtr proxy;       // its connection, with proxy_key
  CorrId corr_id;         // of RFWD
  CorrId client_corr_id;  // of the client's PFWD
  SmpVersion version;     // that the client speaks
  crypto::BoxKey client_key;
};
using ForwardingPtr = std::shared_ptr<const Forwarding>;

// Where an answer goes.
struct Origin {
  ClientId client;
  CorrId corr_id;
  EntityId entity_id;
  ForwardingPtr forwarding = nullptr;  // null: the client's own command
};

// A command. Its views point into the received block, which lives during one call only; own() takes a copy along, for a
// command that goes to another shard or has to wait.
struct ControlRun;
struct QueueVisit;

struct Request {
  ClientId client;
  SessionPtr session;
  BytesView transmission;
  ReceivedCommand received;
  std::shared_ptr<const Bytes> owned;             // null: borrowed
  ForwardingPtr forwarding = nullptr;             // then the session is that of the proxy's client
  std::shared_ptr<QueueVisit> visit = nullptr;    // not a command: Shard::visit
  std::shared_ptr<ControlRun> control = nullptr;  // not a command: what the operator does (Shard::control)
  bool authorized = false;                        // verified already, before it had to wait

  void own();
  [[nodiscard]] Origin origin() const { return {client, received.corr_id, EntityId(received.entity_id), forwarding}; }
};

struct Answer {
  CorrId corr_id;  // empty: an event
  EntityId entity_id;
  BrokerMessage message;
  std::shared_ptr<const void> keep;  // owner of the octets that the message's views point to
  ForwardingPtr forwarding = nullptr;
};

// A message for the recipient, encrypted only when the connection has room for it: slow readers cost no memory.
struct Delivery {
  CorrId corr_id;  // of ACK or GET; empty: an event
  EntityId entity_id;
  MessagePtr message;
  std::shared_ptr<const crypto::BoxKey> key;
};
// MSG with the body encrypted: key of the queue, nonce = message id.
[[nodiscard]] std::size_t size_of_delivery(const SessionParams& session, const Delivery& delivery) noexcept;
// Written and encrypted in the block. False: it does not fit, or there is no such message; nothing is added then.
[[nodiscard]] bool add_delivery(protocol::Batch& batch, const SessionParams& session, const Delivery& delivery);
[[nodiscard]] Result<Bytes> encode_delivery(const SessionParams& session, const Delivery& delivery);
[[nodiscard]] Bytes encode_answer(const SessionParams& session, const Answer& answer);

struct ToClient {
  ClientId client;
  std::variant<Answer, Delivery> what;
  bool response = false;          // to a command
  std::int8_t subscriptions = 0;  // how many more, or fewer, the client has now
  std::int8_t notifiers = 0;      // of these
};

}  // namespace simplex::smp::server
