// The executor: everything of one owner (an agent, a relay's shard) runs on one loop, in one thread, so that its state
// needs no locks. Programs run a ThreadLoop on each thread; tests run many parties on one simulated loop whose clock is
// advanced by hand. Boost.Asio stays inside src/.
#pragma once

#include <functional>
#include <memory>

#include "simplex/base/clock.hpp"

namespace simplex::async {

using Task = std::move_only_function<void()>;

// Cancels its timer when destroyed or replaced. Destroy it on the loop's thread, and before the loop.
class Timer {
 public:
  class Handle {
   public:
    virtual ~Handle() = default;  // cancels
  };

  Timer() = default;
  explicit Timer(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
  void cancel() noexcept { handle_.reset(); }
  [[nodiscard]] bool armed() const noexcept { return handle_ != nullptr; }

 private:
  std::unique_ptr<Handle> handle_;
};

class Loop : public Clock {
 public:
  // Runs the task later on this loop, never inside the call. Tasks of one poster run in order. Thread-safe.
  virtual void post(Task task) = 0;

  // Runs the task on this loop after the delay, unless the timer is dropped first. Only on the loop's thread.
  [[nodiscard]] virtual Timer after(Duration delay, Task task) = 0;

  [[nodiscard]] virtual bool on_loop_thread() const noexcept = 0;
};

// A loop of the operating system; the thread that calls run() is its thread.
class ThreadLoop : public Loop {
 public:
  // Runs until stop(); then runs what was already posted, and returns.
  virtual void run() = 0;
  virtual void stop() = 0;  // thread-safe

  // Calls the handler on the loop when the process gets the signal (SIGINT, SIGTERM, SIGHUP).
  virtual void on_signal(int signal, std::move_only_function<void()> handler) = 0;
};

[[nodiscard]] std::unique_ptr<ThreadLoop> make_thread_loop();

}  // namespace simplex::async
