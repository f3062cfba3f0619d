// idle: how much a silent connection with subscribed queues costs.
#include "idle_crowd.hpp"

namespace simplex::bench {
namespace {

class IdleLoad final : public Load {
 public:
  IdleLoad(Worker& worker, Host host)
      : Load(std::move(host)), worker_(worker), crowd_(worker, [this](Error error) { fail(std::move(error)); }) {}

  // The first connection makes the relay load what it needs for any.
  void prepare() override {
    crowd_.open(1, worker_.settings.queues, {}, [this](Result<> opened) {
      if (!opened) return fail(std::move(opened).error());
      host_.ready();
    });
  }

  void begin() override {
    crowd_.open(
        worker_.share(worker_.settings.connections), worker_.settings.queues,
        [this](Duration time) {
          ++tally_.operations;
          tally_.latency.add(time);
        },
        [this](Result<> opened) {
          if (!opened) return fail(std::move(opened).error());
          hold_ = worker_.loop.after(
              std::chrono::duration_cast<Duration>(std::chrono::duration<double>(worker_.settings.seconds)),
              [this] { host_.finished(); });
        });
  }

  void stop() override {}
  void tidy(std::move_only_function<void()> done) override { crowd_.tidy(std::move(done)); }

 private:
  Worker& worker_;
  IdleCrowd crowd_;
  async::Timer hold_;
};

}  // namespace

std::unique_ptr<Load> make_idle_load(Worker& worker, Load::Host host) {
  return std::make_unique<IdleLoad>(worker, std::move(host));
}

}  // namespace simplex::bench
