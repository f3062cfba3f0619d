// Sessions with relays: one for each user and relay, or for each connection (SessionMode::entity), opened when something needs it, opened again with growing pauses
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
#include "party.hpp"
#include "statistics.hpp"

namespace simplex::agent {

class Relay {
 public:
  [[nodiscard]] UserId user() const { return party_.user; }
  [[nodiscard]] const Party& party() const { return party_; }
  [[nodiscard]] const protocol::ServerAddress& address() const { return address_; }
  [[nodiscard]] const std::string& name() const { return name_; }  // the address as text
  [[nodiscard]] RelayCounts& counts() const { return counts_; }
  // Null unless the session is up.
  [[nodiscard]] smp::client::Client* client() const { return up_ ? client_.get() : nullptr; }

 private:
  friend class Relays;
  Relay(Party party, protocol::ServerAddress address, const RetryInterval& reconnect, Statistics& statistics)
      : party_(std::move(party)),
        address_(std::move(address)),
        name_(protocol::format(address_)),
        counts_(statistics.at(party_.user, name_)),
        backoff_(reconnect) {}

  Party party_;
  protocol::ServerAddress address_;
  std::string name_;
  RelayCounts& counts_;
  Backoff backoff_;
  std::unique_ptr<smp::client::Client::Attempt> attempt_;
  std::unique_ptr<smp::client::Client> client_;
  async::Timer timer_;
  async::Timer probe_;  // whether it still answers
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
  Relays(const Dependencies& dependencies, const Config& config, Statistics& statistics)
      : dependencies_(dependencies), config_(config), statistics_(statistics) {}

  void start(Handlers handlers);
  // Closes all sessions; their commands' callbacks are dropped.
  void stop();

  [[nodiscard]] Relay& get(const Party& party, const protocol::ServerAddress& address);
  // The party as it is told from others: without an entity unless sessions are for each.
  [[nodiscard]] Party told_apart(const Party& party) const;
  // Opens the session unless it is open or about to be.
  void need(Relay& relay);
  void set_network_state(const NetworkState& state);
  // No session is opened any more, until the next start().
  void hold();
  // Something that a relay was sent is not answered yet.
  [[nodiscard]] bool busy() const;
  enum class Session : std::uint8_t { none, up, opening, failed };
  [[nodiscard]] static Session session_of(const Relay& relay);
  // All that there are, or were, since the start.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [key, relay] : relays_) visit(*relay);
  }
  // Closes, soon, the sessions of one entity that nothing needs any more.
  void release(const Party& party);
  // A session of the caller's own, beside those here, with the same rules.
  [[nodiscard]] std::unique_ptr<smp::client::Client::Attempt> connect_apart(
      const Party& party, const protocol::ServerAddress& address,
      smp::client::Done<std::unique_ptr<smp::client::Client>> done);

 private:
  void connect(Relay& relay);
  void close_unneeded(const Party& party);
  void connected(Relay& relay, smp::client::Outcome<std::unique_ptr<smp::client::Client>> made);
  void ended(Relay& relay, const smp::client::Failure& why);
  void retry_after(Relay& relay, Duration pause);
  void retry_now(Relay& relay);
  void probe(Relay& relay);

  Dependencies dependencies_;
  const Config& config_;
  Statistics& statistics_;
  std::shared_ptr<Handlers> handlers_;
  std::map<std::pair<Party, std::string>, std::unique_ptr<Relay>> relays_;
  NetworkState network_state_;
  bool held_ = false;
  std::string session_;  // tells this run from others, for a SOCKS proxy
};

}  // namespace simplex::agent
