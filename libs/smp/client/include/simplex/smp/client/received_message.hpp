// The body of MSG, opened: the relay's layer of encryption is taken off (simplex-messaging.md, "Deliver queue message").
#pragma once

#include <variant>

#include "simplex/crypto/box.hpp"
#include "simplex/smp/broker_message.hpp"
#include "simplex/smp/client/failure.hpp"

namespace simplex::smp::client {

// A sender's message. Owns its octets.
struct QueueMessageReceived {
  MessageId id;
  WallTime received;  // by the relay, whole seconds
  MessageFlags flags;
  Bytes body;  // what the sender gave to SEND
};
// Instead of a message: the queue was full at this time. Acknowledged like a message; the sender waits for that.
struct QueueWasFull {
  MessageId id;
  WallTime received;
};
using ReceivedMessage = std::variant<QueueMessageReceived, QueueWasFull>;

// key: crypto::box_key(ids.relay_dh_key, own private DH key of NEW); keep it with the queue. Errors: authentication (not
// encrypted with this key), malformed.
[[nodiscard]] Result<ReceivedMessage> open_message(const crypto::BoxKey& key, const broker::Msg& message);

}  // namespace simplex::smp::client
