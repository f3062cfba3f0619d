// Several renames in one folder that happen all or not at all, as far as the next start can tell: what is to be done is
// written down before anything of it is done, and finished by whoever finds it. This is how a relay's state changes from
// one store to another: at every moment one of them is the live one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "simplex/base/result.hpp"

namespace simplex::smp::stores {

// Names in the folder; they contain no line break and no tab.
struct Rename {
  std::string from;
  std::string to;
};

inline constexpr const char* renames_file = "smp-server-migration.pending";

// After this has returned well the renames happen, now or at the next start. Sources that do not exist are left out;
// nothing is overwritten.
[[nodiscard]] Result<> rename_all(const std::filesystem::path& folder, const std::vector<Rename>& renames);
// Finishes what an interrupted rename_all() has left. The folder must be locked by the caller.
[[nodiscard]] Result<> finish_renames(const std::filesystem::path& folder);

}  // namespace simplex::smp::stores
