// Notifications that nobody has fetched yet: what a notifier is told when a message with the notification flag came into
// its queue (simplex-messaging.md, "Deliver message notification"). They live in memory, and in smp-server-ntfs.log while
// the relay is stopped; a crash loses them, and nothing else.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <vector>

#include "simplex/base/clock.hpp"
#include "simplex/crypto/nonce.hpp"
#include "simplex/server_kit/files.hpp"
#include "simplex/smp/server/queue_record.hpp"

namespace simplex::smp::server {

struct NotificationSettings {
  std::chrono::seconds ttl = std::chrono::hours(24);
  std::chrono::seconds expiry_interval = std::chrono::hours(1);
  std::chrono::milliseconds delivery_interval{1'500};  // they travel together
  std::size_t per_notifier = 256;                      // the oldest of a notifier makes room for its newest
  std::size_t in_all = 500'000;  // of the relay, about 250 octets each; past it a notifier without any gets none
};

struct Notification {
  MessageId message;
  std::int64_t sent_at = 0;  // seconds since the epoch
  crypto::CbNonce nonce;
  Bytes encrypted_meta;  // message id and time, for the recipient
};

// For the recipient of the notifier's queue.
[[nodiscard]] Notification make_notification(const StoredMessage& message, const crypto::X25519Secret& dh_secret,
                                             const crypto::CbNonce& nonce);

// Lines of the file: "v1 NOTIFIER MESSAGE TIME NONCE META".
struct NotificationLine {
  NotifierId notifier;
  Notification notification;
};
[[nodiscard]] std::string format_notification(const NotifierId& notifier, const Notification& notification);
[[nodiscard]] Result<NotificationLine> parse_notification(std::string_view line);

// Calls each for every line. A missing file has none. A line that can't be used goes to "<file>.rejected".
struct ReadNotifications {
  std::size_t lines = 0;
  std::size_t rejected = 0;
};
[[nodiscard]] Result<ReadNotifications> read_notifications(const std::filesystem::path& file,
                                                           const std::function<void(NotificationLine)>& each);
// Writes the file piece by piece, a notifier's notifications together and in order; what stood there stays until commit().
class NotificationLogWriter {
 public:
  [[nodiscard]] static Result<NotificationLogWriter> begin(const std::filesystem::path& file);
  [[nodiscard]] Result<> add(const NotifierId& notifier, const Notification& notification);
  [[nodiscard]] Result<> commit() { return file_.commit(); }

 private:
  explicit NotificationLogWriter(server_kit::FileReplacement file) : file_(std::move(file)) {}
  server_kit::FileReplacement file_;
};

}  // namespace simplex::smp::server
