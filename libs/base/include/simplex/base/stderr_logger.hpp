// Log lines to standard error, in local time: "2026-11-23 09:35:12 [warning] text".
#pragma once

#include "simplex/base/log.hpp"

namespace simplex {

class StderrLogger final : public Logger {
 public:
  explicit StderrLogger(LogLevel least) : least_(least) {}
  [[nodiscard]] bool enabled(LogLevel level) const noexcept override { return level >= least_; }
  void write(LogLevel level, std::string_view text) override;

 private:
  LogLevel least_;
};

}  // namespace simplex
