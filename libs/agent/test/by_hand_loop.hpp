// A loop that runs when the test says so, and whose clock the test sets.
#pragma once

#include <algorithm>
#include <deque>
#include <list>

#include "simplex/async/loop.hpp"

namespace simplex::agent {

class ByHandLoop final : public async::Loop {
 public:
  void post(async::Task task) override { tasks_.push_back(std::move(task)); }
  async::Timer after(Duration delay, async::Task task) override {
    auto due = std::make_shared<Due>(Due{now_ + delay, std::move(task)});
    timers_.push_back(due);
    return async::Timer(std::make_unique<Handle>(due));
  }
  bool on_loop_thread() const noexcept override { return true; }
  Instant now() const override { return now_; }
  WallTime wall() const override { return WallTime(std::chrono::hours(500'000)) + (now_ - Instant()); }

  // What is posted now; what that posts waits.
  void turn() {
    auto tasks = std::exchange(tasks_, {});
    for (auto& task : tasks) task();
  }
  void run() {
    while (!tasks_.empty()) turn();
  }
  void pass(Duration time) {
    now_ += time;
    for (auto next = timers_.begin(); next != timers_.end();) {
      auto due = *next;
      if (due->task && due->when > now_) {
        ++next;
        continue;
      }
      next = timers_.erase(next);
      if (auto task = std::exchange(due->task, nullptr)) task();
      run();
    }
    run();
  }

 private:
  struct Due {
    Instant when;
    async::Task task;
  };
  struct Handle final : async::Timer::Handle {
    explicit Handle(std::shared_ptr<Due> timer) : due(std::move(timer)) {}
    ~Handle() override { due->task = nullptr; }
    std::shared_ptr<Due> due;
  };
  std::deque<async::Task> tasks_;
  std::list<std::shared_ptr<Due>> timers_;
  Instant now_;
};

}  // namespace simplex::agent
