// Log lines to standard error: "2026-11-23 09:35:12 [warning] text".
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <ctime>
#include <string>

#include "simplex/base/clock.hpp"
#include "simplex/base/log.hpp"

namespace simplex::app {

class StderrLogger final : public Logger {
 public:
  explicit StderrLogger(LogLevel least) : least_(least) {}
  [[nodiscard]] bool enabled(LogLevel level) const noexcept override { return level >= least_; }
  void write(LogLevel level, std::string_view text) override {
    const std::time_t now = static_cast<std::time_t>(seconds_since_epoch(SystemClock().wall()));
    std::tm local{};
    char stamp[32] = "";
    if (localtime_r(&now, &local) != nullptr) std::strftime(stamp, sizeof stamp, "%F %T", &local);
    const std::string line = fmt::format("{} [{}] {}\n", stamp, name_of(level), text);
    std::fwrite(line.data(), 1, line.size(), stderr);
  }

 private:
  LogLevel least_;
};

}  // namespace simplex::app
