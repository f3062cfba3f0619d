// Command line of agent-echo.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "simplex/agent/agent.hpp"
#include "simplex/agent/config.hpp"
#include "simplex/base/log.hpp"

namespace simplex::echo {

struct Options {
  agent::Config agent;
  bool invite = false;      // make a one-time link, again after each connection
  bool address = false;     // make an address
  bool short_link = false;  // print the short link of either
  std::string join;         // a link of either kind
  std::string name = "echo";
  std::vector<std::string> say;  // as soon as a connection is made
  bool pq = true;
  bool receipts = true;
  bool echo = true;
  agent::Mixing mixing;
  std::optional<std::uint64_t> count;           // messages heard, then the program ends
  std::optional<std::chrono::seconds> timeout;  // then it ends with an error
  LogLevel log_level = LogLevel::warning;
};

// Nothing: the program ends with exit_code (help was shown, or the arguments were wrong).
[[nodiscard]] std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

}  // namespace simplex::echo
