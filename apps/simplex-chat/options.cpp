#include "options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>

#include "simplex/base/program.hpp"

namespace simplex::app {

namespace {

constexpr int wrong_options = 2;  // exit code; what cannot be done is 1

std::string default_prefix() {
  const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): one thread yet
  return std::string(home != nullptr ? home : ".") + "/.simplex/simplex_v1";
}

void overwrite_in_arguments(int argc, char** argv, const std::string& secret) {
  if (secret.empty()) return;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    const auto at = argument.find(secret);
    if (at != std::string_view::npos) std::fill_n(argv[i] + at, secret.size(), '*');
  }
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  Options options;
  std::string prefix = default_prefix();
  std::string key;
  std::string servers;
  std::string level = "warn";
  std::string execute_log = "none";
  int wait = 3;
  int tcp_timeout = 45;
  bool yes = false;

  CLI::App app{"simplex-chat: private messages with no user identifiers, in a terminal or from scripts."};
  app.set_version_flag("--version", "simplex-chat " + std::string(program_version()));
  app.add_option("-d,--database", prefix, "Prefix of the database files (PREFIX_chat.db, PREFIX_agent.db)")
      ->type_name("PREFIX")
      ->capture_default_str();
  app.add_option("-k,--key", key, "Passphrase of the databases; empty: they are not encrypted")->type_name("KEY");
  app.add_option("-s,--server", servers,
                 "Relays for your queues, separated by spaces: smp://FINGERPRINT@HOST[:PORT]. "
                 "They are remembered for the next starts")
      ->type_name("SERVER");
  const auto* execute =
      app.add_option("-e,--execute", options.command, "Execute one command and exit")->type_name("COMMAND");
  app.add_option("-t,--time", wait, "With -e: seconds to wait after the command before exiting")
      ->type_name("TIME")
      ->check(CLI::Range(0, 86400 * 365))
      ->capture_default_str();
  app.add_option("--execute-log", execute_log, "With -e: what is shown of what happens meanwhile: all, messages, none")
      ->check(CLI::IsMember({"all", "messages", "none"}))
      ->capture_default_str();
  app.add_flag("-y,--yes-migrate", yes, "Confirm database migrations (they are always applied; accepted for scripts)");
  app.add_option("-l,--log-level", level, "Log level: debug, info, warn, error, important")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "important"}))
      ->capture_default_str();
  app.add_option("--tcp-timeout", tcp_timeout, "Seconds to connect to a relay")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  app.add_option("--create-bot-display-name", options.bot_name,
                 "Create the profile with this name on the first start, without asking")
      ->type_name("NAME");
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return "simplex-chat: " + std::string(error.what()) + "\nsimplex-chat --help lists the options.\n";
  });
  app.footer(
      "Without -e it is interactive: type /help there.\n"
      "Example: simplex-chat -d ~/alice -k secret -s smp://FINGERPRINT@relay.example.com -e '@bob hello'");
  try {
    app.parse(argc, argv);
    if (execute->count() > 0 && options.command.find_first_not_of(" \t\r\n") == std::string::npos)
      throw CLI::ValidationError("--execute", "the command is empty");
    if (prefix.empty() || prefix.ends_with('/'))
      throw CLI::ValidationError("--database", "a name is missing after the folder, as in ~/chat/me");
  } catch (const CLI::ParseError& error) {
    overwrite_in_arguments(argc, argv, key);
    exit_code = app.exit(error) == 0 ? 0 : wrong_options;
    return std::nullopt;
  }
  overwrite_in_arguments(argc, argv, key);
  options.key = SecretBytes(as_bytes(key));
  std::fill(key.begin(), key.end(), '\0');
  options.database_prefix = prefix;
  options.wait = std::chrono::seconds(wait);
  options.tcp_timeout = std::chrono::seconds(tcp_timeout);
  options.log_level = log_level_from(level).value_or(LogLevel::warning);
  options.execute_log = execute_log == "all"        ? ExecuteLog::all
                        : execute_log == "messages" ? ExecuteLog::messages
                                                    : ExecuteLog::none;
  std::istringstream words(servers);
  for (std::string server; words >> server;) options.servers.push_back(server);
  return options;
}

}  // namespace simplex::app
