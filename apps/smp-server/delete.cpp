// smp-server delete
#include "simplex/server_kit/files.hpp"
#include "command.hpp"

namespace simplex::smp_server {
namespace {

namespace fs = std::filesystem;

int remove_relay(bool yes) {
  const auto folders = folders_from_environment();
  std::error_code error;
  if (!fs::exists(folders.ini(), error)) {
    return tell({ErrorKind::not_found, folders.ini().string() + " does not exist: there is no relay to delete",
                 Advice::ask_user});
  }
  std::optional<server_kit::DirectoryLock> lock;
  if (fs::exists(folders.log, error)) {
    auto taken = server_kit::DirectoryLock::take(folders.log);
    if (!taken) return tell(taken.error());
    lock.emplace(std::move(*taken));
  }
  say("WARNING: deleting the server will make all queues inaccessible, because the server identity (certificate "
      "fingerprint) will change.");
  say("These folders will be deleted, with everything in them:");
  std::vector<fs::path> to_delete{folders.config};
  if (!fs::equivalent(folders.config, folders.log, error)) to_delete.push_back(folders.log);
  for (const auto& folder : to_delete) {
    if (!fs::exists(folder, error)) continue;
    say("  " + folder.string());
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      say("    " + entry.path().filename().string() + (entry.is_directory(error) ? "/" : ""));
    }
  }
  if (const auto configuration = load_configuration(folders)) {
    const auto& store = configuration->config.store;
    if (store.kind == smp::server::StoreKind::database) {
      say("The schema " + store.database.schema + " of the database stays: smp-server database delete, before this.");
    } else if (const auto& path = store.embedded.folder; fs::exists(path, error) && path != folders.log / "store") {
      say("The store " + path.string() + " stays: delete it by hand.");
    }
  }
  if (!yes && !confirmed("THIS CANNOT BE UNDONE!")) {
    return tell({ErrorKind::cancelled, "the relay was NOT deleted", Advice::give_up});
  }
  for (const auto& folder : to_delete) {
    fs::remove_all(folder, error);
    if (error) {
      return tell({ErrorKind::storage, "cannot delete " + folder.string() + ": " + error.message(), Advice::ask_user});
    }
  }
  say("Deleted configuration and log files");
  return succeeded;
}

}  // namespace

Run declare_delete(CLI::App& app) {
  auto yes = std::make_shared<bool>(false);
  app.add_flag("-y,--yes", *yes, "Do not ask");
  return [yes] { return remove_relay(*yes); };
}

}  // namespace simplex::smp_server
