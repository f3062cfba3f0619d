// The durable store inside the relay's process, in a folder of its own. What it said is done survives a power cut.
#pragma once

#include <chrono>
#include <filesystem>

#include "simplex/base/log.hpp"
#include "simplex/smp/server/store.hpp"

namespace simplex::smp::stores {

struct EmbeddedSettings {
  std::filesystem::path folder;
  // Group commit: changes wait for others at most this long while a commit is not running, and go at once when
  // commit_octets are collected.
  std::chrono::microseconds commit_delay{0};
  std::size_t commit_octets = 4 * 1'024 * 1'024;
  std::size_t cache_octets = 64 * 1'024 * 1'024;  // of what was read and is not written yet, in memory
};

// Makes the store when the folder does not exist. A folder of another program, or of a newer version, is refused
// untouched.
[[nodiscard]] Result<std::unique_ptr<server::StoreBackend>> open_embedded(EmbeddedSettings settings, Logger& logger);

}  // namespace simplex::smp::stores
