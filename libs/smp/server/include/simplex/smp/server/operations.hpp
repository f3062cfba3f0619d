// What watches over a running relay, on the loop of the program's main thread: the statistics and metrics files, the
// Prometheus endpoint and the control port. Nothing of it stands in the way of clients.
//
// INI: [STORE_LOG] log_stats, prometheus_interval; [TRANSPORT] control_port; [AUTH] control_port_admin_password,
// control_port_user_password, daily_block_queue_quota; [LIMITS] prometheus_port, statistics_interval, control_connections,
// control_idle_timeout.
#pragma once

#include <filesystem>

#include "simplex/server_kit/http.hpp"
#include "simplex/server_kit/line_server.hpp"
#include "simplex/smp/server/control_session.hpp"
#include "simplex/smp/server/metrics_text.hpp"
#include "simplex/smp/server/server.hpp"
#include "simplex/smp/server/statistics_file.hpp"

namespace simplex::smp::server {

struct OperationSettings {
  std::optional<std::filesystem::path> statistics;  // smp-server-stats.log; nothing: log_stats is off
  std::optional<std::filesystem::path> daily;       // smp-server-stats.daily.log
  std::chrono::seconds statistics_interval{300};    // the longest that a killed relay forgets
  std::optional<std::filesystem::path> metrics;     // smp-server-metrics.txt; nothing: prometheus_interval is not set
  std::chrono::seconds metrics_interval{60};
  std::optional<std::uint16_t> prometheus_port;  // of 127.0.0.1; 0: a free one
  std::optional<std::uint16_t> control_port;     // of 127.0.0.1; 0: a free one
  std::size_t control_connections = 16;
  std::chrono::seconds control_idle_timeout{600};  // a connection that says nothing for so long is closed
  ControlCredentials passwords;
  std::int64_t daily_block_quota = 20;  // queues that may be blocked in a day; 0: any number, -1: none
  std::string version;                  // of the program
};

// The bounds that the relay was started with.
struct RelayBounds {
  ConnectionLimits connections;
  transport::AddressLimits addresses;
  EngineSettings engine;
  ServiceLimits services;
  ProxySettings proxy;
  std::size_t active_queues = 0;
  server_kit::HttpSettings web;   // of each thread
  std::size_t name_requests = 0;  // at once; 0: there is no resolver
  std::size_t names_waiting = 0;
  std::chrono::milliseconds name_timeout{0};
  std::size_t name_octets = 0;  // of an answer
};
[[nodiscard]] RelayBounds bounds_of(const ServerSettings& settings);
// The same, with what they did. Of the control port Operations knows more.
[[nodiscard]] std::vector<LimitMetric> limit_metrics(const RelayStatus& status, const RelayBounds& bounds);

// What was counted since a time, over restarts of the relay: shards count from their start and are never reset.
class Counting {
 public:
  Counting(WallTime from, Statistics carried) : from_(from), carried_(carried) {}
  [[nodiscard]] WallTime from() const { return from_; }
  [[nodiscard]] Statistics since(const Statistics& shards) const { return add(carried_, subtract(shards, base_)); }
  // Begins anew at `now`, but for what the reference counts without end: services, and times of ACK.
  void restart(WallTime now, const Statistics& shards);

 private:
  WallTime from_;
  Statistics carried_;
  Statistics base_;
};

class Operations final : private ControlBackend {
 public:
  // Of the file, for Server::start() and for start(): nothing when there is none, or when it can't be read (it is kept
  // beside with the name .unreadable, and said in the log).
  [[nodiscard]] static std::optional<SavedStatistics> load(const std::filesystem::path& file, Logger& logger);

  // Loop, server and logger outlive it.
  Operations(async::Loop& loop, Server& server, RelayBounds bounds, OperationSettings settings,
             std::optional<SavedStatistics> saved, Logger& logger);
  ~Operations();
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;

  // Opens the ports and starts the timers.
  [[nodiscard]] Result<> start();
  // For "auth" from now on.
  void use(ControlCredentials passwords) { settings_.passwords = std::move(passwords); }
  // After Server::stop(): the statistics of the end.
  [[nodiscard]] Result<> finish(const Server::Last& last);

  [[nodiscard]] std::optional<std::uint16_t> control_port() const;
  [[nodiscard]] std::optional<std::uint16_t> prometheus_port() const;
  void metrics(std::move_only_function<void(std::string)> done);
  // Writes the statistics file now.
  void save(std::move_only_function<void(Result<>)> done);

 private:
  const ControlCredentials& passwords() const override { return settings_.passwords; }
  void stats(bool admin, Text done) override;
  void runtime(Text done) override;
  void clients(Text done) override;
  void threads(Text done) override;
  void sockets(Text done) override;
  void server_info(bool admin, Text done) override;
  void save(Text done) override;
  void control(QueueControl control) override;
  std::optional<std::string> no_more_blocking() const override;
  void note_blocked() override { ++blocked_; }
  void note_command(std::string_view name) override;

  void tick();
  void end_day();
  void save_soon();
  void write_metrics();
  [[nodiscard]] Result<> write_statistics(const RelayStatus& status, ActiveHashes active);
  [[nodiscard]] std::vector<LimitMetric> limits_of(const RelayStatus& status) const;
  [[nodiscard]] std::string metrics_of(const RelayStatus& status) const;

  async::Loop& loop_;
  Server& server_;
  const RelayBounds bounds_;
  OperationSettings settings_;
  Logger& logger_;
  Counting counting_;
  std::uint64_t blocked_ = 0;  // today
  WallTime periods_from_;
  WallTime next_day_;
  WallTime started_;
  bool day_ends_ = false;  // it is being written
  async::Timer tick_timer_;
  async::Timer save_timer_;
  async::Timer metrics_timer_;
  std::unique_ptr<server_kit::HttpEndpoint> endpoint_;
  std::unique_ptr<server_kit::LineServer> control_;
};

}  // namespace simplex::smp::server
