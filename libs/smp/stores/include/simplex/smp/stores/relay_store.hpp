// The store of a relay as its configuration says, and the way of its state from one store to another.
//
// A relay's folder has one live store. Files of another one beside it are an error that says what to do, so that no
// relay starts on stale state. What was imported is renamed aside ("NAME.imported-TIME"), never deleted. An import that is
// interrupted, at any point, is done again or finished by the next start.
#pragma once

#include "simplex/server_kit/files.hpp"
#include "simplex/smp/server/store_choice.hpp"
#include "simplex/smp/stores/embedded.hpp"
#include "simplex/smp/stores/files.hpp"
#include "simplex/smp/stores/postgres.hpp"

namespace simplex::smp::stores {

// How stores are opened: open_embedded and open_postgres, or what tests put in their place.
struct StoreOpeners {
  using Backend = Result<std::unique_ptr<server::StoreBackend>>;
  std::function<Backend(EmbeddedSettings, Logger&)> embedded;
  std::function<Backend(PostgresSettings, Logger&)> postgres;
};

struct RelayStores {
  std::filesystem::path folder;  // SMP_SERVER_LOG_PATH: logs, journal, embedded store
  server::StoreChoice choice;
  const StoreOpeners& openers;
  const Clock& clock;
  Logger& logger;
  server::StoreBackend::Progress progress;  // of imports; may be empty
  // Of a database that another version of a relay left.
  MigrationConfirmation migrations = MigrationConfirmation::error;
  std::function<bool(const std::string&)> confirm = {};

  [[nodiscard]] std::filesystem::path store_log() const { return folder / "smp-server-store.log"; }
  [[nodiscard]] std::filesystem::path messages() const { return folder / "smp-server-messages.log"; }
  [[nodiscard]] std::filesystem::path journal() const { return folder / "messages"; }
  [[nodiscard]] EmbeddedSettings embedded_settings() const;
  [[nodiscard]] PostgresSettings postgres_settings() const;
};

struct OpenStore {
  std::unique_ptr<server::StoreBackend> backend;  // null: the memory store, which Server opens
  std::optional<server_kit::DirectoryLock> lock;  // held while the backend is used; the memory store has its own
};
// For "smp-server start". Imports the reference's files where the choice says so.
[[nodiscard]] Result<OpenStore> open_store(const RelayStores& stores);

// --- copies, while no relay runs; each takes the folder's lock.
enum class StoreName : std::uint8_t { files, journal, embedded, database };  // journal: store log and journal
[[nodiscard]] std::string_view name_of(StoreName name) noexcept;
struct CopyReport {
  ReadReport read;                     // totals of what was copied
  std::vector<std::string> set_aside;  // new names of the source's files
};
// The source is renamed aside, but a database stays as it is. A target that has a state already is a conflict.
[[nodiscard]] Result<CopyReport> copy_store(const RelayStores& stores, StoreName from, StoreName to);

// Undelivered messages alone, between smp-server-messages.log (files) and the journal, for a relay whose queues are in a
// database. Like copy_store() otherwise.
[[nodiscard]] Result<CopyReport> copy_messages(const RelayStores& stores, StoreName from, StoreName to);

// Makes the schema of the database, with its tables, when it is not there. What it has else.
[[nodiscard]] Result<server::StoreTotals> make_schema(const RelayStores& stores);

// Between the database, whose queues are there already, and smp-server-messages.log.
[[nodiscard]] Result<ReadReport> import_messages(const RelayStores& stores, server::StoreBackend& into,
                                                 const std::filesystem::path& messages);

}  // namespace simplex::smp::stores
