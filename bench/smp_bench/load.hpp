// What a mode of the program does on one thread, and what it counted.
#pragma once

#include "histogram.hpp"
#include "queue.hpp"

namespace simplex::bench {

struct Tally {
  std::uint64_t operations = 0;  // messages acknowledged, queues created, ...
  std::uint64_t sent = 0;        // messages the relay took
  std::uint64_t delivered = 0;   // messages the relay delivered
  Histogram latency;             // of an operation, from its beginning (or when it was due) to its end
  Histogram delivery;            // of a message, from SEND to MSG

  void add(const Tally& other);
};

// Lives on its worker's loop, and is destroyed there.
class Load {
 public:
  // Called on the worker's loop.
  struct Host {
    std::function<void()> ready;
    std::function<void()> finished;  // the share of the count is done
    std::function<void(Error)> failed;
  };

  explicit Load(Host host) : host_(std::move(host)) {}
  virtual ~Load() = default;
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Connections and queues, before anything is measured. Ends with ready().
  virtual void prepare() = 0;
  // What is measured begins. After it, counting only begins at mark(), when there is a warm-up.
  virtual void begin() = 0;
  virtual void mark() { tally_ = {}; }
  // No new operation begins from now on.
  virtual void stop() = 0;
  [[nodiscard]] const Tally& tally() const { return tally_; }
  // Removes what was made on the relay, as far as it answers.
  virtual void tidy(std::move_only_function<void()> done) { done(); }

 protected:
  void fail(Error error) {
    if (std::exchange(failed_, true)) return;
    host_.failed(std::move(error));
  }

  Host host_;
  Tally tally_;

 private:
  bool failed_ = false;
};

using MakeLoad = std::function<std::unique_ptr<Load>(Worker&, Load::Host)>;

[[nodiscard]] std::unique_ptr<Load> make_message_load(Worker& worker, Load::Host host);
[[nodiscard]] std::unique_ptr<Load> make_idle_load(Worker& worker, Load::Host host);
[[nodiscard]] std::unique_ptr<Load> make_create_load(Worker& worker, Load::Host host);
[[nodiscard]] std::unique_ptr<Load> make_resubscribe_load(Worker& worker, Load::Host host);
[[nodiscard]] std::unique_ptr<Load> make_handshake_load(Worker& worker, Load::Host host);

}  // namespace simplex::bench
