// Command line of simplex-chat: the reference's names, as far as they have a meaning here.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "simplex/base/log.hpp"
#include "simplex/base/secret.hpp"

namespace simplex::app {

enum class ExecuteLog : std::uint8_t { none, messages, all };

struct Options {
  std::filesystem::path database_prefix;
  SecretBytes key;
  std::vector<std::string> servers;
  std::string command;           // empty: interactive
  std::chrono::seconds wait{3};  // after the command
  ExecuteLog execute_log = ExecuteLog::none;
  LogLevel log_level = LogLevel::warning;
  std::string bot_name;  // profile of the first start; empty: ask
  std::chrono::seconds tcp_timeout{45};
};

// Nothing: the program ends with exit_code (help was shown, or the arguments were wrong). Passphrases are overwritten
// in argv, where other users could read them.
[[nodiscard]] std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

}  // namespace simplex::app
