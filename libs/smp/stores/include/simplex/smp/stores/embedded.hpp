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
  std::size_t cache_octets = 64 * 1'024 * 1'024;      // of what was read
  std::size_t unwritten_octets = 64 * 1'024 * 1'024;  // written to the log, and kept in memory until it is in tables
  // Changes of all shards that wait for their commit; past it new queues and messages are refused (ErrorKind::limit),
  // because the disk does not keep up.
  std::size_t pending_octets = 256 * 1'024 * 1'024;
  std::size_t reader_threads = 4;  // that wait for the disk when what is asked for is not in memory
};

// Makes the store when the folder does not exist. A folder of another program, or of a newer version, is refused
// untouched, and so is one that another process uses. What an import has left that was cut short is removed.
[[nodiscard]] Result<std::unique_ptr<server::StoreBackend>> open_embedded(EmbeddedSettings settings, Logger& logger);

}  // namespace simplex::smp::stores
