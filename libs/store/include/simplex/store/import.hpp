// Putting a copy of a database in the place of the one that is used. At every moment either the old or the new one is
// complete under its name; the old one is kept beside it as path.before-import.
#pragma once

#include <filesystem>
#include <functional>

#include "simplex/store/database.hpp"

namespace simplex::store {

struct ImportOptions {
  std::filesystem::path source;  // is not changed
  SecretBytes source_passphrase;
  std::filesystem::path path;  // of the database to be replaced, or to be made; open nowhere
  SecretBytes passphrase;      // that it will have
  std::string_view own_table{};
};

// `prove` gets a copy of the source that is known to be undamaged, and may change it (migrate it). Only when it succeeds,
// the present database is touched. Errors: authentication (the source's passphrase), malformed (not a database), storage
// (damaged; the disk), conflict (either is in use, or the source belongs to another program), not_found.
[[nodiscard]] Result<> import_database(const ImportOptions& options, const std::function<Result<>(Database&)>& prove);

// Before opening a database: ends an import that was interrupted after its source was proven.
[[nodiscard]] Result<> complete_import(const std::filesystem::path& path);
// The imported one works.
void forget_replaced(const std::filesystem::path& path) noexcept;

}  // namespace simplex::store
