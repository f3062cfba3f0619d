// The connection that holds the lease of the schema, and does what concerns all of it: services, totals, deleted
// queues, export and import.
//
// The lease: an advisory lock of the session says that a relay process is alive; the rows of simplex_cpp_lanes say whose
// writes count. A process that lost the lock without knowing it can write no more, once another took the rows.
#pragma once

#include "simplex/smp/stores/postgres.hpp"
#include "postgres/lane.hpp"
#include "postgres/migrations.hpp"

namespace simplex::smp::stores::postgres {

class Keeper {
 public:
  // Connects, prepares the schema, takes the lease for so many lanes. Blocks.
  [[nodiscard]] static Result<std::unique_ptr<Keeper>> open(const PostgresSettings& settings, LaneSettings lane,
                                                            int lanes, Health& health, Logger& logger);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  [[nodiscard]] Result<std::vector<server::ServiceRecord>> services();
  // Counted when there are few, else estimated from the database's own statistics.
  [[nodiscard]] Result<server::StoreTotals> totals();

  // From now on a thread keeps the lease, and removes rows of queues that were deleted long ago.
  void watch();
  void stop();

  [[nodiscard]] Connection& connection() { return *connection_; }

 private:
  Keeper(LaneSettings lane, std::chrono::seconds deleted_ttl, Duration lease_wait, Health& health)
      : lane_(std::move(lane)), deleted_ttl_(deleted_ttl), lease_wait_(lease_wait), health_(health) {}
  [[nodiscard]] Result<> lock();
  [[nodiscard]] Result<> take_lanes(int lanes);
  void run();
  [[nodiscard]] Result<> look_after();
  [[nodiscard]] Result<> return_to_schema();
  [[nodiscard]] Result<bool> remove_deleted();

  const LaneSettings lane_;
  const std::chrono::seconds deleted_ttl_;
  const Duration lease_wait_;
  Health& health_;
  SystemClock clock_;

  std::mutex connection_mutex_;
  std::optional<Connection> connection_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  Instant next_removal_{};
  std::thread thread_;
};

}  // namespace simplex::smp::stores::postgres
