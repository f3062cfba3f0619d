// Logging is handed in. Never a client's address, a queue id, a key or a secret in a line.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace simplex {

enum class LogLevel : std::uint8_t { debug, info, warning, error, off };

[[nodiscard]] std::string_view name_of(LogLevel level) noexcept;
// Accepts the reference's names: debug, info, warn, warning, error, off/none.
[[nodiscard]] std::optional<LogLevel> log_level_from(std::string_view name) noexcept;

// Thread-safe.
class Logger {
 public:
  virtual ~Logger() = default;
  [[nodiscard]] virtual bool enabled(LogLevel level) const noexcept = 0;
  virtual void write(LogLevel level, std::string_view text) = 0;

  void debug(std::string_view text) {
    if (enabled(LogLevel::debug)) write(LogLevel::debug, text);
  }
  void info(std::string_view text) {
    if (enabled(LogLevel::info)) write(LogLevel::info, text);
  }
  void warning(std::string_view text) {
    if (enabled(LogLevel::warning)) write(LogLevel::warning, text);
  }
  void error(std::string_view text) {
    if (enabled(LogLevel::error)) write(LogLevel::error, text);
  }
};

class NullLogger final : public Logger {
 public:
  [[nodiscard]] bool enabled(LogLevel) const noexcept override { return false; }
  void write(LogLevel, std::string_view) override {}
};

}  // namespace simplex
