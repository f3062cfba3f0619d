// A note beside a database: a small file that is there whole or not at all, also after a loss of power.
#pragma once

#include <filesystem>
#include <optional>

#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"

namespace simplex::store {

// Readable by its owner alone. On the disk when it returns.
[[nodiscard]] Result<> replace_small_file(const std::filesystem::path& path, BytesView octets);
// Its first 64 KiB; nothing when there is no such file.
[[nodiscard]] Result<std::optional<Bytes>> read_small_file(const std::filesystem::path& path);

}  // namespace simplex::store
