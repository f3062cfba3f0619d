// Counters for each user and relay. They live in memory, where counting costs an addition; what has changed is saved once
// in a while, and what was counted since is lost with the program when it is killed: nothing depends on it.
#pragma once

#include <map>

#include "simplex/agent/statistics.hpp"
#include "simplex/store/database.hpp"
#include "turn.hpp"

namespace simplex::agent {

class RelayCounts {
 public:
  void add(RelayCounter counter, std::int64_t number = 1) { now_[static_cast<std::size_t>(counter)] += number; }
  [[nodiscard]] std::int64_t of(RelayCounter counter) const { return now_[static_cast<std::size_t>(counter)]; }

 private:
  friend class Statistics;
  std::array<std::int64_t, relay_counters> now_{};
  std::array<std::int64_t, relay_counters> saved_{};
};

class Statistics {
 public:
  Statistics(store::Database& database, Turn& turn) : db_(database), turn_(turn) {}

  // What was saved, in place of what is here; once.
  [[nodiscard]] Result<> load(WallTime now);
  // The counters stay where they are as long as this.
  [[nodiscard]] RelayCounts& at(UserId user, const std::string& relay) { return counts_[{user, relay}]; }
  [[nodiscard]] bool changed() const;
  // In a turn: what has changed.
  [[nodiscard]] Result<> save();
  // In a turn: everything is counted from nothing.
  [[nodiscard]] Result<> reset(WallTime now);

  [[nodiscard]] WallTime since() const { return since_; }
  // Of users that there are.
  [[nodiscard]] Result<std::vector<RelaySummary>> all();

 private:
  store::Database& db_;
  Turn& turn_;
  WallTime since_;
  std::map<std::pair<UserId, std::string>, RelayCounts> counts_;
};

}  // namespace simplex::agent
