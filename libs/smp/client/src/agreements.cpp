#include "agreements.hpp"

#include "command_versions.hpp"

namespace simplex::smp::client {

const crypto::BoxKey* Agreements::find(const EntityId& entity, const crypto::AuthPrivateKey& key,
                                       const ClientCommand& command) {
  const auto* ours = std::get_if<crypto::X25519PrivateKey>(&key);
  // The others come once in a session, or less.
  const bool repeated = is_one_of<command::Send, command::Ack>(command);
  if (ours == nullptr || !repeated) return nullptr;
  if (const auto known = kept_.find(entity); known != kept_.end()) {
    if (known->second.key == *ours) return &known->second.box;
    kept_.erase(known);
  }
  auto box = crypto::box_key(relay_key_, *ours);
  if (!box) return nullptr;
  if (kept_.size() >= most_kept) kept_.clear();
  return &kept_.emplace(entity, Agreement{ours->clone(), std::move(*box)}).first->second.box;
}

}  // namespace simplex::smp::client
