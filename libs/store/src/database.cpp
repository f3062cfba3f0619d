#include "simplex/store/database.hpp"

#include <sqlite3.h>

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <system_error>
#include <vector>

#include "durable_file.hpp"
#include "sqlite_error.hpp"

namespace simplex::store {
namespace {

constexpr std::size_t page_size = 4096;  // SQLCipher 4
constexpr std::string_view plain_header = "SQLite format 3";

enum class FileForm { absent, empty, plain, opaque, no_database };

// Read through SQLite: were the file closed by ourselves, the system would drop the locks that another Database of this
// process has on it.
bool starts_as_plain(const std::filesystem::path& path) {
  auto* const vfs = sqlite3_vfs_find(nullptr);
  const auto whole = std::filesystem::absolute(path);
  const std::unique_ptr<const char, void (*)(const char*)> name(
      sqlite3_create_filename(whole.c_str(), "", "", 0, nullptr), sqlite3_free_filename);
  std::vector<std::max_align_t> memory(static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
  auto* const file = reinterpret_cast<sqlite3_file*>(memory.data());
  int flags = 0;
  const int opened = vfs->xOpen(vfs, name.get(), file, SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, &flags);
  std::array<char, plain_header.size()> start{};
  const bool read = opened == SQLITE_OK && file->pMethods->xRead(file, start.data(), start.size(), 0) == SQLITE_OK;
  if (file->pMethods != nullptr) file->pMethods->xClose(file);
  return read && std::string_view(start.data(), start.size()) == plain_header;
}

FileForm form_of(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return FileForm::absent;
  if (!std::filesystem::is_regular_file(path, error)) return FileForm::no_database;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return FileForm::no_database;
  if (size == 0) return FileForm::empty;
  if (starts_as_plain(path)) return FileForm::plain;
  return size % page_size == 0 ? FileForm::opaque : FileForm::no_database;
}

std::unexpected<Error> not_a_database() {
  return fail(ErrorKind::malformed, "The file is not a database of this program.", Advice::ask_user);
}

// The first read of the file: the moment when a wrong key or a foreign file shows.
std::unexpected<Error> unreadable(sqlite3* handle, int code, bool encrypted, FileForm form) {
  if (form == FileForm::plain || ((code & 0xff) != SQLITE_NOTADB && (code & 0xff) != SQLITE_CORRUPT)) {
    return sqlite_failure(handle, code, "The database could not be read");
  }
  return encrypted
             ? fail(ErrorKind::authentication,
                    "The passphrase of the database is wrong (or the file is not a database).", Advice::ask_user)
             : fail(ErrorKind::authentication, "The database is encrypted: a passphrase is needed.", Advice::ask_user);
}

struct Cached {
  sqlite3_stmt* statement = nullptr;
  bool busy = false;
};

}  // namespace

struct Database::State {
  sqlite3* handle = nullptr;
  bool encrypted = false;
  std::map<std::string, Cached, std::less<>> statements;  // addresses of its values stay

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    for (auto& [sql, cached] : statements) sqlite3_finalize(cached.statement);
    sqlite3_close_v2(handle);
  }

  int run(const char* sql) { return sqlite3_exec(handle, sql, nullptr, nullptr, nullptr); }
};

namespace {

Result<> check_owner(sqlite3* handle, std::string_view own_table) {
  sqlite3_stmt* found = nullptr;
  int code = sqlite3_prepare_v2(
      handle, "SELECT count(*), count(*) FILTER (WHERE name = ?) FROM sqlite_schema WHERE type = 'table'", -1, &found,
      nullptr);
  if (code == SQLITE_OK)
    code = sqlite3_bind_text(found, 1, own_table.data(), static_cast<int>(own_table.size()), nullptr);
  if (code == SQLITE_OK) code = sqlite3_step(found);
  const bool foreign = code == SQLITE_ROW && sqlite3_column_int(found, 0) > 0 && sqlite3_column_int(found, 1) == 0;
  sqlite3_finalize(found);
  if (code != SQLITE_ROW) return sqlite_failure(handle, code, "The tables of the database could not be listed");
  if (!foreign) return {};
  return fail(ErrorKind::conflict,
              "The database belongs to another program and was left as it is. Choose another file.", Advice::ask_user);
}

}  // namespace

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(OpenOptions options) {
  const bool in_memory = options.path == ":memory:";
  const bool encrypted = !options.passphrase.empty();
  auto form = FileForm::absent;
  if (!in_memory) {
    form = form_of(options.path);
    if (form == FileForm::absent && (!options.create || options.read_only)) {
      return fail(ErrorKind::not_found, "There is no database file.", Advice::ask_user);
    }
    if (form == FileForm::no_database) return not_a_database();
    if (form == FileForm::plain && encrypted) {
      return fail(ErrorKind::malformed, "The database is not encrypted, but a passphrase was given.", Advice::ask_user);
    }
  }

  // Readable by its owner alone, and so are its companions, which SQLite makes like it. Why it cannot be made, SQLite says.
  if (!in_memory && form == FileForm::absent) (void)create_private(options.path);

  auto state = std::make_unique<State>();
  state->encrypted = encrypted;
  const int access = options.read_only ? SQLITE_OPEN_READONLY
                     : options.create  ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                       : SQLITE_OPEN_READWRITE;
  int code = sqlite3_open_v2(options.path.c_str(), &state->handle, access | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) return sqlite_failure(state->handle, code, "The database could not be opened");
  sqlite3_busy_timeout(
      state->handle,
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(options.busy_timeout).count()));
  // SQLCipher would tell standard error what the Result says already.
  (void)state->run("PRAGMA cipher_log_level = NONE");
  if (encrypted) {
    const auto key = options.passphrase.reveal();
    code = sqlite3_key_v2(state->handle, "main", key.data(), static_cast<int>(key.size()));
    if (code != SQLITE_OK) return sqlite_failure(state->handle, code, "The passphrase could not be used");
  }

  // Exclusive locking makes this connection the only owner of the file until it closes, and keeps the index of the
  // write-ahead log in memory. The lock is taken by the first read, and made certain by the empty transaction.
  if (!options.read_only) (void)state->run("PRAGMA locking_mode = EXCLUSIVE");
  code = state->run("SELECT count(*) FROM sqlite_schema");
  if (code != SQLITE_OK) return unreadable(state->handle, code, encrypted, form);
  if (!options.own_table.empty()) SIMPLEX_TRY(check_owner(state->handle, options.own_table));
  for (const char* sql : {"PRAGMA foreign_keys = ON", "PRAGMA secure_delete = ON", "PRAGMA trusted_schema = OFF"}) {
    if (code = state->run(sql); code != SQLITE_OK) return sqlite_failure(state->handle, code, sql);
  }
  if (!options.read_only) {
    for (const char* sql : {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "BEGIN EXCLUSIVE", "COMMIT"}) {
      if (code = state->run(sql); code != SQLITE_OK) return sqlite_failure(state->handle, code, sql);
    }
  }
  return Database(std::move(state));
}

Result<> Database::execute(std::string_view sql) {
  const std::string text(sql);
  if (const int code = state_->run(text.c_str()); code != SQLITE_OK) {
    return sqlite_failure(state_->handle, code, "A statement failed");
  }
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  auto found = state_->statements.find(sql);
  if (found != state_->statements.end() && !found->second.busy) {
    found->second.busy = true;
    return Statement(found->second.statement, &found->second.busy);
  }
  const bool keep = found == state_->statements.end();
  sqlite3_stmt* made = nullptr;
  const int code = sqlite3_prepare_v3(state_->handle, sql.data(), static_cast<int>(sql.size()),
                                      keep ? SQLITE_PREPARE_PERSISTENT : 0, &made, nullptr);
  if (code != SQLITE_OK) return sqlite_failure(state_->handle, code, "A statement could not be prepared");
  if (!keep) return Statement(made, nullptr);  // the same statement runs already: one more, for this time
  auto& cached = state_->statements.emplace(std::string(sql), Cached{made, true}).first->second;
  return Statement(made, &cached.busy);
}

Result<> Database::run_once(std::string_view sql) {
  SIMPLEX_ASSIGN(auto statement, prepare(sql));
  return statement.finish();
}

Result<> Database::begin() { return run_once("BEGIN IMMEDIATE"); }
Result<> Database::commit() { return run_once("COMMIT"); }
void Database::rollback() noexcept {
  if (in_transaction()) (void)state_->run("ROLLBACK");
}
bool Database::in_transaction() const noexcept { return sqlite3_get_autocommit(state_->handle) == 0; }

Result<> Database::savepoint() { return run_once("SAVEPOINT part"); }
Result<> Database::release_savepoint() { return run_once("RELEASE part"); }
void Database::rollback_savepoint() noexcept {
  if (!in_transaction()) return;  // SQLite has rolled back everything by itself
  (void)state_->run("ROLLBACK TO part");
  (void)state_->run("RELEASE part");
}

std::int64_t Database::last_row_id() const noexcept { return sqlite3_last_insert_rowid(state_->handle); }
std::int64_t Database::changes() const noexcept { return sqlite3_changes64(state_->handle); }

std::int64_t Database::total_changes() const noexcept { return sqlite3_total_changes64(state_->handle); }
bool Database::encrypted() const noexcept { return state_->encrypted; }
sqlite3* Database::handle() const noexcept { return state_->handle; }

Result<> Database::change_passphrase(const SecretBytes& passphrase) {
  if (passphrase.empty() || !state_->encrypted) {
    return fail(ErrorKind::conflict,
                "The passphrase can only be changed to another one. To encrypt a database that is not, or the other "
                "way: export it, and import that.",
                Advice::ask_user);
  }
  const auto key = passphrase.reveal();
  const int code = sqlite3_rekey_v2(state_->handle, "main", key.data(), static_cast<int>(key.size()));
  if (code != SQLITE_OK) return sqlite_failure(state_->handle, code, "The passphrase could not be changed");
  return {};
}

Result<> Database::write_whole_copy(const std::filesystem::path& path, const SecretBytes& passphrase) {
  {
    SIMPLEX_ASSIGN(auto attach, prepare("ATTACH DATABASE ? AS copy KEY ?"));
    SIMPLEX_TRY(attach.bind_all(path.string(), as_text(passphrase.reveal())));
    SIMPLEX_TRY(attach.finish());
  }
  auto written = execute("SELECT sqlcipher_export('copy')");
  auto detached = execute("DETACH DATABASE copy");
  return written ? detached : written;
}

}  // namespace simplex::store
