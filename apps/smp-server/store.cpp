// smp-server store copy: a relay's whole state from one store to another.
#include <fmt/core.h>

#include "simplex/server_kit/logging.hpp"
#include "stores.hpp"

namespace simplex::smp_server {
namespace {

using namespace smp::stores;

StoreName store_named(const std::string& name) {
  for (const auto each : {StoreName::files, StoreName::journal, StoreName::embedded}) {
    if (name == name_of(each)) return each;
  }
  return StoreName::database;
}

std::string ini_for(StoreName store) {
  switch (store) {
    case StoreName::files: return "store_queues = memory, store_messages = memory";
    case StoreName::journal: return "store_queues = memory, store_messages = journal";
    case StoreName::embedded: return "store_queues = embedded, store_messages = embedded";
    case StoreName::database: break;
  }
  return "store_queues = database, store_messages = database";
}

int copy(const std::string& from_name, const std::string& to_name, const DatabaseOptions& database, bool yes) {
  const auto folders = folders_from_environment();
  auto configuration = load_configuration(folders);
  if (!configuration) return tell(configuration.error());
  database.apply(configuration->config.store.database);
  const auto from = store_named(from_name);
  const auto to = store_named(to_name);
  if (!yes &&
      !confirmed(fmt::format("The relay's queues and messages will be copied from {} to {}{}.", from_name, to_name,
                             from == StoreName::database ? "" : "; the original will be renamed aside"))) {
    return tell({ErrorKind::cancelled, "nothing was copied", Advice::give_up});
  }
  NullLogger logger;  // what was found is told below
  const auto copied = copy_store(stores_of(*configuration, folders, logger), from, to);
  if (!copied) return tell(copied.error());
  say_copied(copied->read, "Copied");
  say_set_aside(copied->set_aside);
  say("Set in [STORE_LOG] of " + folders.ini().string() + ": " + ini_for(to));
  return succeeded;
}

}  // namespace

Run declare_store(CLI::App& app) {
  app.require_subcommand(1);
  auto* command = app.add_subcommand("copy", "All services, queues and messages into an empty store");
  auto from = std::make_shared<std::string>();
  auto to = std::make_shared<std::string>();
  auto database = std::make_shared<DatabaseOptions>();
  auto yes = std::make_shared<bool>(false);
  const std::vector<std::string> names{"files", "journal", "embedded", "database"};
  command->add_option("--from", *from, "files (store log and messages), journal, embedded or database")
      ->required()
      ->check(CLI::IsMember(names));
  command->add_option("--to", *to, "files, journal, embedded or database")->required()->check(CLI::IsMember(names));
  database->declare(*command);
  command->add_flag("-y,--yes", *yes, "Do not ask");
  return [=] { return copy(*from, *to, *database, *yes); };
}

}  // namespace simplex::smp_server
