#include "command.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace simplex::smp_server {

smp::server::ServerFolders folders_from_environment() {
  const auto folder = [](const char* variable, const char* otherwise) {
    const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): one thread yet
    return std::filesystem::path(value != nullptr && *value != '\0' ? value : otherwise);
  };
  return {folder("SMP_SERVER_CFG_PATH", "/etc/opt/simplex"), folder("SMP_SERVER_LOG_PATH", "/var/opt/simplex")};
}

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

int tell(const Error& error, int code) {
  std::fflush(stdout);
  fmt::print(stderr, "smp-server: {}\n", error.message);
  return code;
}

std::optional<std::string> ask(const std::string& question) {
  fmt::print("{}", question);
  std::fflush(stdout);
  std::string line;
  if (!std::getline(std::cin, line)) {
    say("");
    return std::nullopt;
  }
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  return line;
}

bool confirmed(const std::string& question) {
  const auto answer = ask(question + "\nContinue (y/N): ");
  return answer && (*answer == "y" || *answer == "Y" || *answer == "yes");
}

std::optional<bool> choose(const std::string& question, bool usual) {
  while (true) {
    const auto answer = ask(question + (usual ? " (Yn): " : " (yN): "));
    if (!answer) return std::nullopt;
    if (answer->empty()) return usual;
    if (*answer == "y" || *answer == "Y") return true;
    if (*answer == "n" || *answer == "N") return false;
    say("Please answer y or n.");
  }
}

bool is_terminal() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

Result<Configuration> load_configuration(const smp::server::ServerFolders& folders,
                                         const std::vector<std::string>& overrides) {
  auto ini = server_kit::Ini::load(folders.ini());
  if (!ini && ini.error().kind == ErrorKind::not_found) {
    return fail(ErrorKind::not_found,
                folders.ini().string() + " does not exist. Set the relay up with: smp-server init", Advice::ask_user);
  }
  if (!ini) return std::unexpected(ini.error());
  for (const auto& each : overrides) SIMPLEX_TRY(ini->set(each));
  SIMPLEX_ASSIGN(auto config, smp::server::read_config(*ini, folders));
  return Configuration{std::move(*ini), std::move(config)};
}

}  // namespace simplex::smp_server
