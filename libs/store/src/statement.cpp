#include "simplex/store/statement.hpp"

#include <sqlite3.h>

#include "sqlite_error.hpp"

namespace simplex::store {
namespace {

Result<> bound(sqlite3_stmt* statement, int code) {
  if (code == SQLITE_OK) return {};
  return sqlite_failure(sqlite3_db_handle(statement), code, "A value was not accepted");
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), busy_(std::exchange(other.busy_, nullptr)) {}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  if (busy_ == nullptr) {
    sqlite3_finalize(statement_);
    return;
  }
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  *busy_ = false;
}

Result<> Statement::bind(int index, std::int64_t value) {
  return bound(statement_, sqlite3_bind_int64(statement_, index, value));
}
Result<> Statement::bind(int index, std::string_view text) {
  // An empty view may have no address, which SQLite would take for NULL.
  return bound(statement_, sqlite3_bind_text64(statement_, index, text.empty() ? "" : text.data(), text.size(),
                                               SQLITE_TRANSIENT, SQLITE_UTF8));
}
Result<> Statement::bind(int index, BytesView octets) {
  if (octets.empty()) return bound(statement_, sqlite3_bind_zeroblob(statement_, index, 0));
  return bound(statement_, sqlite3_bind_blob64(statement_, index, octets.data(), octets.size(), SQLITE_TRANSIENT));
}
Result<> Statement::bind_null(int index) { return bound(statement_, sqlite3_bind_null(statement_, index)); }

Result<bool> Statement::step() {
  switch (const int code = sqlite3_step(statement_)) {
    case SQLITE_ROW: return true;
    case SQLITE_DONE: return false;
    default: {
      auto failed = sqlite_failure(sqlite3_db_handle(statement_), code, "A statement failed");
      sqlite3_reset(statement_);
      return failed;
    }
  }
}

Result<> Statement::finish() {
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, step());
    if (!row) return {};
  }
}

bool Statement::is_null(int column) const noexcept { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
std::int64_t Statement::integer(int column) const noexcept { return sqlite3_column_int64(statement_, column); }
BytesView Statement::octets(int column) const noexcept {
  const void* start = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (start == nullptr || size <= 0) return {};
  return {static_cast<const std::uint8_t*>(start), static_cast<std::size_t>(size)};
}
std::string Statement::text(int column) const { return std::string(as_text(octets(column))); }

}  // namespace simplex::store
