// Time of a simulated world. All parties of a world share one scheduler: a list of events ordered by virtual time, run
// one after another in the calling thread. Nothing happens by itself; the test says how far time goes. The same seed
// and the same calls give the same run.
//
//   Scheduler time;
//   SimLoop alice(time), relay(time);
//   ...
//   EXPECT_TRUE(time.run_until([&] { return received; }, std::chrono::minutes(5)));
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "simplex/async/loop.hpp"

namespace simplex::world {

class SimLoop;
class SimNetwork;

class Scheduler final : public Clock {
 public:
  Scheduler() = default;
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] WallTime wall() const override;

  // Runs the next event, taking the clock to its time. False when there is none.
  bool step();
  // Runs what is due in this time, and leaves the clock at the end of it.
  void advance(Duration time);
  // Steps until the condition holds, the virtual time limit passes or nothing is left to happen. True when it holds.
  bool run_until(const std::function<bool()>& condition, Duration limit);

  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }
  [[nodiscard]] bool idle() const noexcept { return events_.empty(); }

 private:
  friend class SimLoop;
  friend class SimNetwork;
  using Key = std::pair<Instant, std::uint64_t>;  // the number keeps the order of events at one instant
  struct Event {
    const SimLoop* owner;
    async::Task task;
  };

  Key add(const SimLoop* owner, Instant at, async::Task task);
  void remove(const Key& key);
  void remove_all(const SimLoop* owner);

  Instant now_{std::chrono::hours(1)};
  std::uint64_t next_number_ = 0;
  std::uint64_t steps_ = 0;
  std::map<Key, Event> events_;
};

// The loop of one party (one simulated process). When it is destroyed, what it still had to do never happens, as when
// a process is killed.
class SimLoop final : public async::Loop {
 public:
  explicit SimLoop(Scheduler& scheduler) : scheduler_(&scheduler), alive_(std::make_shared<bool>(true)) {}
  ~SimLoop() override;
  SimLoop(const SimLoop&) = delete;
  SimLoop& operator=(const SimLoop&) = delete;

  void post(async::Task task) override;
  [[nodiscard]] async::Timer after(Duration delay, async::Task task) override;
  [[nodiscard]] bool on_loop_thread() const noexcept override { return true; }
  [[nodiscard]] Instant now() const override { return scheduler_->now(); }
  [[nodiscard]] WallTime wall() const override { return scheduler_->wall(); }

  [[nodiscard]] Scheduler& scheduler() const noexcept { return *scheduler_; }

 private:
  class SimTimer;
  Scheduler* scheduler_;
  std::shared_ptr<bool> alive_;  // false once destroyed, for the timers that outlive it
};

}  // namespace simplex::world
