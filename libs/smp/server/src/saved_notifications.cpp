#include "simplex/smp/server/saved_notifications.hpp"

#include <fmt/format.h>

namespace simplex::smp::server {

namespace fs = std::filesystem;

Result<RestoredNotifications> restore_notifications(const fs::path& file, std::vector<Node*>& nodes,
                                                    const NotificationSettings& settings, std::int64_t now) {
  RestoredNotifications made;
  const auto oldest = now - settings.ttl.count();
  SIMPLEX_ASSIGN(const auto read, read_notifications(file, [&](NotificationLine line) {
                   if (line.notification.sent_at < oldest) {
                     ++made.expired;
                     return;
                   }
                   ++made.restored;
                   auto& node = *nodes[Shard::home_of(line.notifier.view(), nodes.size())];
                   node.shard().restore(std::move(line));
                 }));
  made.rejected = read.rejected;
  if (!nodes.empty()) nodes.front()->shard().statistics().notifications_expired += made.expired;
  std::error_code error;
  if (!fs::exists(file, error)) return made;
  auto kept = file;
  kept += ".bak";
  fs::rename(file, kept, error);
  if (error) {
    return fail(ErrorKind::storage,
                fmt::format("cannot rename {} to {}: {}", file.string(), kept.string(), error.message()),
                Advice::ask_user);
  }
  return made;
}

Result<std::size_t> save_notifications(const fs::path& file, const std::vector<Node*>& nodes) {
  SIMPLEX_ASSIGN(auto writer, NotificationLogWriter::begin(file));
  Result<> written;
  std::size_t count = 0;
  for (auto* node : nodes) {
    node->shard().for_each_notification([&](const NotifierId& notifier, const Notification& notification) {
      if (written) written = writer.add(notifier, notification);
      ++count;
    });
  }
  SIMPLEX_TRY(std::move(written));
  SIMPLEX_TRY(writer.commit());
  return count;
}

}  // namespace simplex::smp::server
