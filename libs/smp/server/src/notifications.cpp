#include "simplex/smp/server/notifications.hpp"

#include <fmt/format.h>

#include <fstream>

#include "simplex/smp/message_body.hpp"
#include "log_line.hpp"

namespace simplex::smp::server {

Notification make_notification(const StoredMessage& message, const crypto::X25519Secret& dh_secret,
                               const crypto::CbNonce& nonce) {
  const NotificationMeta meta{smp::MessageId(message.id.view()), from_seconds_since_epoch(message.sent_at)};
  // A message id has at most 32 octets: it fits.
  auto encrypted = encrypt_notification(crypto::box_key(dh_secret), nonce, meta);
  return {message.id, message.sent_at, nonce, encrypted ? *std::move(encrypted) : Bytes()};
}

std::string format_notification(const NotifierId& notifier, const Notification& notification) {
  return fmt::format("v1 {} {} {} {} {}", text_of(notifier), text_of(notification.message), notification.sent_at,
                     base64url(notification.nonce.view()), base64url(notification.encrypted_meta));
}

Result<NotificationLine> parse_notification(std::string_view text) {
  LineReader line(text);
  NotificationLine made;
  auto& notification = made.notification;
  SIMPLEX_TRY(line.expect("v1 "));
  SIMPLEX_ASSIGN(made.notifier, line.id<NotifierId>());
  SIMPLEX_TRY(line.expect(" "));
  SIMPLEX_ASSIGN(notification.message, line.id<MessageId>());
  SIMPLEX_TRY(line.expect(" "));
  SIMPLEX_ASSIGN(notification.sent_at, line.number());
  SIMPLEX_TRY(line.expect(" "));
  SIMPLEX_ASSIGN(const auto nonce, line.bytes());
  notification.nonce = crypto::cb_nonce(nonce);
  SIMPLEX_TRY(line.expect(" "));
  SIMPLEX_ASSIGN(notification.encrypted_meta, line.content());
  SIMPLEX_TRY(line.finish());
  // Longer than what NMSG can carry.
  if (notification.encrypted_meta.size() > 255) return fail(ErrorKind::limit, "the notification is too long");
  return made;
}

Result<ReadNotifications> read_notifications(const std::filesystem::path& file,
                                             const std::function<void(NotificationLine)>& each) {
  ReadNotifications made;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return made;
  std::ifstream input(file, std::ios::binary);
  if (!input) return fail(ErrorKind::storage, "cannot read " + file.string(), Advice::ask_user);
  std::string rejected;
  for (std::string text; std::getline(input, text);) {
    ++made.lines;
    auto line = input.eof()
                    ? Result<NotificationLine>(fail(ErrorKind::malformed, "the line was not written to its end"))
                    : parse_notification(text);
    if (line) {
      each(*std::move(line));
      continue;
    }
    ++made.rejected;
    rejected += fmt::format("# line {}: {}\n{}\n", made.lines, line.error().message, text);
  }
  if (input.bad()) return fail(ErrorKind::storage, "cannot read " + file.string(), Advice::ask_user);
  if (rejected.empty()) return made;
  auto name = file;
  name += ".rejected";
  SIMPLEX_ASSIGN(auto kept, server_kit::AppendFile::open(name, server_kit::private_file));
  SIMPLEX_TRY(kept.append(as_bytes(rejected)));
  SIMPLEX_TRY(kept.sync());
  return made;
}

Result<NotificationLogWriter> NotificationLogWriter::begin(const std::filesystem::path& file) {
  SIMPLEX_ASSIGN(auto replacement, server_kit::FileReplacement::begin(file, server_kit::private_file));
  return NotificationLogWriter(std::move(replacement));
}

Result<> NotificationLogWriter::add(const NotifierId& notifier, const Notification& notification) {
  return file_.write(as_bytes(format_notification(notifier, notification) + '\n'));
}

}  // namespace simplex::smp::server
