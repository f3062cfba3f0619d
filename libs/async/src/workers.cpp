#include "simplex/async/workers.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace simplex::async {

struct Workers::State {
  std::mutex one_caller;

  std::mutex mutex;
  std::condition_variable begun;  // or ending
  std::condition_variable ended;
  // Under the mutex, but for the next number.
  const std::function<void(std::size_t)>* job = nullptr;
  std::size_t count = 0;
  std::atomic<std::size_t> next = 0;
  std::size_t round = 0;
  std::size_t busy = 0;  // threads that have taken up the round
  bool ending = false;

  std::vector<std::thread> threads;

  void work(const std::function<void(std::size_t)>& what, std::size_t number) {
    for (std::size_t i = next.fetch_add(1); i < number; i = next.fetch_add(1)) what(i);
  }

  void run() {
    std::size_t done = 0;
    std::unique_lock lock(mutex);
    for (;;) {
      begun.wait(lock, [&] { return ending || (job != nullptr && round != done); });
      if (ending) return;
      done = round;
      const auto* const what = job;
      const auto number = count;
      ++busy;
      lock.unlock();
      work(*what, number);
      lock.lock();
      if (--busy == 0) ended.notify_one();
    }
  }
};

Workers::Workers(std::size_t threads) : state_(std::make_unique<State>()) {
  for (std::size_t i = 0; i < threads; ++i) state_->threads.emplace_back([state = state_.get()] { state->run(); });
}

std::size_t Workers::beside_this_thread(std::size_t most) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  return std::min(most, cores - 1);
}

Workers::~Workers() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ending = true;
  }
  state_->begun.notify_all();
  for (auto& thread : state_->threads) thread.join();
}

void Workers::for_each(std::size_t count, const std::function<void(std::size_t)>& job) {
  const std::unique_lock caller(state_->one_caller, std::try_to_lock);
  if (!caller || count < 2 || state_->threads.empty()) {
    for (std::size_t i = 0; i < count; ++i) job(i);
    return;
  }
  {
    const std::lock_guard lock(state_->mutex);
    state_->job = &job;
    state_->count = count;
    state_->next = 0;
    ++state_->round;
  }
  if (count > 2) {
    state_->begun.notify_all();
  } else {
    state_->begun.notify_one();
  }
  state_->work(job, count);
  // A thread that wakes up late finds no job; those that have taken it up are waited for.
  std::unique_lock lock(state_->mutex);
  state_->job = nullptr;
  state_->ended.wait(lock, [&] { return state_->busy == 0; });
}

}  // namespace simplex::async
