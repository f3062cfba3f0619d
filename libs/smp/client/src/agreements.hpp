// What a session's relay key and the keys of its queues agree on. A queue's key authorizes the same commands again and
// again, and the agreement is what costs: 35 µs of an X25519 authorization's 45.
#pragma once

#include <unordered_map>

#include "simplex/crypto/box.hpp"
#include "simplex/crypto/keys.hpp"
#include "simplex/smp/command.hpp"
#include "simplex/smp/ids.hpp"

namespace simplex::smp::client {

class Agreements {
 public:
  explicit Agreements(crypto::X25519PublicKey relay_key) : relay_key_(relay_key) {}

  // Of the key that authorizes a command to the entity; null when it is no X25519 key, or not worth keeping: then it is
  // made where it is used. Valid until the next call.
  [[nodiscard]] const crypto::BoxKey* find(const EntityId& entity, const crypto::AuthPrivateKey& key,
                                           const ClientCommand& command);

  static constexpr std::size_t most_kept = 4'096;  // 0.5 MB; beyond it all begins anew
  [[nodiscard]] std::size_t size() const noexcept { return kept_.size(); }

 private:
  struct Agreement {
    crypto::X25519PrivateKey key;
    crypto::BoxKey box;
  };
  crypto::X25519PublicKey relay_key_;
  std::unordered_map<EntityId, Agreement> kept_;
};

}  // namespace simplex::smp::client
