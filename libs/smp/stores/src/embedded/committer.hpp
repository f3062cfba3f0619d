// Group commit: one thread writes what all shards collected, makes it last, and answers. While it waits for the disk the
// next group is collected.
//
//   shards ── submit ──► waiting ──► one change ──► log, fdatasync ──► tables ──► completions to each shard's loop
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <span>
#include <thread>

#include "simplex/base/log.hpp"
#include "channel.hpp"
#include "database.hpp"
#include "state_change.hpp"

namespace simplex::smp::stores::embedded {

struct CommitSettings {
  std::chrono::microseconds delay{0};
  std::size_t octets = 4 * 1'024 * 1'024;
};

[[nodiscard]] Result<Totals> read_totals(const View& view);
void write_totals(Change& change, const Totals& totals);

class Committer {
 public:
  // Database and logger outlive it.
  Committer(Database& database, const CommitSettings& settings, const Totals& totals, Logger& logger);
  ~Committer() { stop(); }
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Thread-safe until stop(); later it writes inside the call.
  void submit(const std::shared_ptr<Channel>& channel, Operations operations);
  [[nodiscard]] Totals totals() const;
  void set_totals(const Totals& totals);  // after maintenance, while nothing is submitted

  // Writes what waits, and ends the thread.
  void stop();

 private:
  struct Submitted {
    std::shared_ptr<Channel> channel;
    Operations operations;
    std::size_t octets = 0;
  };
  void run();
  void write(std::deque<Submitted>& waiting);
  [[nodiscard]] Result<> commit(std::span<Submitted> group);
  [[nodiscard]] Result<Totals> apply(Change& view, Operation& operation);
  void failed(Operation& operation, const Error& error);
  void note(const Result<>& committed);

  Database& database_;
  CommitSettings settings_;
  Logger& logger_;
  bool failing_ = false;
  Known known_;

  std::atomic<std::int64_t> queues_;
  std::atomic<std::int64_t> messages_;
  std::atomic<std::int64_t> notifiers_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Submitted> waiting_;
  std::size_t waiting_octets_ = 0;
  bool stopping_ = false;
  bool sleeps_ = false;  // until something is submitted
  std::thread thread_;
};

}  // namespace simplex::smp::stores::embedded
