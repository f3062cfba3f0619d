#include "simplex/store/import.hpp"

#include <sqlite3.h>

#include <system_error>

#include "simplex/store/backup.hpp"
#include "durable_file.hpp"
#include "sqlite_error.hpp"

namespace simplex::store {

namespace fs = std::filesystem;

namespace {

fs::path with(const fs::path& path, std::string_view suffix) { return path.string() + std::string(suffix); }

Result<> remove_all_of(const fs::path& path) {
  for (const char* suffix : {"-wal", "-shm", "-journal", ""}) {
    std::error_code error;
    fs::remove(with(path, suffix), error);
    if (error) return file_failure("removed", with(path, suffix), error.value());
  }
  return {};
}

// Holds the lock that an open database holds, without reading the file: no passphrase is needed.
class FileLock {
 public:
  static Result<FileLock> of(const fs::path& path) {
    FileLock lock;
    int code = sqlite3_open_v2(path.c_str(), &lock.handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, nullptr);
    if (code != SQLITE_OK) return sqlite_failure(lock.handle_, code, "The database could not be opened");
    sqlite3_file_control(lock.handle_, "main", SQLITE_FCNTL_FILE_POINTER, &lock.file_);
    code = lock.file_->pMethods->xLock(lock.file_, SQLITE_LOCK_SHARED);
    if (code == SQLITE_OK) code = lock.file_->pMethods->xLock(lock.file_, SQLITE_LOCK_EXCLUSIVE);
    if (code != SQLITE_OK) return sqlite_failure(nullptr, code, "The database could not be locked");
    return lock;
  }
  FileLock(FileLock&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)), file_(std::exchange(other.file_, nullptr)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock() {
    if (file_ != nullptr) file_->pMethods->xUnlock(file_, SQLITE_LOCK_NONE);
    sqlite3_close_v2(handle_);
  }

 private:
  FileLock() = default;
  sqlite3* handle_ = nullptr;
  sqlite3_file* file_ = nullptr;
};

Result<> copy_with_log(const fs::path& from, const fs::path& to) {
  SIMPLEX_TRY(remove_all_of(to));
  for (const char* suffix : {"-wal", ""}) {
    std::error_code error;
    if (!fs::exists(with(from, suffix), error)) continue;
    fs::copy_file(with(from, suffix), with(to, suffix), error);
    if (error) return file_failure("copied", with(from, suffix), error.value());
    SIMPLEX_TRY(sync_file(with(to, suffix)));
  }
  return sync_folder_of(to);
}

// Under a second name, too. By copying, the lock would be lost: closing any descriptor of a file drops the process's locks.
Result<> keep_as(const fs::path& path, const fs::path& kept) {
  SIMPLEX_TRY(remove_all_of(kept));
  for (const char* suffix : {"-wal", ""}) {
    std::error_code error;
    if (!fs::exists(with(path, suffix), error)) continue;
    fs::create_hard_link(with(path, suffix), with(kept, suffix), error);
    if (error) return copy_with_log(path, kept);  // there are file systems without links
  }
  return sync_folder_of(kept);
}

Result<> check_integrity(Database& database) {
  SIMPLEX_ASSIGN(auto rows, database.prepare("PRAGMA integrity_check(1)"));
  SIMPLEX_ASSIGN(const bool row, rows.step());
  if (row && rows.text(0) == "ok") return {};
  return fail(ErrorKind::storage, "The copy of the database is damaged. Take another one.", Advice::ask_user);
}

}  // namespace

Result<> import_database(const ImportOptions& options, const std::function<Result<>(Database&)>& prove) {
  std::error_code error;
  if (!fs::exists(options.source, error)) {
    return fail(ErrorKind::not_found, "There is no file of this name to import.", Advice::ask_user);
  }
  SIMPLEX_TRY(complete_import(options.path));
  const bool present = fs::exists(options.path, error);
  if (present && fs::equivalent(options.source, options.path, error)) {
    return fail(ErrorKind::conflict, "The file to import is the database itself.", Advice::ask_user);
  }
  std::optional<FileLock> lock;
  if (present) {
    SIMPLEX_ASSIGN(auto held, FileLock::of(options.path));
    lock.emplace(std::move(held));
  }
  const auto checked = with(options.path, ".to-import");
  const auto proven = with(options.path, ".importing");
  struct Remove {
    const fs::path& path;
    ~Remove() { (void)remove_all_of(path); }
  } remove{checked};
  {
    SIMPLEX_ASSIGN(const auto unused, FileLock::of(options.source));
    SIMPLEX_TRY(copy_with_log(options.source, checked));
  }
  SIMPLEX_ASSIGN(auto database, Database::open({.path = checked,
                                                .passphrase = options.source_passphrase.clone(),
                                                .create = false,
                                                .own_table = options.own_table}));
  SIMPLEX_TRY(check_integrity(database));
  SIMPLEX_TRY(prove(database));
  if (present) SIMPLEX_TRY(keep_as(options.path, with(options.path, ".before-import")));
  SIMPLEX_ASSIGN(auto copy, Backup::begin(database, proven, options.passphrase.clone()));
  for (bool done = false; !done;) {
    SIMPLEX_ASSIGN(done, copy.step(1'000));
  }
  SIMPLEX_TRY(copy.finish({}));  // from here on it can only be completed
  return complete_import(options.path);
}

Result<> complete_import(const fs::path& path) {
  const auto proven = with(path, ".importing");
  std::error_code error;
  if (!fs::exists(proven, error)) return {};
  // The log of the one that is replaced must not be taken for that of the new one.
  for (const char* suffix : {"-wal", "-shm"}) {
    fs::remove(with(path, suffix), error);
    if (error) return file_failure("removed", with(path, suffix), error.value());
  }
  SIMPLEX_TRY(sync_folder_of(path));
  return rename_durably(proven, path);
}

void forget_replaced(const fs::path& path) noexcept { (void)remove_all_of(with(path, ".before-import")); }

}  // namespace simplex::store
