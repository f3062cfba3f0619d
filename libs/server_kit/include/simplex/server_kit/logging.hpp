// The log of a server program: one line for each event, to standard error.
#pragma once

#include <memory>

#include "simplex/base/log.hpp"

namespace simplex::server_kit {

class ServerLogger : public Logger {
 public:
  virtual void set_level(LogLevel level) = 0;  // thread-safe
};

// "2026-11-23 08:15:30.123 warning smp-server: text". Lines below the level are dropped.
[[nodiscard]] std::unique_ptr<ServerLogger> make_stderr_logger(std::string_view program, LogLevel level);

}  // namespace simplex::server_kit
