#include "simplex/world/scheduler.hpp"

#include <algorithm>
#include <vector>

namespace simplex::world {

namespace {

// Virtual time starts at a fixed date, so that what is written to disk is the same in every run.
constexpr std::chrono::sys_days first_day{std::chrono::year(2026) / std::chrono::March / 1};

}  // namespace

WallTime Scheduler::wall() const { return WallTime(first_day) + now_.time_since_epoch(); }

bool Scheduler::step() {
  const auto next = events_.begin();
  if (next == events_.end()) return false;
  now_ = std::max(now_, next->first.first);
  async::Task task = std::move(next->second.task);
  events_.erase(next);
  ++steps_;
  task();
  return true;
}

void Scheduler::advance(Duration time) {
  const Instant end = now_ + time;
  while (!events_.empty() && events_.begin()->first.first <= end) step();
  now_ = end;
}

bool Scheduler::run_until(const std::function<bool()>& condition, Duration limit) {
  const Instant end = now_ + limit;
  while (!condition()) {
    if (events_.empty() || events_.begin()->first.first > end) return false;
    step();
  }
  return true;
}

Scheduler::Key Scheduler::add(const SimLoop* owner, Instant at, async::Task task) {
  const Key key{at, next_number_++};
  events_.emplace(key, Event{owner, std::move(task)});
  return key;
}

void Scheduler::remove(const Key& key) {
  // The task is destroyed after the list is in order again: its captures may cancel other timers.
  const auto removed = events_.extract(key);
}

void Scheduler::remove_all(const SimLoop* owner) {
  std::vector<async::Task> removed;
  for (auto event = events_.begin(); event != events_.end();) {
    if (event->second.owner == owner) {
      removed.push_back(std::move(event->second.task));
      event = events_.erase(event);
    } else {
      ++event;
    }
  }
}

class SimLoop::SimTimer final : public async::Timer::Handle {
 public:
  SimTimer(Scheduler& scheduler, std::shared_ptr<bool> alive, Scheduler::Key key)
      : scheduler_(&scheduler), alive_(std::move(alive)), key_(key) {}
  ~SimTimer() override {
    if (*alive_) scheduler_->remove(key_);
  }
  SimTimer(const SimTimer&) = delete;
  SimTimer& operator=(const SimTimer&) = delete;

 private:
  Scheduler* scheduler_;
  std::shared_ptr<bool> alive_;
  Scheduler::Key key_;
};

SimLoop::~SimLoop() {
  *alive_ = false;
  scheduler_->remove_all(this);
}

void SimLoop::post(async::Task task) { scheduler_->add(this, scheduler_->now(), std::move(task)); }

async::Timer SimLoop::after(Duration delay, async::Task task) {
  const Instant at = scheduler_->now() + std::max(delay, Duration::zero());
  const Scheduler::Key key = scheduler_->add(this, at, std::move(task));
  return async::Timer(std::make_unique<SimTimer>(*scheduler_, alive_, key));
}

}  // namespace simplex::world
