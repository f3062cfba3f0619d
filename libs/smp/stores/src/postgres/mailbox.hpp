// Answers on their way from the lanes' threads to a shard's loop, in the order of the calls.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "simplex/async/loop.hpp"

namespace simplex::smp::stores::postgres {

class Mailbox : public std::enable_shared_from_this<Mailbox> {
 public:
  explicit Mailbox(async::Loop& loop) : loop_(&loop) {}

  // The place of a call's answer. Only on the loop.
  [[nodiscard]] std::uint64_t reserve();
  // Thread-safe. Tasks are run on the loop, those with a place in the order of their places.
  void put(std::uint64_t place, async::Task task);
  void put_unordered(async::Task task);

  // Runs what is there, on the calling thread, when the loop has stopped.
  void run_all();
  // Nothing is run any more.
  void close();

 private:
  void wake(const std::lock_guard<std::mutex>&);
  std::vector<async::Task> take();

  async::Loop* loop_;
  std::mutex mutex_;
  std::uint64_t first_ = 0;                         // place of the first of `answers_`
  std::deque<std::optional<async::Task>> answers_;  // nothing: not there yet
  std::vector<async::Task> unordered_;
  bool scheduled_ = false;
  bool closed_ = false;
};

}  // namespace simplex::smp::stores::postgres
