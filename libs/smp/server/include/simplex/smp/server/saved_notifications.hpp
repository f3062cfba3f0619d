// Notifications over a stop and a start, in smp-server-ntfs.log.
#pragma once

#include <filesystem>

#include "simplex/smp/server/node.hpp"

namespace simplex::smp::server {

struct RestoredNotifications {
  std::size_t restored = 0;
  std::size_t expired = 0;
  std::size_t rejected = 0;
};
// Before the loops run. The file is renamed to "<file>.bak": what was delivered since must not come again after a crash.
[[nodiscard]] Result<RestoredNotifications> restore_notifications(const std::filesystem::path& file,
                                                                  std::vector<Node*>& nodes,
                                                                  const NotificationSettings& settings,
                                                                  std::int64_t now);
// After the loops have stopped. How many.
[[nodiscard]] Result<std::size_t> save_notifications(const std::filesystem::path& file,
                                                     const std::vector<Node*>& nodes);

}  // namespace simplex::smp::server
