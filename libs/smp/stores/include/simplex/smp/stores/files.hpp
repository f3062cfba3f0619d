// The reference's files as a store to read from and to write to: smp-server-store.log with smp-server-messages.log, and
// the journal folders of messages.
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

struct FileProblem {
  std::filesystem::path file;
  server::LogProblem problem;  // line 0: the whole file
};
// "messages.log:12: what"
[[nodiscard]] std::string format(const FileProblem& problem);

struct ReadReport {
  server::StoreTotals read;
  std::vector<FileProblem> problems;  // what could not be used; it stays where it is
  std::uint64_t orphans = 0;          // messages of queues that do not exist; they are not in the problems
};
// Does not commit the sink. Nothing of the files is changed. Missing files are empty ones.
[[nodiscard]] Result<ReadReport> read_files(const RelayFiles& files, server::StateSink& sink,
                                            const server::StoreBackend::Progress& progress);

// One message after the other, those of a queue together, oldest first, with positions from 1. For messages of queues
// that are in another store already; store_log is not read.
struct MessageReader {
  std::function<bool(const server::RecipientId&)> exists;
  std::function<Result<>(const server::RecipientId&, const server::StoredMessage&)> use;
};
[[nodiscard]] Result<> read_messages_file(const std::filesystem::path& file, const MessageReader& reader,
                                          ReadReport& report);
[[nodiscard]] Result<> read_journals(const std::filesystem::path& root, const MessageReader& reader,
                                     ReadReport& report);

// Writes new files (a conflict if one exists), which appear whole with commit(): first the messages, then the store log.
// With an empty name for the store log queues are left out.
[[nodiscard]] Result<std::unique_ptr<server::StateSink>> write_files(const RelayFiles& files);

}  // namespace simplex::smp::stores
