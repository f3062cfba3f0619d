#include "sqlite_error.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

namespace simplex::store {

std::unexpected<Error> sqlite_failure(sqlite3* database, int code, std::string_view doing) {
  const std::string what = database != nullptr && (sqlite3_errcode(database) & 0xff) == (code & 0xff)
                               ? sqlite3_errmsg(database)
                               : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_FULL:
      return fail(ErrorKind::storage,
                  "The disk is full: the database could not be written. Free some space and try again.",
                  Advice::ask_user);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(ErrorKind::conflict, "The database is in use by another program. Close it and try again.",
                  Advice::ask_user);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return fail(ErrorKind::storage,
                  "The database cannot be written. Check the permissions of the file and its folder.",
                  Advice::ask_user);
    case SQLITE_CANTOPEN:
      return fail(ErrorKind::storage,
                  "The database file cannot be opened. Check that its folder exists and may be written.",
                  Advice::ask_user);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fail(ErrorKind::storage, "The database file is damaged. Restore it from a backup.", Advice::ask_user);
    case SQLITE_IOERR:
      return fail(ErrorKind::storage, fmt::format("The disk reported an error ({}).", what), Advice::retry);
    case SQLITE_CONSTRAINT: return fail(ErrorKind::conflict, fmt::format("{}: {}", doing, what));
    case SQLITE_NOMEM: return fail(ErrorKind::storage, "There is not enough memory for the database.", Advice::retry);
    default: return fail(ErrorKind::internal, fmt::format("{}: {}", doing, what));
  }
}

}  // namespace simplex::store
