// What an agent is made of and how patient it is. The defaults are the reference's.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "simplex/agent/network.hpp"
#include "simplex/async/loop.hpp"
#include "simplex/async/workers.hpp"
#include "simplex/base/log.hpp"
#include "simplex/base/random.hpp"
#include "simplex/base/secret.hpp"
#include "simplex/encoding/version.hpp"
#include "simplex/transport/channel.hpp"

namespace simplex::agent {

// What the agent uses; all of it outlives the agent.
struct Dependencies {
  async::Loop& loop;
  Random& random;
  Logger& log;
  transport::Connector& connector;
  // Help to decrypt messages of several connections that come together; agents may share them. Null: the loop's thread
  // does all.
  async::Workers* workers = nullptr;
};

// Waits initial, grows by half from the moment increase_after has passed since the first attempt, up to max; a random
// tenth is added. Sessions are opened again after anything from half of it to half as much again, so that many clients of
// a relay that was away do not come back at once.
struct RetryInterval {
  Duration initial;
  Duration increase_after;
  Duration max;
};

struct Timeouts {
  RetryInterval reconnect{std::chrono::seconds(2), std::chrono::seconds(10), std::chrono::seconds(180)};
  // While the device says that there is no network: it may be wrong.
  Duration offline_retry = std::chrono::minutes(30);
  RetryInterval message_fast{std::chrono::seconds(2), std::chrono::seconds(10), std::chrono::seconds(120)};
  RetryInterval message_slow{std::chrono::minutes(5), std::chrono::minutes(10), std::chrono::hours(6)};
  Duration message_expiry = std::chrono::hours(48);
  Duration quota_expiry = std::chrono::hours(24 * 7);
  Duration hello_expiry = std::chrono::hours(48);
  Duration duplicates_kept = std::chrono::hours(24 * 21);
  // The key of a one-time link that was read: it can be joined by as long.
  Duration read_links_kept = std::chrono::hours(24 * 180);
  // A received message that the application has not acknowledged after so many more times, and so long since the first, or
  // that could not be handled as often, is given up (ReceptionFailed), and those behind it come.
  int redeliveries = 8;
  Duration redelivery_expiry = std::chrono::hours(24);
  Duration cleanup = std::chrono::minutes(5);
  // Statistics are saved at most so often.
  Duration save_statistics = std::chrono::minutes(1);
  // A queue that was replaced is deleted when nothing has come from it for this long, or its relay could not be reached
  // for that long: then nothing is left there.
  Duration retired_quiet = std::chrono::minutes(1);
  Duration retired_kept = std::chrono::hours(24 * 21);
  // Of two queues, one may bring messages before the other has brought those before them. They wait until nothing has come
  // from the other one for the first time, or, while its relay is away, for the second.
  Duration other_queue_quiet = std::chrono::seconds(10);
  Duration other_queue_away = std::chrono::minutes(10);
};

// What is offered and accepted; tests narrow them to play older clients.
struct Versions {
  AgentVersionRange agent{AgentVersion(2), AgentVersion(7)};
  SmpClientVersionRange smp_client{SmpClientVersion(1), SmpClientVersion(4)};
  E2eVersionRange e2e{E2eVersion(2), E2eVersion(3)};
  SmpVersionRange smp{SmpVersion(6), SmpVersion(20)};
};

// Connections leave their relays by themselves, as by switch_connection, when either is reached; both count
// from when the connection was made or a switch last begun. What an observer of one relay can put together ends there.
struct AutomaticRotation {
  std::optional<Duration> after_age;
  std::optional<std::int64_t> after_messages;  // received
  // So many begin at each Timeouts::cleanup: not all queues at once.
  int at_once = 16;
};

struct Config {
  std::filesystem::path database;  // created when absent
  SecretBytes passphrase;          // empty: the database is not encrypted
  // smp://fingerprint@host[:port]; the relays of users for whom Agent::set_servers is not called: of no known operator,
  // for queues and as proxies.
  std::vector<std::string> servers;
  Versions versions;
  // Requests that wait for an answer, for each address; those above wait at the relay.
  std::int64_t waiting_requests = 1'000;
  AutomaticRotation rotation;  // off unless asked for
  // Connections that are made from now on have queues at two of the user's relays, of different operators where there are,
  // and each message goes to both: either relay may be lost. Both programs have to want it; it costs twice the traffic.
  bool redundancy = false;
  Timeouts timeouts;
  NetworkConfig network;
  // Of operators whose relays listen at port 443, too: WebPort::preset. The end of a host's name.
  std::vector<std::string> preset_domains{".simplex.im", ".simplexonflux.com"};
};

}  // namespace simplex::agent
