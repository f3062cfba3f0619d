// Agreeing on new encryption keys when the two sides of a connection have lost each other: one restored an old copy of its
// database, or more messages were lost than can be skipped (agent-protocol.md, "Ratchet re-synchronization").
//
//   one side                                       the other side (ok, allowed, required)
//   synchronize: started ── AgentRatchetKey ──►    its own keys ── AgentRatchetKey ──►     both: agreed
//   The side whose keys have the smaller hash receives first; the other sends EREADY, and is answered with EREADY.
//   The first message that decrypts: ok.
//
// Both sides may begin at once: each takes the other's keys for the answer to its own. Until a message decrypts, the last
// keys of both sides are kept, and a new pair of either replaces the one before it. So whatever crosses on the way, both
// end with the last keys that each has sent. The reference gives up when keys come in the state agreed; there people begin
// again.
#pragma once

#include "core.hpp"
#include "delivery.hpp"

namespace simplex::agent {

class RatchetSync {
 public:
  RatchetSync(Core& core, DeliveryQueues& deliveries) : core_(core), deliveries_(deliveries) {}

  // All in a turn.
  // Errors: conflict (nothing is wrong, and it is not forced; or not connected), version (the peer's is too old).
  [[nodiscard]] Result<> start(const Connection& connection, crypto::PqSupport pq, bool force);
  // A message did not decrypt.
  [[nodiscard]] Result<> failed(const Connection& connection, const crypto::RatchetError& error);
  // Nothing can be sent any more, and the application has to decide.
  [[nodiscard]] Result<> cannot_go_on(const Connection& connection);
  // A message decrypted.
  [[nodiscard]] Result<> succeeded(const Connection& connection);
  // The peer's keys. False: they were here before.
  [[nodiscard]] Result<bool> key_received(const Connection& connection, const crypto::E2eRatchetParams& theirs);
  // EREADY. could_send: before it was decrypted; then it answers ours, or comes after it.
  [[nodiscard]] Result<> ready_received(const Connection& connection, bool could_send);

 private:
  [[nodiscard]] Result<> change(const Connection& connection, RatchetSyncState state);
  [[nodiscard]] Result<> send_new_keys(const Connection& connection, E2eVersion version, crypto::PqSupport pq);
  [[nodiscard]] Result<> send_last_keys(const Connection& connection, E2eVersion version);
  // A ratchet of the last keys of both sides.
  [[nodiscard]] Result<> begin(const Connection& connection, crypto::PqSupport pq);
  [[nodiscard]] Result<> send_ready(const Connection& connection);

  Core& core_;
  DeliveryQueues& deliveries_;
};

}  // namespace simplex::agent
