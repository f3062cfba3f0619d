#include "unsaved_messages.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace simplex::smp::server {

namespace fs = std::filesystem;

Result<std::optional<fs::path>> keep_unsaved_messages(const fs::path& file, const Clock& clock) {
  auto left = file;
  left += ".bak";
  std::error_code error;
  if (fs::exists(file, error) || !fs::exists(left, error) || fs::file_size(left, error) == 0) return std::nullopt;
  const auto name = fmt::format("{}.unsaved-{:%Y-%m-%dT%H:%M:%S}Z", file.string(),
                                fmt::gmtime(std::time_t{seconds_since_epoch(clock.wall())}));
  fs::path kept = name;
  for (int number = 2; fs::exists(kept, error); ++number) kept = fmt::format("{}-{}", name, number);
  fs::rename(left, kept, error);
  if (error) {
    return fail(ErrorKind::storage,
                fmt::format("cannot rename {} to {}: {}", left.string(), kept.string(), error.message()),
                Advice::ask_user);
  }
  return kept;
}

}  // namespace simplex::smp::server
