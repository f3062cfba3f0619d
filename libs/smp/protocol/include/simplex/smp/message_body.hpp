// Messages between relay and recipient: encrypted once more, so that what a sender sent and what a recipient gets have
// nothing in common for an observer (simplex-messaging.md, "Deliver queue message"; vectors: rcv_message_body,
// rcv_message_quota, nmsg_meta).
//
//   message: seconds (8) | flags | ' ' | body         quota: "QUOTA " | seconds (8)
//   both padded to 16,106, then crypto_box with nonce = message id: 16,122 octets
//   notification: short(message id) | seconds (8), padded to 128, then crypto_box: 144 octets
#pragma once

#include <variant>

#include "simplex/crypto/box.hpp"
#include "simplex/smp/types.hpp"
#include "simplex/smp/version.hpp"

namespace simplex::smp {

inline constexpr std::size_t padded_message_size = 16106;
inline constexpr std::size_t encrypted_message_size = padded_message_size + crypto::box_tag_size;
inline constexpr std::size_t padded_notification_size = 128;

// A message as sent. The body is a view (see Content).
struct MessageBody {
  WallTime received;  // by the relay, whole seconds
  MessageFlags flags;
  Content body;  // up to max_stored_message_length

  friend bool operator==(const MessageBody&, const MessageBody&) = default;
};
// Instead of a message: the queue was full, and what was sent after that is lost.
struct QuotaExceeded {
  WallTime received;

  friend bool operator==(const QuotaExceeded&, const QuotaExceeded&) = default;
};
using QueueMessage = std::variant<MessageBody, QuotaExceeded>;

void write_queue_message(Writer& writer, const QueueMessage& message);
[[nodiscard]] Result<QueueMessage> read_queue_message(BytesView plain);

// The body of MSG. key: agreed between the queue's relay key and recipient key (keep it with the queue).
[[nodiscard]] Result<Bytes> encrypt_queue_message(const crypto::BoxKey& key, const MessageId& id,
                                                  const QueueMessage& message);
// The same, encrypted where the writer stands: encrypted_message_size octets. A body of more than
// max_stored_message_length is over the limit, and nothing is written.
[[nodiscard]] Result<> write_encrypted_message(Writer& writer, const crypto::BoxKey& key, const MessageId& id,
                                               const QueueMessage& message);
// Decrypts in place; the message's body points into `encrypted`.
[[nodiscard]] Result<QueueMessage> decrypt_queue_message(const crypto::BoxKey& key, const MessageId& id,
                                                         MutableBytes encrypted);

struct NotificationMeta {
  MessageId message_id;
  WallTime received;

  friend bool operator==(const NotificationMeta&, const NotificationMeta&) = default;
};
[[nodiscard]] Result<Bytes> encrypt_notification(const crypto::BoxKey& key, const crypto::CbNonce& nonce,
                                                 const NotificationMeta& meta);
[[nodiscard]] Result<NotificationMeta> decrypt_notification(const crypto::BoxKey& key, const crypto::CbNonce& nonce,
                                                            BytesView encrypted);

}  // namespace simplex::smp
