// Log of one party, printed with the virtual time when SIMPLEX_WORLD_LOG is in the environment: for a failing seed.
#pragma once

#include <string>

#include "simplex/base/log.hpp"
#include "simplex/world/scheduler.hpp"

namespace simplex::world {

class WorldLog final : public Logger {
 public:
  WorldLog(std::string name, const Scheduler& time);
  [[nodiscard]] bool enabled(LogLevel) const noexcept override { return printed_; }
  void write(LogLevel level, std::string_view text) override;

 private:
  std::string name_;
  const Scheduler* time_;
  bool printed_;
};

}  // namespace simplex::world
