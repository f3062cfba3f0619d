// smp-server: an SMP relay. Wiring only; what it does is in libs/smp.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "command.hpp"

namespace {

using namespace simplex::smp_server;

// How many letters must be changed, added or left out.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// "There is no command stat. Did you mean start?"
std::string unknown_command(const std::string& name, const std::vector<std::string>& commands) {
  const auto* best = &*std::ranges::min_element(commands, {}, [&](const auto& each) { return distance(name, each); });
  const auto close = distance(name, *best) <= 2;
  return fmt::format("there is no command \"{}\".{}\nCommands: {}. smp-server --help says what they do.", name,
                     close ? fmt::format(" Did you mean \"{}\"?", *best) : "", fmt::join(commands, ", "));
}

int misuse(const std::string& what) {
  fmt::print(stderr, "smp-server: {}\n", what);
  return misused;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "A relay of the SimpleX network.\n"
      "Folders: SMP_SERVER_CFG_PATH (/etc/opt/simplex) has smp-server.ini and the certificates,\n"
      "         SMP_SERVER_LOG_PATH (/var/opt/simplex) the queues, messages and statistics.",
      "smp-server");
  app.set_version_flag("-v,--version", program);
  app.require_subcommand(1);
  app.footer("smp-server COMMAND --help lists the options of a command.");
  std::vector<std::string> names;
  std::map<const CLI::App*, Run> commands;
  const auto add = [&](const char* name, const char* help, Run (*declare)(CLI::App&)) {
    auto* command = app.add_subcommand(name, help);
    commands[command] = declare(*command);
    names.emplace_back(name);
  };
  add("init", "Set up a new relay: certificates and smp-server.ini", declare_init);
  add("start", "Run the relay", declare_start);
  add("address", "Print the relay's address, with the password for new queues in it", declare_address);
  add("cert", "Renew the certificate of the running relay with ca.key", declare_cert);
  add("delete", "Delete the relay: its configuration, identity, queues and messages", declare_delete);
  add("journal", "Messages between smp-server-messages.log and the reference's journal", declare_journal);
  add("database", "Queues and messages between the reference's files and PostgreSQL", declare_database);
  add("store", "Queues and messages between any two stores", declare_store);

  if (argc < 2) {
    fmt::print("{}", app.help());
    return misused;
  }
  const std::string first = argv[1];
  if (!first.starts_with('-') && std::ranges::find(names, first) == names.end()) {
    return misuse(unknown_command(first, names));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);  // help, version
  } catch (const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    const auto of = chosen.empty() ? std::string() : " " + chosen.front()->get_name();
    return misuse(fmt::format("{}\nsmp-server{} --help says what there is.", error.what(), of));
  }
  return commands.at(app.get_subcommands().front())();
}
