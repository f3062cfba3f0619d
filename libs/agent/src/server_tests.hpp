// Tries a relay out before it is used: connects with a session of its own, makes a queue, secures it and deletes it.
// Nothing of it is stored.
#pragma once

#include <map>

#include "core.hpp"
#include "relays.hpp"

namespace simplex::agent {

class ServerTests {
 public:
  ServerTests(Core& core, Relays& relays) : core_(core), relays_(relays) {}

  [[nodiscard]] ServerTestId begin(UserId user, protocol::ServerWithAuth server);
  void stop() { tests_.clear(); }

 private:
  struct Test {
    std::optional<protocol::BasicAuth> password;
    std::unique_ptr<smp::client::Client::Attempt> attempt;
    std::unique_ptr<smp::client::Client> client;
    std::optional<crypto::AuthPrivateKey> recipient_key;
    smp::RecipientId queue;
  };

  void create_queue(ServerTestId id);
  void secure_queue(ServerTestId id);
  void delete_queue(ServerTestId id);
  // Null when the test has failed at this step: that is told then.
  template <class T>
  [[nodiscard]] Test* passed(ServerTestId id, ServerTestStep step, const smp::client::Outcome<T>& outcome);
  void end(ServerTestId id, std::optional<ServerTestFailure> failure);

  Core& core_;
  Relays& relays_;
  std::map<ServerTestId, Test> tests_;
  std::int64_t last_ = 0;
};

}  // namespace simplex::agent
