#include "run.hpp"

#include <csignal>
#include <thread>

namespace simplex::bench {
namespace {

Duration in_seconds(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

// A thread with its loop and its load. All but the constructor and the destructor is asked by posting.
class WorkerThread {
 public:
  WorkerThread(const Settings& settings, std::size_t index)
      : loop_(async::make_thread_loop()),
        connector_(transport::make_tls_connector()),
        worker_{*loop_, random_, *connector_, settings, index, settings.threads} {}
  ~WorkerThread() { join(); }
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  void start(const MakeLoad& make_load, Load::Host host) {
    thread_ = std::thread([this, &make_load, host = std::move(host)]() mutable {
      load_ = make_load(worker_, std::move(host));
      loop_->post([this] { load_->prepare(); });
      loop_->run();
      load_.reset();
    });
  }
  void ask(std::move_only_function<void(Load&)> what) {
    loop_->post([this, what = std::move(what)]() mutable { what(*load_); });
  }
  void join() {
    if (!thread_.joinable()) return;
    loop_->stop();
    thread_.join();
  }

 private:
  std::unique_ptr<async::ThreadLoop> loop_;
  SystemRandom random_;
  std::unique_ptr<transport::Connector> connector_;
  Worker worker_;
  std::unique_ptr<Load> load_;
  std::thread thread_;
};

class Run {
 public:
  Run(const Settings& settings, const MakeLoad& make_load) : settings_(settings), make_load_(make_load) {}

  Result<Measured> execute() {
    if (settings_.process) {
      // Before anything is connected: a wrong number is told at once.
      if (const auto use = process_use(*settings_.process); !use) return std::unexpected(use.error());
    }
    for (const int signal : {SIGINT, SIGTERM}) loop_->on_signal(signal, [this] { interrupt(); });
    const auto limit = loop_->after(in_seconds(settings_.limit), [this] {
      give_up({ErrorKind::timeout, "it took longer than --limit allows", Advice::give_up});
    });
    for (std::size_t i = 0; i < settings_.threads; ++i) {
      workers_.push_back(std::make_unique<WorkerThread>(settings_, i));
    }
    waiting_ = workers_.size();
    for (const auto& worker : workers_) worker->start(make_load_, host());
    loop_->run();
    workers_.clear();
    if (error_) return std::unexpected(std::move(*error_));
    return measured_;
  }

 private:
  enum class Phase { preparing, warming, measuring, ending };

  Load::Host host() {
    return {.ready = [this] { loop_->post([this] { ready(); }); },
            .finished = [this] { loop_->post([this] { finished(); }); },
            .failed =
                [this](Error error) {
                  loop_->post([this, error = std::move(error)]() mutable { give_up(std::move(error)); });
                }};
  }

  void ask_all(void (Load::*what)()) {
    for (const auto& worker : workers_) worker->ask([what](Load& load) { (load.*what)(); });
  }

  void ready() {
    if (--waiting_ > 0) return;
    const bool warms_up =
        settings_.warm_up > 0 && settings_.count == 0 &&
        (settings_.mode == Mode::messages || settings_.mode == Mode::handshakes || settings_.mode == Mode::create);
    if (!warms_up) return measure(&Load::begin);
    phase_ = Phase::warming;
    ask_all(&Load::begin);
    timer_ = loop_->after(in_seconds(settings_.warm_up), [this] { measure(&Load::mark); });
  }

  void measure(void (Load::*what)()) {
    phase_ = Phase::measuring;
    waiting_ = workers_.size();
    measured_.before = use();
    begun_ = loop_->now();
    own_cpu_ = own_cpu();
    ask_all(what);
    const bool until_counted =
        settings_.count > 0 || settings_.mode == Mode::idle || settings_.mode == Mode::resubscribe;
    if (!until_counted) timer_ = loop_->after(in_seconds(settings_.seconds), [this] { end(); });
  }

  void finished() {
    if (phase_ == Phase::measuring && --waiting_ == 0) end();
  }

  void end() {
    phase_ = Phase::ending;
    timer_.cancel();
    measured_.time = loop_->now() - begun_;
    measured_.own_cpu = own_cpu() - own_cpu_;
    measured_.after = use();
    waiting_ = workers_.size();
    for (const auto& worker : workers_) {
      worker->ask([this](Load& load) {
        load.stop();
        loop_->post([this, tally = load.tally()] { measured_.tally.add(tally); });
        auto tidied = [this] { loop_->post([this] { tidied_one(); }); };
        if (settings_.keep_queues) return tidied();
        load.tidy(std::move(tidied));
      });
    }
    // A relay that has gone meanwhile keeps nothing.
    timer_ = loop_->after(std::chrono::seconds(60), [this] { loop_->stop(); });
  }

  void tidied_one() {
    if (--waiting_ == 0) loop_->stop();
  }

  void interrupt() {
    if (phase_ == Phase::measuring) return end();
    give_up({ErrorKind::cancelled, "interrupted before anything was measured", Advice::give_up});
  }

  void give_up(Error error) {
    if (phase_ == Phase::ending) return loop_->stop();
    if (!error_) error_ = std::move(error);
    loop_->stop();
  }

  std::optional<ProcessUse> use() const {
    if (!settings_.process) return std::nullopt;
    const auto read = process_use(*settings_.process);
    return read ? std::optional(*read) : std::nullopt;
  }

  const Settings& settings_;
  const MakeLoad& make_load_;
  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  Phase phase_ = Phase::preparing;
  std::size_t waiting_ = 0;
  async::Timer timer_;
  Instant begun_;
  Duration own_cpu_{};
  Measured measured_;
  std::optional<Error> error_;
};

}  // namespace

void Tally::add(const Tally& other) {
  operations += other.operations;
  sent += other.sent;
  delivered += other.delivered;
  latency.add(other.latency);
  delivery.add(other.delivery);
}

Result<Measured> run(const Settings& settings, const MakeLoad& make_load) { return Run(settings, make_load).execute(); }

}  // namespace simplex::bench
