// What was done at each relay for each user, counted since Agent::reset_statistics: Agent::servers_summary.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "simplex/agent/ids.hpp"
#include "simplex/base/clock.hpp"

namespace simplex::agent {

// Attempts are counted when a command goes out; errors those that are final, unless said otherwise. The numbers are stored.
enum class RelayCounter : std::uint8_t {
  sent_direct = 0,     // messages of all kinds, also those of the protocol, that the relay has taken
  sent_via_proxy = 1,  // the same, by way of another relay of ours
  sent_proxied = 2,    // those that this relay has forwarded to others
  sent_direct_attempts = 3,
  sent_via_proxy_attempts = 4,
  sent_proxied_attempts = 5,
  sent_auth_errors = 6,     // each refusal
  sent_quota_errors = 7,    // each refusal: the peer's queue was full
  sent_expired_errors = 8,  // given up after too long
  sent_other_errors = 9,
  received_messages = 10,    // each delivery
  received_duplicates = 11,  // delivered before, by this relay or by the other of two (Config::redundancy)
  received_crypto_errors = 12,
  received_errors = 13,  // could not be read for another reason
  acknowledged = 14,
  acknowledge_attempts = 15,
  acknowledge_no_message_errors = 16,
  acknowledge_other_errors = 17,
  connections_created = 18,  // connections count at the relay of our first queue
  connections_secured = 19,  // by us, as their recipient
  connections_completed = 20,
  connections_deleted = 21,  // their queues, each
  deletion_attempts = 22,
  deletion_errors = 23,
  subscribed = 24,  // queues
  subscription_attempts = 25,
  subscriptions_ignored = 26,  // they were subscribed already
  subscription_errors = 27,
};
inline constexpr std::size_t relay_counters = 28;
// As applications of this network call them: "sentDirect".
[[nodiscard]] std::string_view name_of(RelayCounter counter) noexcept;

struct RelaySummary {
  UserId user;
  std::string relay;  // smp://fingerprint@host
  bool own = false;   // among those of the user now: Config::servers, Agent::set_servers
  // Now. Sessions are one, or one for each connection (SessionMode::entity).
  std::size_t sessions_up = 0;
  std::size_t sessions_opening = 0;
  std::size_t sessions_failed = 0;  // another attempt follows after a pause
  std::size_t queues_subscribed = 0;
  std::size_t queues_waiting = 0;  // to be subscribed
  std::array<std::int64_t, relay_counters> counts{};

  [[nodiscard]] std::int64_t count(RelayCounter counter) const { return counts[static_cast<std::size_t>(counter)]; }
};

struct ServersSummary {
  WallTime since;                    // counts begin there
  std::vector<RelaySummary> relays;  // in the order of users; those where nothing was done are left out
};

}  // namespace simplex::agent
