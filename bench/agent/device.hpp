// A person's device: an agent in a thread of its own, with its own session to the relay and its own database file. It
// allows every connection, and acknowledges every message as soon as it is told of it. The measuring thread asks it by
// calls, and waits for what it counts.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "simplex/agent/agent.hpp"
#include "simplex/base/stderr_logger.hpp"
#include "simplex/transport/tls.hpp"

namespace simplex::bench {

struct DeviceSettings {
  std::string relay;
  std::filesystem::path database;
  std::string passphrase;  // empty: the database is not encrypted
  bool pq = true;
};

// What has happened since the device was made, as its events say.
struct Happened {
  std::map<agent::ConnectionId, std::string> links;
  std::size_t connected = 0;
  std::size_t sent = 0;
  std::size_t heard = 0;
  Instant last_heard;
  std::size_t subscribed = 0;
  std::string problem;  // the first one
};

class Device {
 public:
  explicit Device(DeviceSettings settings);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  [[nodiscard]] Result<> open();
  void start();

  // On the device's thread; waits for the result.
  template <class Work>
  auto call(Work&& work) {
    using Value = std::invoke_result_t<Work&, agent::Agent&>;
    std::promise<Value> promise;
    loop_->post([&] { promise.set_value(work(*agent_)); });
    return promise.get_future().get();
  }
  [[nodiscard]] Result<agent::ConnectionId> invite();
  [[nodiscard]] Result<agent::ConnectionId> join(const std::string& link);
  // Sends messages of these connections in turn, until each has `count` of them; some hundreds wait for the relay.
  void stream(std::vector<agent::ConnectionId> connections, std::size_t count, std::size_t size);

  // Error: timeout, or what the device was told of.
  template <class Condition>
  [[nodiscard]] Result<> await(Condition&& condition, Duration limit) {
    std::unique_lock lock(mutex_);
    const auto done = [&] { return condition(happened_) || !happened_.problem.empty(); };
    if (!changed_.wait_for(lock, limit, done)) {
      return fail(ErrorKind::timeout, "What is measured did not come to its end in time.");
    }
    if (!happened_.problem.empty()) return fail(ErrorKind::internal, happened_.problem);
    return {};
  }
  [[nodiscard]] Happened happened();
  // Of the device's thread.
  [[nodiscard]] Duration cpu();

 private:
  void told(const agent::Event& event);
  void note(const agent::EventBody& body);
  void pump();
  template <class Change>
  void change(Change&& how) {
    const std::lock_guard lock(mutex_);
    how(happened_);
    changed_.notify_all();
  }
  void problem(std::string text);

  DeviceSettings settings_;
  std::unique_ptr<async::ThreadLoop> loop_;
  async::Workers workers_{async::Workers::beside_this_thread()};
  SystemRandom random_;
  StderrLogger log_{LogLevel::error};
  std::unique_ptr<transport::Connector> connector_;
  // Of the device's thread, once it runs.
  std::unique_ptr<agent::Agent> agent_;
  agent::UserId user_;
  std::vector<agent::ConnectionId> streaming_;
  std::size_t next_ = 0;
  std::size_t to_send_ = 0;
  std::size_t unsent_ = 0;
  Bytes body_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Happened happened_;
  std::thread thread_;
};

}  // namespace simplex::bench
