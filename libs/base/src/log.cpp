#include "simplex/base/log.hpp"

namespace simplex {

std::string_view name_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug: return "debug";
    case LogLevel::info: return "info";
    case LogLevel::warning: return "warning";
    case LogLevel::error: return "error";
    case LogLevel::off: return "off";
  }
  return "unknown";
}

std::optional<LogLevel> log_level_from(std::string_view name) noexcept {
  if (name == "debug" || name == "trace") return LogLevel::debug;
  if (name == "info" || name == "note") return LogLevel::info;
  if (name == "warn" || name == "warning" || name == "important") return LogLevel::warning;
  if (name == "error") return LogLevel::error;
  if (name == "off" || name == "none") return LogLevel::off;
  return std::nullopt;
}

}  // namespace simplex
