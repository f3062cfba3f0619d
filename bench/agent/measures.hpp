// What is measured of agents, each figure with what it is called, and its target.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "simplex/base/clock.hpp"
#include "simplex/base/result.hpp"

namespace simplex::bench {

struct AgentSettings {
  std::string relay;
  std::filesystem::path folder;  // for the databases
  std::string passphrase;
  bool pq = true;
  std::size_t connects = 20;   // one after another
  std::size_t messages = 300;  // one after another
  std::size_t stream = 4'000;  // on one connection
  std::size_t crowd = 100;     // connections at once
  std::size_t each = 60;       // messages of each of them
  std::size_t group = 1'000;   // connections that get the same message
  std::size_t idle = 10'000;   // connections that are subscribed again
  std::size_t size = 1'000;    // octets of a message
  Duration limit{};            // for each measure
};

struct AgentFigure {
  std::string name;  // in JSON
  std::string text;  // for people
  std::string unit;
  double value = 0;
  std::optional<double> floor{};
  std::optional<double> target{};
  bool more_is_better = false;
};

using AgentFigures = std::vector<AgentFigure>;

// Two devices, and what goes between them.
[[nodiscard]] Result<> measure_pair(const AgentSettings& settings, AgentFigures& figures);
// One device with many connections that start again.
[[nodiscard]] Result<> measure_restart(const AgentSettings& settings, AgentFigures& figures);

// What the same work takes without an agent: its cryptography, and a database transaction for each message at each end,
// one after another in one thread.
struct Floor {
  Duration connect{};
  Duration sender{};     // of a message
  Duration recipient{};  // of it
  Duration group{};      // a message to settings.group connections, in one transaction
  Duration subscribe{};  // settings.idle times: the queue's row and a signature
};
[[nodiscard]] Result<Floor> measure_floor(const AgentSettings& settings);

}  // namespace simplex::bench
