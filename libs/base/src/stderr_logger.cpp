#include "simplex/base/stderr_logger.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <ctime>

#include "simplex/base/clock.hpp"

namespace simplex {

void StderrLogger::write(LogLevel level, std::string_view text) {
  const std::time_t now = static_cast<std::time_t>(seconds_since_epoch(SystemClock().wall()));
  std::tm local{};
  char stamp[32] = "";
  if (localtime_r(&now, &local) != nullptr) std::strftime(stamp, sizeof stamp, "%F %T", &local);
  const std::string line = fmt::format("{} [{}] {}\n", stamp, name_of(level), text);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace simplex
