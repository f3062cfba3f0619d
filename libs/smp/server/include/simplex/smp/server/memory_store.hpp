// The first store: queues and messages in memory; changes of queues in the append-only smp-server-store.log, messages in
// smp-server-messages.log when the relay stops. Both in the reference's format, so that either program goes on with the
// files of the other. Messages do not survive a crash: that is what the durable stores are for.
#pragma once

#include <filesystem>
#include <mutex>

#include "simplex/base/clock.hpp"
#include "simplex/base/log.hpp"
#include "simplex/server_kit/files.hpp"
#include "simplex/smp/server/log_reader.hpp"
#include "simplex/smp/server/store.hpp"

namespace simplex::smp::server {

struct LoggedQueues {
  std::vector<QueueRecord> queues;
  std::vector<ServiceRecord> services;
  std::vector<LogProblem> problems;  // these lines are kept in "<file>.rejected", never dropped
};

struct LoggedMessages {
  struct Queue {
    RecipientId id;
    std::vector<MessagePtr> messages;
  };
  std::vector<Queue> queues;
  std::vector<LogProblem> problems;
};

// The log that all shards append to. Thread-safe.
class StoreLog {
 public:
  explicit StoreLog(server_kit::AppendFile file) : file_(std::move(file)) {}
  // Whole lines, each with its end of line: all are written, or none.
  [[nodiscard]] Result<> append(std::string_view lines);

 private:
  std::mutex mutex_;
  server_kit::AppendFile file_;
};

// A missing file is an empty log.
[[nodiscard]] Result<LoggedQueues> read_store_log(const std::filesystem::path& file);
// Replaces the log by one CREATE line for each queue, and opens it to go on. The old one is kept beside it with the time
// in its name; of such copies older than a day three are kept, and none that is older than 21 days beyond these.
[[nodiscard]] Result<std::shared_ptr<StoreLog>> compact_store_log(const std::filesystem::path& file,
                                                                  const LoggedQueues& queues, const Clock& clock);

// Messages of one queue stand together, oldest first. A missing file is no messages.
[[nodiscard]] Result<LoggedMessages> read_messages(const std::filesystem::path& file);
// Messages whose queue does not exist go to "<file>.rejected".
[[nodiscard]] Result<> reject_messages(const std::filesystem::path& file,
                                       const std::vector<LoggedMessages::Queue>& queues);
// Writes the file piece by piece; what stood there stays until commit().
class MessageLogWriter {
 public:
  [[nodiscard]] static Result<MessageLogWriter> begin(const std::filesystem::path& file);
  [[nodiscard]] Result<> add(const RecipientId& queue, const StoredMessage& message);
  [[nodiscard]] Result<> commit() { return file_.commit(); }

 private:
  explicit MessageLogWriter(server_kit::FileReplacement file) : file_(std::move(file)) {}
  server_kit::FileReplacement file_;
};

// Store of one shard.
class MemoryStore final : public Store {
 public:
  // Without a log nothing lasts. Why an append failed is written to the logger, if there is one.
  explicit MemoryStore(std::shared_ptr<StoreLog> log = nullptr, Logger* logger = nullptr)
      : log_(std::move(log)), logger_(logger) {}

  void write(const StoreRecord& record, Done<> done) override;
  void add_message(const RecipientId&, const MessagePtr&, Done<> done) override { done({}); }
  void remove_message(const RecipientId&, const StoredMessage&, Done<> done) override { done({}); }
  void load(const RecipientId&, Done<std::optional<LoadedQueue>> done) override { done(std::nullopt); }
  void load_messages(const RecipientId&, std::size_t, Done<std::vector<MessagePtr>> done) override {
    done(std::vector<MessagePtr>());
  }
  void load_link(const RecipientId&, Done<std::optional<LinkData>> done) override { done(std::nullopt); }
  void find(IdKind, const DirectoryId&, Done<std::optional<RecipientId>> done) override { done(std::nullopt); }
  void service_queues(const ServiceId&, ServiceParty, std::optional<RecipientId>, std::size_t,
                      Done<std::vector<ServiceQueue>> done) override {
    done(std::vector<ServiceQueue>());
  }
  void expire(std::int64_t, std::size_t, Done<std::vector<Expired>> done) override { done(std::vector<Expired>()); }
  void flush() override;
  [[nodiscard]] bool keeps_everything() const override { return false; }

 private:
  std::shared_ptr<StoreLog> log_;
  Logger* logger_;
  std::string lines_;
  std::vector<Done<>> waiting_;
};

}  // namespace simplex::smp::server
