// The database as a file: copies of it, its passphrase, and what happens when it is an old one.
#include <algorithm>

#include "simplex/store/import.hpp"
#include "agent_impl.hpp"
#include "schema.hpp"

namespace simplex::agent {
namespace {

// A copy may come from anybody, and what a database does by itself would be done at every start: only what a migration
// has made is taken.
Result<> check_nothing_foreign(store::Database& database) {
  SIMPLEX_ASSIGN(auto rows,
                 database.prepare("SELECT coalesce(sql, '') FROM sqlite_schema WHERE type IN ('trigger', 'view') "
                                  "OR sql LIKE 'CREATE VIRTUAL%'"));
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) return {};
    const auto text = rows.text(0);
    const auto made_it = [&](const store::Migration& migration) {
      return !text.empty() && migration.up.find(text) != std::string_view::npos;
    };
    if (!std::ranges::any_of(agent_migrations(), made_it)) {
      return fail(ErrorKind::malformed, "The file to import holds what no database of this program does.",
                  Advice::ask_user);
    }
  }
}

}  // namespace

Result<> AgentImpl::know_copy() {
  bool copy = false;
  SIMPLEX_TRY(core_.turn.run([&]() -> Result<> {
    SIMPLEX_ASSIGN(copy, lineage_.open(core_.dependencies.random));
    return copy ? restoration_.begin() : Result<>();
  }));
  SIMPLEX_TRY(core_.turn.commit());
  lineage_.write_file();
  // An imported one was opened before.
  if (!copy && core_.config.database != ":memory:") store::forget_replaced(core_.config.database);
  if (copy) core_.dependencies.log.warning("The database is an old copy: new encryption keys are agreed on.");
  return {};
}

void AgentImpl::grow_older() {
  const auto grown = core_.turn.run([this] { return lineage_.grow(); });
  if (grown && *grown && core_.turn.commit()) lineage_.write_file();
}

Result<> AgentImpl::back_up(std::filesystem::path path, Done done) {
  copies_.make(std::move(path), core_.config.passphrase.clone(), std::move(done));
  return {};
}

Result<> AgentImpl::export_database(std::filesystem::path path, ExportKey key, Done done) {
  auto* const passphrase = std::get_if<SecretBytes>(&key);
  if (passphrase != nullptr && passphrase->empty()) {
    return fail(ErrorKind::authentication, "An export needs a passphrase, unless it is asked for without encryption.",
                Advice::ask_user);
  }
  copies_.make(std::move(path), passphrase != nullptr ? std::move(*passphrase) : SecretBytes(), std::move(done));
  return {};
}

Result<> AgentImpl::change_passphrase(SecretBytes passphrase) {
  if (copies_.any()) {
    return fail(ErrorKind::conflict, "A copy of the database is being made. Try again when it is finished.",
                Advice::retry);
  }
  settle();
  SIMPLEX_TRY(core_.database.change_passphrase(passphrase));
  core_.config.passphrase = std::move(passphrase);
  return {};
}

Result<> Agent::import_database(Import import, const Clock& clock) {
  const store::ImportOptions options{.source = std::move(import.file),
                                     .source_passphrase = std::move(import.file_passphrase),
                                     .path = std::move(import.database),
                                     .passphrase = std::move(import.passphrase),
                                     .own_table = store::migrations_table};
  return store::import_database(options, [&](store::Database& database) -> Result<> {
    SIMPLEX_TRY(check_nothing_foreign(database));
    SIMPLEX_ASSIGN(const auto applied, store::applied_migrations(database));
    if (applied.empty()) return fail(ErrorKind::malformed, "The file to import is empty.", Advice::ask_user);
    SIMPLEX_TRY(store::migrate(database, agent_migrations(), clock));
    return Lineage::mark_as_copy(database);
  });
}

}  // namespace simplex::agent
