#include "simplex/store/backup.hpp"

#include <sqlite3.h>

#include <system_error>

#include "durable_file.hpp"
#include "sqlite_error.hpp"

namespace simplex::store {

namespace fs = std::filesystem;

namespace {

void remove_quietly(const fs::path& path) noexcept {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    std::error_code ignored;
    fs::remove(path.string() + suffix, ignored);
  }
}

}  // namespace

struct Backup::State {
  Database* source = nullptr;
  fs::path path;
  fs::path part;
  SecretBytes passphrase;
  sqlite3* copy = nullptr;
  sqlite3_backup* steps = nullptr;
  bool named = false;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    close();
    if (!named) remove_quietly(part);
  }

  int close() {
    const int code = steps == nullptr ? SQLITE_OK : sqlite3_backup_finish(std::exchange(steps, nullptr));
    sqlite3_close_v2(std::exchange(copy, nullptr));
    return code;
  }
};

Backup::Backup(std::unique_ptr<State> state) : state_(std::move(state)) {}
Backup::Backup(Backup&&) noexcept = default;
Backup& Backup::operator=(Backup&&) noexcept = default;
Backup::~Backup() = default;

Result<Backup> Backup::begin(Database& source, fs::path path, SecretBytes passphrase) {
  std::error_code ignored;
  const char* const own = sqlite3_db_filename(source.handle(), "main");
  if (own != nullptr && *own != '\0' && fs::equivalent(own, path, ignored)) {
    return fail(ErrorKind::conflict, "The copy cannot have the name of the database itself. Choose another file.",
                Advice::ask_user);
  }
  if (fs::is_directory(path, ignored)) {
    return fail(ErrorKind::conflict, "There is a folder of this name. Choose another name for the copy.",
                Advice::ask_user);
  }
  auto state = std::make_unique<State>();
  state->source = &source;
  state->part = path.string() + ".part";
  state->path = std::move(path);
  state->passphrase = std::move(passphrase);
  remove_quietly(state->part);
  SIMPLEX_TRY(create_private(state->part));
  if (source.encrypted() == state->passphrase.empty()) return Backup(std::move(state));  // written as a whole

  int code = sqlite3_open_v2(state->part.c_str(), &state->copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) return sqlite_failure(state->copy, code, "The copy could not be made");
  if (!state->passphrase.empty()) {
    const auto key = state->passphrase.reveal();
    code = sqlite3_key_v2(state->copy, "main", key.data(), static_cast<int>(key.size()));
    if (code != SQLITE_OK) return sqlite_failure(state->copy, code, "The passphrase could not be used");
  }
  // What is interrupted is thrown away: no need for a journal, and the disk is waited for once, at the end.
  for (const char* sql : {"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF"}) {
    if (code = sqlite3_exec(state->copy, sql, nullptr, nullptr, nullptr); code != SQLITE_OK) {
      return sqlite_failure(state->copy, code, sql);
    }
  }
  state->steps = sqlite3_backup_init(state->copy, "main", source.handle(), "main");
  if (state->steps == nullptr) {
    return sqlite_failure(state->copy, sqlite3_errcode(state->copy), "The copy could not be begun");
  }
  return Backup(std::move(state));
}

Result<bool> Backup::step(int pages) {
  if (state_->steps == nullptr) {
    SIMPLEX_TRY(state_->source->write_whole_copy(state_->part, state_->passphrase));
    return true;
  }
  const int code = sqlite3_backup_step(state_->steps, pages);
  if (code == SQLITE_DONE) return true;
  if (code == SQLITE_OK) return false;
  return sqlite_failure(state_->copy, code, "The copy could not be written");
}

Result<> Backup::finish(const std::function<Result<>(Database&)>& change) {
  if (const int code = state_->close(); code != SQLITE_OK) {
    return sqlite_failure(nullptr, code, "The copy could not be written");
  }
  {
    SIMPLEX_ASSIGN(auto copy,
                   Database::open({.path = state_->part, .passphrase = state_->passphrase.clone(), .create = false}));
    if (change) SIMPLEX_TRY(change(copy));
  }
  SIMPLEX_TRY(sync_file(state_->part));
  SIMPLEX_TRY(rename_durably(state_->part, state_->path));
  state_->named = true;
  return {};
}

}  // namespace simplex::store
