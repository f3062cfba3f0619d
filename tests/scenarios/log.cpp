#include "log.hpp"

#include <cstdio>
#include <cstdlib>

namespace simplex::world {

WorldLog::WorldLog(std::string name, const Scheduler& time)
    : name_(std::move(name)), time_(&time), printed_(std::getenv("SIMPLEX_WORLD_LOG") != nullptr) {}

void WorldLog::write(LogLevel level, std::string_view text) {
  if (!printed_) return;
  const double seconds = std::chrono::duration<double>(time_->now().time_since_epoch() - std::chrono::hours(1)).count();
  std::fprintf(stderr, "%10.3f %-6s %-7s %.*s\n", seconds, name_.c_str(), std::string(simplex::name_of(level)).c_str(),
               static_cast<int>(text.size()), text.data());
}

}  // namespace simplex::world
