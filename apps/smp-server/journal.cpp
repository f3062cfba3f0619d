// smp-server journal import | export | delete: the reference's two ways to keep messages in files.
#include <fmt/core.h>

#include "simplex/server_kit/logging.hpp"
#include "stores.hpp"

namespace simplex::smp_server {
namespace {

namespace fs = std::filesystem;
using namespace smp::stores;

// What to do next with what was written.
std::string next_step(bool database, bool journal) {
  if (database) {
    return journal
               ? "With store_queues = database and store_messages = journal in [STORE_LOG] either relay goes on with "
                 "it: the reference reads it where it is, this one takes it into the database when it starts."
               : "To take it into the database: smp-server database import --table messages";
  }
  return fmt::format(
      "With store_queues = memory and store_messages = {} in [STORE_LOG] {}.", journal ? "journal" : "memory",
      journal ? "the reference relay goes on with it; this one takes it into its own store when it starts"
              : "either relay goes on with it");
}

int copy(bool import, bool yes) {
  const auto folders = folders_from_environment();
  const auto configuration = load_configuration(folders);
  if (!configuration) return tell(configuration.error());
  NullLogger logger;  // what was found is told below
  const auto stores = stores_of(*configuration, folders, logger);
  const auto log = stores.messages().string();
  const auto journal = stores.journal().string();
  const auto question = import
                            ? "WARNING: message log file " + log + " will be imported to journal directory " + journal
                            : "WARNING: journal directory " + journal + " will be exported to message log file " + log;
  if (!yes && !confirmed(question)) return tell({ErrorKind::cancelled, "nothing was copied", Advice::give_up});
  const auto from = import ? StoreName::files : StoreName::journal;
  const auto to = import ? StoreName::journal : StoreName::files;
  const bool database = stores.choice.kind == smp::server::StoreKind::database;
  const auto copied = database ? copy_messages(stores, from, to) : copy_store(stores, from, to);
  if (!copied) return tell(copied.error());
  say_copied(copied->read, import ? "Import completed" : "Export completed");
  say("Written: " + (import ? journal : log));
  say_set_aside(copied->set_aside);
  say(next_step(database, import));
  return succeeded;
}

int remove_journal(bool yes) {
  const auto folders = folders_from_environment();
  const auto folder = folders.log / "messages";
  std::error_code error;
  if (!fs::exists(folder, error)) {
    return tell({ErrorKind::not_found, folder.string() + " does not exist", Advice::ask_user});
  }
  auto lock = server_kit::DirectoryLock::take(folders.log);
  if (!lock) return tell(lock.error());
  if (!yes && !confirmed("WARNING: journal directory " + folder.string() +
                         " will be permanently deleted.\nTHIS CANNOT BE UNDONE!")) {
    return tell({ErrorKind::cancelled, "the messages were NOT deleted", Advice::give_up});
  }
  fs::remove_all(folder, error);
  if (error) {
    return tell({ErrorKind::storage, "cannot delete " + folder.string() + ": " + error.message(), Advice::ask_user});
  }
  say("Deleted all messages in journal " + folder.string());
  return succeeded;
}

}  // namespace

Run declare_journal(CLI::App& app) {
  app.require_subcommand(1);
  auto yes = std::make_shared<bool>(false);
  auto* import = app.add_subcommand("import", "Messages of smp-server-messages.log into a new journal");
  app.add_subcommand("export", "Messages of the journal into smp-server-messages.log");
  auto* removed = app.add_subcommand("delete", "Delete the journal");
  for (auto* command : app.get_subcommands({})) command->add_flag("-y,--yes", *yes, "Do not ask");
  return [=] { return *removed ? remove_journal(*yes) : copy(static_cast<bool>(*import), *yes); };
}

}  // namespace simplex::smp_server
