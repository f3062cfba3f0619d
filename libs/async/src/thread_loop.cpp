#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "simplex/async/asio_access.hpp"
#include "simplex/async/loop.hpp"

namespace simplex::async {
namespace {

namespace asio = boost::asio;

// The task outlives the handle while it runs, so that a timer may be dropped or replaced by its own task.
struct TimerState {
  Task task;
};

class AsioTimer final : public Timer::Handle {
 public:
  AsioTimer(asio::io_context& context, Duration delay, Task task)
      : timer_(context, delay), state_(std::make_shared<TimerState>(std::move(task))) {
    timer_.async_wait([state = state_](const boost::system::error_code&) {
      if (!state->task) return;  // dropped; perhaps after it expired, so the error code can't tell
      auto due = std::exchange(state->task, nullptr);
      due();
    });
  }
  ~AsioTimer() override { state_->task = nullptr; }
  AsioTimer(const AsioTimer&) = delete;
  AsioTimer& operator=(const AsioTimer&) = delete;

 private:
  asio::steady_timer timer_;
  std::shared_ptr<TimerState> state_;
};

class AsioLoop final : public ThreadLoop {
 public:
  AsioLoop() : thread_(std::this_thread::get_id()) {}
  // What dies with the queues and the context may post: those tasks are dropped.
  ~AsioLoop() override {
    closing_ = true;
    signals_.clear();
    std::exchange(own_, {}).clear();
    std::exchange(others_, {}).clear();
    context_.reset();
  }
  AsioLoop(const AsioLoop&) = delete;
  AsioLoop& operator=(const AsioLoop&) = delete;

  // One wake-up of the loop for all that is posted until it runs. A task that the running loop posts to itself takes no
  // lock; before run() there is one, because the thread that made the loop may post while another begins to run it.
  void post(Task task) override {
    if (closing_) return;
    if (running_.load() == std::this_thread::get_id()) {
      own_.push_back(std::move(task));
      if (std::exchange(own_scheduled_, true)) return;
      asio::post(*context_, [this] { run_own(); });
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      others_.push_back(std::move(task));
      if (std::exchange(others_scheduled_, true)) return;
    }
    asio::post(*context_, [this] { run_others(); });
  }

  Timer after(Duration delay, Task task) override {
    return Timer(std::make_unique<AsioTimer>(*context_, delay, std::move(task)));
  }

  bool on_loop_thread() const noexcept override { return thread_.load() == std::this_thread::get_id(); }

  void run() override {
    thread_ = std::this_thread::get_id();
    running_ = std::this_thread::get_id();
    const auto work = asio::make_work_guard(*context_);
    while (!stop_asked_) {
      context_->restart();
      if (stop_asked_) break;
      context_->run();
    }
    stop_asked_ = false;
    run_others();
    run_own();
    running_ = std::thread::id();
  }

  void stop() override {
    stop_asked_ = true;
    context_->stop();
  }

  void on_signal(int signal, std::move_only_function<void()> handler) override {
    auto& waiting = signals_[signal];
    waiting.reset();
    waiting = std::make_shared<Signal>(*context_, signal, std::move(handler));
    wait_signal(waiting);
  }

  Instant now() const override { return clock_.now(); }
  WallTime wall() const override { return clock_.wall(); }

  asio::io_context& context() noexcept { return *context_; }

 private:
  struct Signal {
    Signal(asio::io_context& context, int number, std::move_only_function<void()> call)
        : set(context, number), handler(std::move(call)) {}
    asio::signal_set set;
    std::move_only_function<void()> handler;
  };

  void wait_signal(const std::shared_ptr<Signal>& signal) {
    signal->set.async_wait([this, weak = std::weak_ptr(signal)](const boost::system::error_code& error, int) {
      const auto got = weak.lock();
      if (error || !got) return;
      wait_signal(got);
      got->handler();
    });
  }

  void run_own() {
    own_scheduled_ = false;
    auto tasks = std::exchange(own_, {});
    for (auto& task : tasks) std::exchange(task, nullptr)();
  }

  void run_others() {
    std::vector<Task> tasks;
    {
      const std::lock_guard lock(mutex_);
      others_scheduled_ = false;
      tasks.swap(others_);
    }
    for (auto& task : tasks) std::exchange(task, nullptr)();
  }

  SystemClock clock_;
  std::unique_ptr<asio::io_context> context_ = std::make_unique<asio::io_context>(1);
  std::atomic<std::thread::id> thread_;
  std::atomic<std::thread::id> running_;  // in run(), or nobody
  std::atomic<bool> stop_asked_ = false;
  bool closing_ = false;
  std::map<int, std::shared_ptr<Signal>> signals_;

  std::vector<Task> own_;
  bool own_scheduled_ = false;
  std::mutex mutex_;
  std::vector<Task> others_;
  bool others_scheduled_ = false;
};

}  // namespace

std::unique_ptr<ThreadLoop> make_thread_loop() { return std::make_unique<AsioLoop>(); }

boost::asio::io_context* asio_context_of(Loop& loop) noexcept {
  auto* own = dynamic_cast<AsioLoop*>(&loop);
  return own == nullptr ? nullptr : &own->context();
}

}  // namespace simplex::async
