// The layers of a message that need keys and no database, taken off: in the loop's thread, or ahead of it in any other.
#pragma once

#include "simplex/smp/client/received_message.hpp"
#include "simplex/smp/client_message.hpp"
#include "ratchet_table.hpp"

namespace simplex::agent {

struct LayerKeys {
  crypto::BoxKey relay;
  std::optional<crypto::BoxKey> e2e;           // of the sender's layer; none before the confirmation
  std::optional<RatchetTable::Ahead> ratchet;  // where the ratchet may be ahead, too
};

struct MessageLayers {
  Result<smp::client::ReceivedMessage> received;  // what the relay's layer holds
  crypto::Sha256 outer_hash;                      // of a sender's message, of any that the relay's layer does not open
  // With an e2e key, and of a sender's message: the client message.
  std::optional<Result<Bytes>> client_message;
  LayerKeys keys;  // those that were used
};
// Never equal to the hash of a ratchet message, which stands in the same table.
[[nodiscard]] crypto::Sha256 outer_hash(BytesView body);
[[nodiscard]] MessageLayers take_off(const smp::broker::Msg& message, LayerKeys keys);

}  // namespace simplex::agent
