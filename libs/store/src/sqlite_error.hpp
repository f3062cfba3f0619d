// What SQLite's result codes mean for the caller.
#pragma once

#include <string_view>

#include "simplex/base/result.hpp"

struct sqlite3;

namespace simplex::store {

// The error of the last failed call; `code` is what that call returned. Carries no values of the statement.
[[nodiscard]] std::unexpected<Error> sqlite_failure(sqlite3* database, int code, std::string_view doing);

}  // namespace simplex::store
