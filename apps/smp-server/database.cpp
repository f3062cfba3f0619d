// smp-server database import | export | delete: between the reference's files and PostgreSQL.
#include <fmt/core.h>

#include "simplex/server_kit/logging.hpp"
#include "stores.hpp"

namespace simplex::smp_server {
namespace {

namespace fs = std::filesystem;
using namespace smp::stores;
using smp::server::StoreBackend;

struct DatabaseCommand {
  DatabaseOptions options;
  std::string table = "all";
  bool yes = false;
};

// Leaves messages, or queues, of a state out.
class OneTable final : public smp::server::StateSink {
 public:
  OneTable(smp::server::StateSink& sink, bool queues) : sink_(sink), queues_(queues) {}
  Result<> add_service(const smp::server::ServiceRecord& service) override {
    return queues_ ? sink_.add_service(service) : Result<>();
  }
  Result<> add_queue(const smp::server::QueueRecord& queue) override {
    return queues_ ? sink_.add_queue(queue) : Result<>();
  }
  Result<> add_message(const smp::server::RecipientId& queue, const smp::server::StoredMessage& message) override {
    return queues_ ? Result<>() : sink_.add_message(queue, message);
  }
  Result<> commit() override { return sink_.commit(); }

 private:
  smp::server::StateSink& sink_;
  bool queues_;
};

Result<ReadReport> import_queues(const RelayStores& stores) {
  auto settings = stores.postgres_settings();
  settings.create_schema = true;
  SIMPLEX_ASSIGN(const auto backend, stores.openers.postgres(std::move(settings), stores.logger));
  SIMPLEX_ASSIGN(const auto sink, backend->import());
  SIMPLEX_ASSIGN(auto report, read_files({stores.store_log(), {}, {}}, *sink, stores.progress));
  SIMPLEX_TRY(sink->commit());
  SIMPLEX_TRY(backend->close());
  return report;
}

Result<ReadReport> import_table_of_messages(const RelayStores& stores) {
  SIMPLEX_ASSIGN(const auto backend, stores.openers.postgres(stores.postgres_settings(), stores.logger));
  auto report = import_messages(stores, *backend, stores.messages());
  SIMPLEX_TRY(backend->close());
  return report;
}

Result<ReadReport> export_table(const RelayStores& stores, bool queues) {
  RelayFiles files{queues ? stores.store_log() : fs::path(), {}, {}};
  if (!queues) files.messages = stores.messages();
  SIMPLEX_ASSIGN(const auto sink, write_files(files));
  SIMPLEX_ASSIGN(const auto backend, stores.openers.postgres(stores.postgres_settings(), stores.logger));
  OneTable table(*sink, queues);
  ReadReport report;
  SIMPLEX_ASSIGN(report.read, backend->export_to(table, stores.progress));
  (queues ? report.read.messages : report.read.queues) = 0;
  SIMPLEX_TRY(sink->commit());
  SIMPLEX_TRY(backend->close());
  return report;
}

Result<> set_aside(const fs::path& file) {
  auto to = file;
  to += ".bak";
  std::error_code error;
  for (int number = 1; fs::exists(to, error); ++number) to = file.string() + fmt::format(".bak{}", number);
  fs::rename(file, to, error);
  if (error) {
    return fail(ErrorKind::storage, fmt::format("cannot rename {}: {}", file.string(), error.message()),
                Advice::ask_user);
  }
  say_set_aside({to.string()});
  return {};
}

// There is nothing to import: the database is made ready all the same.
int make_ready(const RelayStores& stores, const fs::path& ini) {
  std::error_code error;
  if (const auto folder = stores.embedded_settings().folder; fs::exists(folder, error)) {
    return tell({ErrorKind::conflict,
                 "the relay's queues are in the embedded store " + folder.string() +
                     ": smp-server store copy --from embedded --to database",
                 Advice::ask_user});
  }
  const auto lock = server_kit::DirectoryLock::take(stores.folder);
  if (!lock) return tell(lock.error());
  const auto found = make_schema(stores);
  if (!found) return tell(found.error());
  say(
      fmt::format("There is nothing to import in {}. The schema {} of the database is ready; it has {} queues and {} "
                  "messages.",
                  stores.folder.string(), stores.choice.database.schema, found->queues, found->messages));
  if (stores.choice.kind != smp::server::StoreKind::database) {
    say("Set store_queues = database, store_messages = database in [STORE_LOG] of " + ini.string());
  }
  return succeeded;
}

bool nothing_to_import(const RelayStores& stores) {
  std::error_code error;
  auto started = stores.store_log();
  started += ".start";
  return !fs::exists(stores.store_log(), error) && !fs::exists(started, error) &&
         !fs::exists(stores.messages(), error) && !fs::exists(stores.journal(), error);
}

int report_copied(const Result<ReadReport>& report, std::string_view what) {
  if (!report) return tell(report.error());
  say_copied(*report, what);
  return succeeded;
}

int run(const DatabaseCommand& command, bool import) {
  const auto folders = folders_from_environment();
  auto configuration = load_configuration(folders);
  if (!configuration) return tell(configuration.error());
  command.options.apply(configuration->config.store.database);
  NullLogger logger;  // what was found is told below
  const auto stores = stores_of(*configuration, folders, logger);
  const auto& database = configuration->config.store.database;
  const auto files = command.table == "queues"     ? stores.store_log().string()
                     : command.table == "messages" ? stores.messages().string()
                                                   : stores.store_log().string() + " and " + stores.messages().string();
  const auto where = fmt::format("PostgreSQL schema {}", database.schema);
  if (import && command.table != "messages" && nothing_to_import(stores)) return make_ready(stores, folders.ini());
  if (!command.yes && !confirmed(fmt::format("WARNING: {} will be {} {}", import ? files : where,
                                             import ? "imported to" : "exported to", import ? where : files))) {
    return tell({ErrorKind::cancelled, "nothing was copied", Advice::give_up});
  }
  const std::string_view done = import ? "Import completed" : "Export completed";
  if (command.table == "all") {
    std::error_code error;
    const bool journal = fs::exists(stores.journal(), error) && !fs::exists(stores.messages(), error);
    const auto source = journal ? StoreName::journal : StoreName::files;
    const auto copied = import ? copy_store(stores, source, StoreName::database)
                               : copy_store(stores, StoreName::database, StoreName::files);
    if (!copied) return tell(copied.error());
    say_copied(copied->read, done);
    say_set_aside(copied->set_aside);
    const bool set = (configuration->config.store.kind == smp::server::StoreKind::database) == import;
    if (!set) {
      say(fmt::format("Set store_queues = {0}, store_messages = {0} in [STORE_LOG] of {1}",
                      import ? "database" : "memory", folders.ini().string()));
    }
    return succeeded;
  }
  const auto lock = server_kit::DirectoryLock::take(stores.folder);
  if (!lock) return tell(lock.error());
  const bool queues = command.table == "queues";
  if (!import) return report_copied(export_table(stores, queues), done);
  const auto file = queues ? stores.store_log() : stores.messages();
  std::error_code error;
  if (!fs::exists(file, error)) {
    return tell({ErrorKind::not_found, file.string() + " file does not exist", Advice::ask_user});
  }
  const auto report = queues ? import_queues(stores) : import_table_of_messages(stores);
  if (!report) return tell(report.error());
  say_copied(*report, done);
  if (const auto kept = set_aside(file); !kept) return tell(kept.error());
  return succeeded;
}

int remove_tables(const DatabaseCommand& command) {
  const auto folders = folders_from_environment();
  auto configuration = load_configuration(folders);
  if (!configuration) return tell(configuration.error());
  command.options.apply(configuration->config.store.database);
  NullLogger logger;
  const auto stores = stores_of(*configuration, folders, logger);
  if (!command.yes && !confirmed(fmt::format("WARNING: {} in PostgreSQL schema {} will be permanently deleted.\nTHIS "
                                             "CANNOT BE UNDONE!",
                                             command.table == "all" ? "queues and messages" : command.table,
                                             configuration->config.store.database.schema))) {
    return tell({ErrorKind::cancelled, "nothing was deleted", Advice::give_up});
  }
  const auto lock = server_kit::DirectoryLock::take(stores.folder);
  if (!lock) return tell(lock.error());
  auto backend = stores.openers.postgres(stores.postgres_settings(), logger);
  if (!backend) return tell(backend.error());
  const auto contents = command.table == "queues"     ? StoreBackend::Contents::queues
                        : command.table == "messages" ? StoreBackend::Contents::messages
                                                      : StoreBackend::Contents::all;
  if (const auto removed = (*backend)->remove(contents); !removed) return tell(removed.error());
  if (const auto closed = (*backend)->close(); !closed) return tell(closed.error());
  say("Deleted " + (command.table == "all" ? std::string("queues and messages") : command.table));
  return succeeded;
}

}  // namespace

Run declare_database(CLI::App& app) {
  app.require_subcommand(1);
  auto command = std::make_shared<DatabaseCommand>();
  auto* import = app.add_subcommand("import", "Import smp-server-store.log and smp-server-messages.log");
  auto* exported = app.add_subcommand("export", "Export to smp-server-store.log and smp-server-messages.log");
  auto* removed = app.add_subcommand("delete", "Delete what is in the database");
  // Before or after "import", as the reference has it.
  for (auto* at : {&app, import, exported, removed}) {
    command->options.declare(*at);
    at->add_option("--table", command->table, "queues, messages or all")
        ->capture_default_str()
        ->check(CLI::IsMember({"queues", "messages", "all"}));
    at->add_flag("-y,--yes", command->yes, "Do not ask");
  }
  return [=] { return *removed ? remove_tables(*command) : run(*command, static_cast<bool>(*import)); };
}

}  // namespace simplex::smp_server
