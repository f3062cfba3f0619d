// smp-server journal import | export | delete: the reference's two ways to keep messages in files.
#include <fmt/core.h>

#include "simplex/server_kit/logging.hpp"
#include "stores.hpp"

namespace simplex::smp_server {
namespace {

namespace fs = std::filesystem;
using namespace smp::stores;

int copy(StoreName from, StoreName to, const std::string& question, bool yes) {
  const auto folders = folders_from_environment();
  const auto configuration = load_configuration(folders);
  if (!configuration) return tell(configuration.error());
  NullLogger logger;  // what was found is told below
  if (!yes && !confirmed(question)) {
    return tell({ErrorKind::cancelled, "nothing was copied", Advice::give_up});
  }
  const auto copied = copy_store(stores_of(*configuration, folders, logger), from, to);
  if (!copied) return tell(copied.error());
  say_copied(copied->read, to == StoreName::journal ? "Import completed" : "Export completed");
  for (const auto& name : copied->set_aside) say("  the original is kept as " + name);
  say(
      fmt::format("For the reference relay: store_messages = {}. This relay imports either into its own store when it "
                  "starts with store_queues = embedded.",
                  to == StoreName::journal ? "journal" : "memory"));
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
  auto* exported = app.add_subcommand("export", "Messages of the journal into smp-server-messages.log");
  auto* removed = app.add_subcommand("delete", "Delete the journal");
  for (auto* command : {import, exported, removed}) command->add_flag("-y,--yes", *yes, "Do not ask");
  return [=] {
    const auto folders = folders_from_environment();
    const auto log = (folders.log / "smp-server-messages.log").string();
    const auto journal = (folders.log / "messages").string();
    if (*import) {
      return copy(StoreName::files, StoreName::journal,
                  "WARNING: message log file " + log + " will be imported to journal directory " + journal, *yes);
    }
    if (*exported) {
      return copy(StoreName::journal, StoreName::files,
                  "WARNING: journal directory " + journal + " will be exported to message log file " + log, *yes);
    }
    return remove_journal(*yes);
  };
}

}  // namespace simplex::smp_server
