// The reference's files as a store to read from and to write to: smp-server-store.log with smp-server-messages.log, and
// the journal folders of messages (only read: for migration).
#pragma once

#include <filesystem>

#include "simplex/base/clock.hpp"
#include "simplex/smp/server/memory_store.hpp"
#include "simplex/smp/server/store.hpp"

namespace simplex::smp::stores {

struct RelayFiles {
  std::filesystem::path store_log;                // smp-server-store.log
  std::optional<std::filesystem::path> messages;  // smp-server-messages.log
  std::optional<std::filesystem::path> journal;   // folder "messages"
};

struct ReadReport {
  server::StoreTotals read;
  std::vector<std::pair<std::filesystem::path, server::LogProblem>> problems;  // what could not be read, kept in place
  std::uint64_t orphans = 0;  // messages of queues that do not exist
};
// Does not commit the sink. Nothing of the files is changed.
[[nodiscard]] Result<ReadReport> read_files(const RelayFiles& files, server::StateSink& sink,
                                            const server::StoreBackend::Progress& progress);

// Writes new files (a conflict if one exists), which appear whole with commit().
[[nodiscard]] Result<std::unique_ptr<server::StateSink>> write_files(const RelayFiles& files);

}  // namespace simplex::smp::stores
