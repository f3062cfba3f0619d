// Files that are there whole or not at all, also after a loss of power.
#pragma once

#include <filesystem>

#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"

namespace simplex::store {

// What was written to it is on the disk.
[[nodiscard]] Result<> sync_file(const std::filesystem::path& path);
// And of a folder: which files it holds.
[[nodiscard]] Result<> sync_folder_of(const std::filesystem::path& path);
// Takes the place of `to`, whose content must be on the disk; so is the new name when it returns.
[[nodiscard]] Result<> rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);
// An empty file that its owner alone may read.
[[nodiscard]] Result<> create_private(const std::filesystem::path& path);
// The error of a file, from errno.
[[nodiscard]] std::unexpected<Error> file_failure(std::string_view doing, const std::filesystem::path& path,
                                                  int number);

}  // namespace simplex::store
