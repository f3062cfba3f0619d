#include "simplex/smp/stores/relay_store.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "simplex/smp/stores/renames.hpp"

namespace simplex::smp::stores {
namespace {

namespace fs = std::filesystem;
using server::StoreKind;

bool there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}
bool has_files(const fs::path& folder) {
  std::error_code error;
  return fs::is_directory(folder, error) && !fs::is_empty(folder, error);
}

fs::path with(fs::path path, std::string_view suffix) {
  path += suffix;
  return path;
}

// Files of the reference that hold a state, and where they are set aside.
class Sources {
 public:
  Sources(const RelayStores& stores, std::string_view what)
      : suffix_(fmt::format(".{}-{:%Y-%m-%dT%H:%M:%S}Z", what,
                            fmt::gmtime(std::time_t{seconds_since_epoch(stores.clock.wall())}))) {}

  void add(const fs::path& path) {
    if (!there(path)) return;
    auto aside = with(path, suffix_);
    // Another one of the same second.
    for (int number = 2; there(aside); ++number) aside = with(path, fmt::format("{}-{}", suffix_, number));
    renames.push_back({path.string(), aside.string()});
  }
  void add_log(const RelayStores& stores) {
    add(stores.store_log());
    add(with(stores.store_log(), ".start"));
  }

  std::vector<Rename> renames;

 private:
  std::string suffix_;
};

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorKind::conflict, std::move(message), Advice::ask_user);
}

void tell_problems(const ReadReport& report, Logger& logger) {
  constexpr std::size_t shown = 20;
  for (std::size_t i = 0; i < std::min(report.problems.size(), shown); ++i) {
    logger.warning(format(report.problems[i]));
  }
  if (report.problems.size() > shown) {
    logger.warning(fmt::format("and {} more lines that could not be used", report.problems.size() - shown));
  }
  if (report.orphans > 0) {
    logger.warning(
        fmt::format("{} messages belong to queues that do not exist; they are left where they were", report.orphans));
  }
}

// What a copy is written to. Nothing of it is live before `renames` were made.
struct Target {
  std::unique_ptr<server::StoreBackend> backend;
  std::unique_ptr<server::StateSink> sink;
  std::vector<Rename> renames;

  // The sink is complete: makes it last.
  [[nodiscard]] Result<> finish(const server::StoreTotals& expected) {
    SIMPLEX_TRY(sink->commit());
    sink.reset();
    if (!backend) return {};
    const auto totals = backend->totals();
    SIMPLEX_TRY(backend->close());
    backend.reset();
    if (totals.queues == expected.queues && totals.messages == expected.messages) return {};
    return fail(ErrorKind::internal,
                fmt::format("{} queues and {} messages were read, but {} and {} are in the new store; nothing was "
                            "changed",
                            expected.queues, expected.messages, totals.queues, totals.messages));
  }
};

Result<Target> begin_embedded(const RelayStores& stores) {
  Target made;
  auto settings = stores.embedded_settings();
  const auto folder = settings.folder;
  if (there(folder)) return refuse(folder.string() + " exists already: nothing is overwritten");
  settings.folder = with(folder, ".new");
  std::error_code error;
  fs::remove_all(settings.folder, error);  // what an interrupted attempt left
  made.renames.push_back({settings.folder.string(), folder.string()});
  SIMPLEX_ASSIGN(made.backend, stores.openers.embedded(std::move(settings), stores.logger));
  SIMPLEX_ASSIGN(made.sink, made.backend->import());
  return made;
}

Result<Target> begin_files(const RelayStores& stores, bool journal) {
  Target made;
  constexpr std::string_view suffix = ".copy";
  RelayFiles files{.store_log = with(stores.store_log(), suffix), .messages = {}, .journal = {}};
  if (journal) {
    files.journal = with(stores.journal(), suffix);
  } else {
    files.messages = with(stores.messages(), suffix);
  }
  made.renames.push_back({files.store_log.string(), stores.store_log().string()});
  std::error_code error;
  fs::remove(files.store_log, error);
  if (journal) {
    fs::remove_all(*files.journal, error);
    made.renames.push_back({files.journal->string(), stores.journal().string()});
  } else {
    fs::remove(*files.messages, error);
    made.renames.push_back({files.messages->string(), stores.messages().string()});
  }
  SIMPLEX_ASSIGN(made.sink, write_files(files));
  return made;
}

Result<Target> begin_database(const RelayStores& stores) {
  Target made;
  auto settings = stores.postgres_settings();
  settings.create_schema = true;
  SIMPLEX_ASSIGN(made.backend, stores.openers.postgres(std::move(settings), stores.logger));
  SIMPLEX_ASSIGN(made.sink, made.backend->import());
  return made;
}

Result<ReadReport> export_from(Result<std::unique_ptr<server::StoreBackend>> opened, server::StateSink& sink,
                               const server::StoreBackend::Progress& progress) {
  SIMPLEX_ASSIGN(const auto backend, std::move(opened));
  ReadReport report;
  SIMPLEX_ASSIGN(report.read, backend->export_to(sink, progress ? progress : [](const server::StoreTotals&) {}));
  SIMPLEX_TRY(backend->close());
  return report;
}

Result<ReadReport> read_source(const RelayStores& stores, StoreName from, server::StateSink& sink) {
  switch (from) {
    case StoreName::files: return read_files({stores.store_log(), stores.messages(), {}}, sink, stores.progress);
    case StoreName::journal: return read_files({stores.store_log(), {}, stores.journal()}, sink, stores.progress);
    case StoreName::embedded:
      return export_from(stores.openers.embedded(stores.embedded_settings(), stores.logger), sink, stores.progress);
    case StoreName::database: break;
  }
  return export_from(stores.openers.postgres(stores.postgres_settings(), stores.logger), sink, stores.progress);
}

// What will be set aside of the source; an error when there is no such source.
Result<Sources> sources_of(const RelayStores& stores, StoreName from) {
  Sources made(stores, from == StoreName::embedded ? "exported" : "imported");
  const bool files = from == StoreName::files || from == StoreName::journal;
  const auto first = files ? stores.store_log() : stores.embedded_settings().folder;
  if (from != StoreName::database && !there(first) && !(files && there(with(first, ".start")))) {
    const auto embedded = stores.embedded_settings().folder;
    return fail(ErrorKind::not_found,
                first.string() + " does not exist: " +
                    (files && there(embedded) ? "the relay's queues are in the embedded store " + embedded.string() +
                                                    ", from where smp-server store copy takes them to any other"
                                              : std::string("there is nothing to copy")),
                Advice::ask_user);
  }
  if (from == StoreName::journal && !there(stores.journal())) {
    return fail(ErrorKind::not_found, stores.journal().string() + " does not exist: there is no journal",
                Advice::ask_user);
  }
  if (files) made.add_log(stores);
  if (from == StoreName::files) made.add(stores.messages());
  if (from == StoreName::journal) made.add(stores.journal());
  if (from == StoreName::embedded) made.add(first);
  return made;
}

Result<> target_is_free(const RelayStores& stores, StoreName from, StoreName to) {
  const bool from_log = from == StoreName::files || from == StoreName::journal;
  std::vector<fs::path> wanted;
  if (to == StoreName::files || to == StoreName::journal) {
    if (!from_log) wanted.push_back(stores.store_log());
    wanted.push_back(to == StoreName::files ? stores.messages() : stores.journal());
  }
  if (to == StoreName::embedded) wanted.push_back(stores.embedded_settings().folder);
  for (const auto& path : wanted) {
    if (there(path)) return refuse(path.string() + " exists already: move it away, nothing is overwritten");
  }
  return {};
}

// Queues are not looked up: messages of those that are gone are left out when they are imported.
Result<CopyReport> copy_messages_locked(const RelayStores& stores, StoreName from, StoreName to) {
  const auto place = [&](StoreName name) { return name == StoreName::journal ? stores.journal() : stores.messages(); };
  const auto source = place(from);
  const auto target = place(to);
  if (!there(source)) return fail(ErrorKind::not_found, source.string() + " does not exist", Advice::ask_user);
  if (there(target)) return refuse(target.string() + " exists already: move it away, nothing is overwritten");
  const auto copy = with(target, ".copy");
  std::error_code error;
  fs::remove_all(copy, error);  // what an interrupted attempt left
  RelayFiles files;
  (to == StoreName::journal ? files.journal : files.messages) = copy;
  SIMPLEX_ASSIGN(const auto sink, write_files(files));
  CopyReport report;
  const MessageReader reader{.exists = [](const server::RecipientId&) { return true; },
                             .use = [&](const auto& queue, const auto& message) -> Result<> {
                               if (stores.progress && report.read.read.messages % 10'000 == 0) {
                                 stores.progress(report.read.read);
                               }
                               return sink->add_message(queue, message);
                             }};
  SIMPLEX_TRY(from == StoreName::journal ? read_journals(source, reader, report.read)
                                         : read_messages_file(source, reader, report.read));
  SIMPLEX_TRY(sink->commit());
  Sources sources(stores, "imported");
  sources.add(source);
  report.set_aside.push_back(sources.renames.front().to);
  sources.renames.push_back({copy.string(), target.string()});
  SIMPLEX_TRY(rename_all(stores.folder, sources.renames));
  return report;
}

Result<CopyReport> copy_locked(const RelayStores& stores, StoreName from, StoreName to) {
  if (from == to) {
    return fail(ErrorKind::malformed, fmt::format("from {} to {}: these are the same", name_of(from), name_of(to)),
                Advice::ask_user);
  }
  SIMPLEX_ASSIGN(auto sources, sources_of(stores, from));
  SIMPLEX_TRY(target_is_free(stores, from, to));
  if (from == StoreName::files && has_files(stores.journal())) {
    return refuse(stores.journal().string() +
                  " is there, too: copy with the journal (smp-server store copy --from journal)");
  }
  auto begun = to == StoreName::embedded   ? begin_embedded(stores)
               : to == StoreName::database ? begin_database(stores)
                                           : begin_files(stores, to == StoreName::journal);
  SIMPLEX_ASSIGN(auto target, std::move(begun));
  CopyReport report;
  SIMPLEX_ASSIGN(report.read, read_source(stores, from, *target.sink));
  SIMPLEX_TRY(target.finish(report.read.read));
  for (const auto& rename : sources.renames) report.set_aside.push_back(rename.to);
  sources.renames.insert(sources.renames.end(), target.renames.begin(), target.renames.end());
  SIMPLEX_TRY(rename_all(stores.folder, sources.renames));
  return report;
}

std::string files_in_the_way(const RelayStores& stores) {
  std::string names;
  for (const auto& path : {stores.store_log(), with(stores.store_log(), ".start"), stores.messages()}) {
    if (there(path)) names += (names.empty() ? "" : ", ") + path.filename().string();
  }
  if (has_files(stores.journal())) {
    names += (names.empty() ? "" : ", ") + stores.journal().filename().string() + "/";
  }
  return names;
}

// A state that is not where the relay looks for it, but was set aside when it went elsewhere: who starts empty now has the
// wrong store in [STORE_LOG].
Result<> no_state_elsewhere(const RelayStores& stores) {
  const auto embedded = stores.embedded_settings().folder;
  const auto log = stores.store_log();
  if (there(log) || there(with(log, ".start")) || there(embedded)) return {};
  fs::path aside;
  const auto look = [&](const fs::path& of, std::string_view suffix) {
    const auto prefix = of.filename().string() + std::string(suffix);
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(of.parent_path(), error)) {
      if (!entry.path().filename().string().starts_with(prefix)) continue;
      if (aside.empty() || fs::last_write_time(entry, error) > fs::last_write_time(aside, error)) aside = entry.path();
    }
  };
  look(log, ".imported-");
  look(log, ".bak");
  look(embedded, ".exported-");
  if (aside.empty()) return {};
  const auto which = stores.choice.kind == StoreKind::embedded ? "embedded" : "memory";
  return refuse(fmt::format(
      "store_queues is {}, but this relay has no queues there: they were taken to another store, and {} was left "
      "aside. "
      "Set store_queues and store_messages to that store; or take the queues back, for example: smp-server store copy "
      "--from database --to {}; or, to start without any queue, move what was set aside to another folder",
      which, aside.string(), stores.choice.kind == StoreKind::embedded ? "embedded" : "files"));
}

Result<> no_embedded_store(const RelayStores& stores) {
  const auto folder = stores.embedded_settings().folder;
  if (!there(folder)) return {};
  return refuse(fmt::format(
      "the relay's queues are in the embedded store {}, but [STORE_LOG] says {}. Set store_queues = embedded and "
      "store_messages = embedded, or take the queues along: smp-server store copy --from embedded --to {}",
      folder.string(), server::name_of(stores.choice.kind),
      stores.choice.kind == StoreKind::database ? "database" : "files"));
}

Result<OpenStore> open_memory(const RelayStores& stores) {
  SIMPLEX_TRY(no_embedded_store(stores));
  if (stores.choice.enabled) SIMPLEX_TRY(no_state_elsewhere(stores));
  if (stores.choice.enabled && has_files(stores.journal())) {
    return refuse(
        fmt::format("store_messages is memory, but messages are in the journal {}. Set store_messages = "
                    "journal, or export them first: smp-server journal export",
                    stores.journal().string()));
  }
  return OpenStore{};
}

Result<std::unique_ptr<server::StoreBackend>> open_embedded_store(const RelayStores& stores) {
  const auto settings = stores.embedded_settings();
  const auto files = files_in_the_way(stores);
  if (there(settings.folder) && !files.empty()) {
    return refuse(fmt::format(
        "there are two states of this relay in {}: the embedded store {}, and {}. Move the older one away: the relay "
        "starts with the embedded store when these files are gone, and imports them when the store is gone",
        stores.folder.string(), settings.folder.filename().string(), files));
  }
  if (!there(settings.folder) && !files.empty()) {
    const bool journal = has_files(stores.journal());
    if (journal && there(stores.messages())) {
      return refuse(fmt::format("both {} and {} are there: move the one away that is not in use",
                                stores.messages().string(), stores.journal().string()));
    }
    stores.logger.info(fmt::format("importing {} into the embedded store", files));
    SIMPLEX_ASSIGN(const auto report,
                   copy_locked(stores, journal ? StoreName::journal : StoreName::files, StoreName::embedded));
    tell_problems(report.read, stores.logger);
    std::string aside;
    for (const auto& name : report.set_aside) aside += (aside.empty() ? "" : ", ") + name;
    stores.logger.info(fmt::format("imported {} queues and {} messages into {}; the originals are kept as {}",
                                   report.read.read.queues, report.read.read.messages, settings.folder.string(),
                                   aside));
  }
  SIMPLEX_TRY(no_state_elsewhere(stores));
  return stores.openers.embedded(settings, stores.logger);
}

Result<std::unique_ptr<server::StoreBackend>> open_database(const RelayStores& stores) {
  SIMPLEX_TRY(no_embedded_store(stores));
  const bool journal = has_files(stores.journal());
  if (there(stores.store_log()) || there(stores.messages()) || (journal && !stores.choice.journal)) {
    return refuse(
        fmt::format("store_queues is database, but {} are in {}. Import them: smp-server database import; or "
                    "move them away, or set store_queues = memory",
                    files_in_the_way(stores), stores.folder.string()));
  }
  SIMPLEX_ASSIGN(auto backend, stores.openers.postgres(stores.postgres_settings(), stores.logger));
  if (!journal) return backend;
  stores.logger.info(fmt::format("importing the journal {} into the database", stores.journal().string()));
  SIMPLEX_ASSIGN(const auto report, import_messages(stores, *backend, stores.journal()));
  tell_problems(report, stores.logger);
  Sources sources(stores, "imported");
  sources.add(stores.journal());
  SIMPLEX_TRY(rename_all(stores.folder, sources.renames));
  stores.logger.info(fmt::format("imported {} messages; the original is kept as {}", report.read.messages,
                                 sources.renames.front().to));
  return backend;
}

}  // namespace

EmbeddedSettings RelayStores::embedded_settings() const {
  EmbeddedSettings made;
  made.folder = choice.embedded.folder.empty() ? folder / "store" : choice.embedded.folder;
  made.commit_delay = choice.embedded.commit_delay;
  made.commit_octets = choice.embedded.commit_octets;
  made.cache_octets = choice.embedded.cache_octets;
  made.unwritten_octets = choice.embedded.unwritten_octets;
  made.pending_octets = choice.embedded.pending_octets;
  made.reader_threads = choice.embedded.reader_threads;
  return made;
}

PostgresSettings RelayStores::postgres_settings() const {
  PostgresSettings made;
  made.connection = choice.database.connection;
  made.schema = choice.database.schema;
  made.pool_size = choice.database.pool_size;
  made.deleted_ttl = choice.database.deleted_ttl;
  made.operation_timeout = choice.database.timeout;
  made.waiting_octets = choice.database.waiting_octets;
  made.lease_wait = choice.database.lease_wait;
  made.migrations = migrations;
  made.confirm = confirm;
  return made;
}

std::string_view name_of(StoreName name) noexcept {
  switch (name) {
    case StoreName::files: return "files";
    case StoreName::journal: return "journal";
    case StoreName::embedded: return "embedded";
    case StoreName::database: break;
  }
  return "database";
}

Result<OpenStore> open_store(const RelayStores& stores) {
  const bool memory = stores.choice.kind == StoreKind::memory;
  // Without a log there may be no folder either.
  if (memory && !stores.choice.enabled && !there(stores.folder)) return OpenStore{};
  SIMPLEX_ASSIGN(auto lock, server_kit::DirectoryLock::take(stores.folder));
  SIMPLEX_TRY(finish_renames(stores.folder));
  if (memory) return open_memory(stores);
  auto opened = stores.choice.kind == StoreKind::embedded ? open_embedded_store(stores) : open_database(stores);
  OpenStore made;
  SIMPLEX_ASSIGN(made.backend, std::move(opened));
  made.lock.emplace(std::move(lock));
  return made;
}

Result<CopyReport> copy_messages(const RelayStores& stores, StoreName from, StoreName to) {
  SIMPLEX_ASSIGN(const auto lock, server_kit::DirectoryLock::take(stores.folder));
  SIMPLEX_TRY(finish_renames(stores.folder));
  SIMPLEX_ASSIGN(auto report, copy_messages_locked(stores, from, to));
  tell_problems(report.read, stores.logger);
  return report;
}

Result<server::StoreTotals> make_schema(const RelayStores& stores) {
  auto settings = stores.postgres_settings();
  settings.create_schema = true;
  SIMPLEX_ASSIGN(const auto backend, stores.openers.postgres(std::move(settings), stores.logger));
  const auto totals = backend->totals();
  SIMPLEX_TRY(backend->close());
  return totals;
}

Result<CopyReport> copy_store(const RelayStores& stores, StoreName from, StoreName to) {
  SIMPLEX_ASSIGN(const auto lock, server_kit::DirectoryLock::take(stores.folder));
  SIMPLEX_TRY(finish_renames(stores.folder));
  SIMPLEX_ASSIGN(auto report, copy_locked(stores, from, to));
  tell_problems(report.read, stores.logger);
  return report;
}

}  // namespace simplex::smp::stores
