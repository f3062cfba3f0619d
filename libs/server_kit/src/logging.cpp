#include "simplex/server_kit/logging.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace simplex::server_kit {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::off: break;
  }
  return spdlog::level::off;
}

class StderrLogger final : public ServerLogger {
 public:
  StderrLogger(std::string_view program, LogLevel level)
      : log_(std::string(program), std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    log_.set_level(level_of(level));
    log_.set_pattern("%Y-%m-%d %H:%M:%S.%e %l %n: %v");
    log_.flush_on(spdlog::level::debug);
  }
  [[nodiscard]] bool enabled(LogLevel level) const noexcept override { return log_.should_log(level_of(level)); }
  void set_level(LogLevel level) override { log_.set_level(level_of(level)); }
  void write(LogLevel level, std::string_view text) override {
    log_.log(level_of(level), spdlog::string_view_t(text.data(), text.size()));
  }

 private:
  spdlog::logger log_;
};

}  // namespace

std::unique_ptr<ServerLogger> make_stderr_logger(std::string_view program, LogLevel level) {
  return std::make_unique<StderrLogger>(program, level);
}

}  // namespace simplex::server_kit
