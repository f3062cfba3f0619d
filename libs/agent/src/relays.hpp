// Sessions with relays: one for each user and relay, opened when something needs it, opened again with growing pauses
// while something does.
//
//   idle ── need() ──► connecting ──► up ── ends ──► waiting ── pause over ──► connecting
//                          └── fails ──────────────────▲
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "simplex/agent/config.hpp"
#include "simplex/smp/client/client.hpp"
#include "backoff.hpp"
#include "connection_table.hpp"

namespace simplex::agent {

class Relay {
 public:
  [[nodiscard]] UserId user() const { return user_; }
  [[nodiscard]] const protocol::ServerAddress& address() const { return address_; }
  [[nodiscard]] const std::string& name() const { return name_; }  // the address as text
  // Null unless the session is up.
  [[nodiscard]] smp::client::Client* client() const { return up_ ? client_.get() : nullptr; }

 private:
  friend class Relays;
  Relay(UserId user, protocol::ServerAddress address, const RetryInterval& reconnect)
      : user_(user), address_(std::move(address)), name_(protocol::format(address_)), backoff_(reconnect) {}

  UserId user_;
  protocol::ServerAddress address_;
  std::string name_;
  Backoff backoff_;
  std::unique_ptr<smp::client::Client::Attempt> attempt_;
  std::unique_ptr<smp::client::Client> client_;
  async::Timer timer_;
  Instant up_since_;
  bool up_ = false;
};

class Relays {
 public:
  struct Handlers {
    std::move_only_function<void(Relay&)> up;
    // The session has ended, or could not be made.
    std::move_only_function<void(Relay&, const smp::client::Failure&, bool was_up)> down;
    std::move_only_function<void(Relay&, const smp::EntityId&, const smp::BrokerMessage&)> pushed;
    // Whether the session is worth opening again.
    std::move_only_function<bool(Relay&)> needed;
  };
  Relays(const Dependencies& dependencies, const Config& config) : dependencies_(dependencies), config_(config) {}

  void start(Handlers handlers);
  // Closes all sessions; their commands' callbacks are dropped.
  void stop();

  [[nodiscard]] Relay& get(UserId user, const protocol::ServerAddress& address);
  // Opens the session unless it is open or about to be.
  void need(Relay& relay);

 private:
  void connect(Relay& relay);
  void connected(Relay& relay, smp::client::Outcome<std::unique_ptr<smp::client::Client>> made);
  void ended(Relay& relay, const smp::client::Failure& why);
  void retry_after(Relay& relay, Duration pause);
  void retry_now(Relay& relay);

  Dependencies dependencies_;
  const Config& config_;
  std::shared_ptr<Handlers> handlers_;
  std::map<std::pair<UserId, std::string>, std::unique_ptr<Relay>> relays_;
};

}  // namespace simplex::agent
