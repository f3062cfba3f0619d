// SQLite, encrypted by SQLCipher in its version 4 format, so that files interchange with other SimpleX clients. A thin
// owner of the C API: errors are Results, statements are prepared once, memory is returned.
//
// Threading: a database and all that comes from it stay on one thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "simplex/base/clock.hpp"
#include "simplex/base/result.hpp"
#include "simplex/base/secret.hpp"
#include "simplex/store/statement.hpp"

struct sqlite3;

namespace simplex::store {

struct OpenOptions {
  std::filesystem::path path;  // ":memory:" is a database of this object only
  SecretBytes passphrase;      // SQLCipher derives the key; empty: the file is not encrypted
  bool create = true;          // false: a missing file is not_found
  bool read_only = false;      // takes no lock
  // A database that has tables, but not this one, belongs to another program: conflict, and the file is not touched.
  std::string_view own_table{};
  Duration busy_timeout = std::chrono::seconds(3);
};

class Database {
 public:
  // WAL, synchronous FULL, foreign keys, secure delete. Until it is closed, no other Database and no other program opens the
  // file, not even to read it; one that has it open already is waited for (busy_timeout). So nothing of what follows ever
  // finds it in use. A new file, and those that SQLite makes beside it, are readable by their owner alone.
  // Errors: authentication (wrong passphrase: SQLCipher cannot tell it from a file that is no database, so a file that
  // is plain or too short is malformed), conflict (in use), not_found, storage.
  [[nodiscard]] static Result<Database> open(OpenOptions options);

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  // One or more statements without parameters.
  [[nodiscard]] Result<> execute(std::string_view sql);
  // Prepared once per text and kept: texts are constants, values are bound.
  [[nodiscard]] Result<Statement> prepare(std::string_view sql);

  // Runs a statement to its end: db.run("DELETE FROM t WHERE id = ?", id). Returns the number of changed rows.
  template <class... Values>
  [[nodiscard]] Result<std::int64_t> run(std::string_view sql, const Values&... values) {
    SIMPLEX_ASSIGN(auto statement, prepare(sql));
    SIMPLEX_TRY(statement.bind_all(values...));
    SIMPLEX_TRY(statement.finish());
    return changes();
  }

  // Whether a query has a row: db.any("SELECT 1 FROM t WHERE id = ?", id).
  template <class... Values>
  [[nodiscard]] Result<bool> any(std::string_view sql, const Values&... values) {
    SIMPLEX_ASSIGN(auto statement, prepare(sql));
    SIMPLEX_TRY(statement.bind_all(values...));
    return statement.step();
  }

  // BEGIN IMMEDIATE; at most one at a time.
  [[nodiscard]] Result<> begin();
  [[nodiscard]] Result<> commit();
  void rollback() noexcept;
  [[nodiscard]] bool in_transaction() const noexcept;

  // Part of a transaction that can be undone alone.
  [[nodiscard]] Result<> savepoint();
  [[nodiscard]] Result<> release_savepoint();
  void rollback_savepoint() noexcept;

  [[nodiscard]] std::int64_t last_row_id() const noexcept;
  [[nodiscard]] std::int64_t changes() const noexcept;
  // Of all statements since it was opened.
  [[nodiscard]] std::int64_t total_changes() const noexcept;
  [[nodiscard]] bool encrypted() const noexcept;
  // Not inside of a transaction; killed in the middle, the database has either the old or the new one. conflict: an
  // encrypted database cannot become a plain one, or the other way (see Backup).
  [[nodiscard]] Result<> change_passphrase(const SecretBytes& passphrase);

 private:
  friend class Backup;
  [[nodiscard]] sqlite3* handle() const noexcept;
  [[nodiscard]] Result<> write_whole_copy(const std::filesystem::path& path, const SecretBytes& passphrase);
  struct State;
  explicit Database(std::unique_ptr<State> state);
  [[nodiscard]] Result<> run_once(std::string_view sql);
  std::unique_ptr<State> state_;
};

}  // namespace simplex::store
