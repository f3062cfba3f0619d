#pragma once

#include <filesystem>

#include "simplex/base/result.hpp"

namespace simplex::server_kit {

// Makes what was created, renamed or removed in it last.
[[nodiscard]] Result<> sync_directory(const std::filesystem::path& directory);

}  // namespace simplex::server_kit
