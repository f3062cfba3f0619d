// What becomes of the connections of a database that turned out to be an old copy (lineage.hpp). The keys of their ratchets
// may have been used for messages that this database knows nothing of:
//
//   connected, peer knows re-synchronization (agent version 3 and later)   new keys are agreed on by themselves
//   connected, older peer                                                  required; a new link is the only way
//   about to be connected                                                  ConnectionFailed, and deleted
//   invitation nobody has used yet, address                                stay as they are
//
// Nothing is encrypted for a connection in doubt until its ratchet is replaced. What the copy holds to be delivered goes
// once more, octet by octet the same, and the peer knows it if it has it.
#pragma once

#include "core.hpp"
#include "ratchet_sync.hpp"

namespace simplex::agent {

class Restoration {
 public:
  Restoration(Core& core, RatchetSync& ratchet_sync) : core_(core), ratchet_sync_(ratchet_sync) {}

  // Ends a connection that was about to be made, in a turn.
  std::move_only_function<Result<>(const Connection&)> end;

  // Once for an old copy, in the turn that found it out.
  [[nodiscard]] Result<> begin();
  // While the agent runs: asks peers for new keys, some in each turn of the loop.
  void start();
  void stop();

 private:
  void go_on();
  [[nodiscard]] Result<bool> next();  // true: there may be more

  Core& core_;
  RatchetSync& ratchet_sync_;
  std::shared_ptr<bool> running_;
};

}  // namespace simplex::agent
