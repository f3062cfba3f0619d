// Threads that wait for the disk, so that loops need not.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "simplex/async/loop.hpp"

namespace simplex::smp::stores::embedded {

class Readers {
 public:
  explicit Readers(std::size_t threads);
  ~Readers() { stop(); }
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  // Thread-safe until stop(); later it runs the task inside the call.
  void run(async::Task task);
  // Runs what waits, and ends the threads.
  void stop();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<async::Task> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace simplex::smp::stores::embedded
