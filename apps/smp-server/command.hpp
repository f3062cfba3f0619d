// What the commands of smp-server share. Each command is a file, with its options and what it does.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "simplex/smp/server/config.hpp"

namespace simplex::smp_server {

inline constexpr const char* program = "SMP server v" SIMPLEX_VERSION " (SMP 6 to 20)";

// Exit codes of the program.
inline constexpr int succeeded = 0;
inline constexpr int failed = 1;
inline constexpr int misused = 2;  // options or commands that do not exist

[[nodiscard]] smp::server::ServerFolders folders_from_environment();

void say(const std::string& line);
// Tells the error, and is the exit code of it.
[[nodiscard]] int tell(const Error& error, int code = failed);

// Asks on the terminal, or reads what is piped in. Nothing at the end of the input.
[[nodiscard]] std::optional<std::string> ask(const std::string& question);
// "y", "Y" or "yes" go on.
[[nodiscard]] bool confirmed(const std::string& question);
// "Y/n" or "y/N"; an empty answer is the usual one.
[[nodiscard]] std::optional<bool> choose(const std::string& question, bool usual);
[[nodiscard]] bool is_terminal();

struct Configuration {
  server_kit::Ini ini;
  smp::server::ServerConfig config;
};
// smp-server.ini with the settings of the command line.
[[nodiscard]] Result<Configuration> load_configuration(const smp::server::ServerFolders& folders,
                                                       const std::vector<std::string>& overrides = {});

// A command of the program: its options, and what to do.
using Run = std::function<int()>;
[[nodiscard]] Run declare_init(CLI::App& app);
[[nodiscard]] Run declare_start(CLI::App& app);
[[nodiscard]] Run declare_address(CLI::App& app);
[[nodiscard]] Run declare_cert(CLI::App& app);
[[nodiscard]] Run declare_delete(CLI::App& app);
// These have commands of their own.
[[nodiscard]] Run declare_journal(CLI::App& app);
[[nodiscard]] Run declare_database(CLI::App& app);
[[nodiscard]] Run declare_store(CLI::App& app);

}  // namespace simplex::smp_server
