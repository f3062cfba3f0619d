// SMP transmissions: commands and messages with their ids and authorization, both directions (simplex-messaging.md,
// "SMP transmission", "Authorizing commands"; vectors: smp_commands.json transmission, transmission_with_service_key,
// batch).
#pragma once

#include <optional>

#include "simplex/crypto/authenticator.hpp"
#include "simplex/protocol/block.hpp"
#include "simplex/protocol/transmission.hpp"
#include "simplex/smp/broker_message.hpp"
#include "simplex/smp/command.hpp"
#include "simplex/smp/message_body.hpp"

namespace simplex::smp {

// What both sides know of a session after the handshake. The views must live as long as this is used.
struct SessionParams {
  SmpVersion version;
  BytesView session_id;
};

// How a client authorizes one command.
struct ClientAuth {
  const crypto::AuthPrivateKey* key = nullptr;             // null: not authorized
  std::optional<crypto::X25519PublicKey> relay_key;        // of the handshake; needed for an X25519 key
  const crypto::BoxKey* agreed = nullptr;                  // what the two agree on, where it is known already
  const crypto::Ed25519PrivateKey* service_key = nullptr;  // from version 16, see uses_service_signature
  BytesView service_cert_hash;                             // with a service key: SHA-256 of the service's certificate
};

// A whole transmission, ready for a batch. Errors: version (the key needs a relay key that there is not).
[[nodiscard]] Result<Bytes> encode_client_transmission(const SessionParams& session, const ClientAuth& auth,
                                                       const CorrId& corr_id, BytesView entity_id,
                                                       const ClientCommand& command);
[[nodiscard]] Bytes encode_broker_transmission(const SessionParams& session, const CorrId& corr_id, BytesView entity_id,
                                               const BrokerMessage& message);

// MSG with the body encrypted for the queue's recipient, without a copy: so many octets are written.
[[nodiscard]] std::size_t message_transmission_size(const SessionParams& session, const CorrId& corr_id,
                                                    BytesView entity_id, BytesView message_id) noexcept;
// Errors: limit (write_encrypted_message); then less was written.
[[nodiscard]] Result<> write_message_transmission(Writer& writer, const SessionParams& session, const CorrId& corr_id,
                                                  BytesView entity_id, const crypto::BoxKey& key, const MessageId& id,
                                                  const QueueMessage& message);

// A command as the relay received it; its authorization is not verified yet. Views point into the block.
struct ReceivedCommand {
  CorrId corr_id;
  BytesView entity_id;
  BytesView authorization;                     // empty, 64, 80 or 114 octets
  std::optional<BytesView> service_signature;  // 64 octets
  BytesView body_after_session_id;
  ClientCommand command;
};
// What the relay answers instead, with the correlation id as far as it could be read.
struct RefusedCommand {
  CorrId corr_id;
  BytesView entity_id;
  ErrorType error;  // BLOCK, SESSION, CMD
};
// Reads, and checks session, authorization size and credentials.
[[nodiscard]] Result<ReceivedCommand, RefusedCommand> decode_client_transmission(const SessionParams& session,
                                                                                 BytesView transmission);

// Whether the command was authorized with the key. relay_key is the private half of what this client was given in the
// handshake, or null. service_cert_hash: of the session's service, empty without one; then the service's signature has
// to be verified too, with verify_service_signature.
[[nodiscard]] bool verify(const SessionParams& session, const ReceivedCommand& received,
                          const crypto::AuthPublicKey& key, const crypto::X25519PrivateKey* relay_key,
                          BytesView service_cert_hash = {});
// Costs what verify() does for such an authorization, for an entity that does not exist. Always false.
[[nodiscard]] bool verify_nothing(const SessionParams& session, const ReceivedCommand& received,
                                  const crypto::X25519PrivateKey* relay_key);
[[nodiscard]] bool verify_service_signature(const SessionParams& session, const ReceivedCommand& received,
                                            const crypto::Ed25519PublicKey& service_key);

// A message as the client received it. Views point into the block.
struct ReceivedMessage {
  CorrId corr_id;  // empty: an event
  BytesView entity_id;
  BrokerMessage message;
};
// A message that this client does not understand, answered to nobody; the command with this id has failed.
struct RefusedMessage {
  CorrId corr_id;
  BytesView entity_id;
  ErrorType error;
};
[[nodiscard]] Result<ReceivedMessage, RefusedMessage> decode_broker_transmission(const SessionParams& session,
                                                                                 BytesView transmission);

}  // namespace simplex::smp
