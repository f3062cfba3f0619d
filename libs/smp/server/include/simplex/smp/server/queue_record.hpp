// What a relay keeps of a queue, and of a message in it.
#pragma once

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "simplex/crypto/box.hpp"
#include "simplex/crypto/keys.hpp"
#include "simplex/protocol/queue_address.hpp"
#include "simplex/smp/error.hpp"
#include "simplex/smp/server/inline_id.hpp"
#include "simplex/smp/server/recipient_keys.hpp"

namespace simplex::smp::server {

// Whole days, as seconds since the epoch at 0:00 UTC: the exact time of a command is nobody's business.
class Date {
 public:
  constexpr Date() = default;
  // The day of this second; the last one there is, when it is farther away than 5 million years.
  explicit constexpr Date(std::int64_t seconds)
      : days_(static_cast<std::int32_t>(std::clamp<std::int64_t>(
            seconds / of_day, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()))) {}
  [[nodiscard]] constexpr std::int64_t value() const noexcept { return days_ * of_day; }

  friend auto operator<=>(const Date&, const Date&) = default;

 private:
  static constexpr std::int64_t of_day = 86'400;
  std::int32_t days_ = 0;
};
[[nodiscard]] constexpr Date date_of(std::int64_t seconds) { return Date(seconds); }

// Encrypted link data as the recipient gave it: the fixed part (never changes) and the user part. Not changed once made:
// an answer on its way to a slow reader holds on to it.
struct LinkData {
  LinkId id;
  Bytes fixed;
  Bytes user;
};

struct NotifierCredentials {
  NotifierId id;
  crypto::AuthPublicKey key;
  crypto::X25519Secret dh_secret;  // encrypts notifications for the recipient
  std::optional<ServiceId> service;

  [[nodiscard]] NotifierCredentials clone() const { return {id, key, dh_secret.clone(), service}; }
};

struct Blocking {
  BlockingReason reason = BlockingReason::spam;
  std::optional<std::string> notice;  // JSON, as it was given

  friend bool operator==(const Blocking&, const Blocking&) = default;
};
// "reason=spam,notice={...}", as the log and ERR BLOCKED have it.
[[nodiscard]] std::string format(const Blocking& blocking);

enum class QueueStatus : std::uint8_t { active, suspended, blocked };

// There is one for every queue in memory: ordered by alignment, so that it has no gaps.
struct QueueRecord {
  RecipientId recipient_id;
  SenderId sender_id;
  crypto::X25519Secret dh_secret;  // agreed at creation; messages are encrypted with it
  std::optional<crypto::AuthPublicKey> sender_key;
  std::optional<protocol::QueueMode> mode;
  QueueStatus status = QueueStatus::active;
  std::optional<ServiceId> service;
  std::optional<Date> updated;
  RecipientKeys recipient_keys;                   // at least one
  std::shared_ptr<const LinkData> link;           // null: none
  std::unique_ptr<NotifierCredentials> notifier;  // null: none
  std::unique_ptr<Blocking> blocking;             // when blocked

  [[nodiscard]] QueueRecord clone() const;

  // Contact queues take messages of anyone, and show their link data to anyone with the link.
  [[nodiscard]] bool is_contact() const {
    return mode ? *mode == protocol::QueueMode::contact : !sender_key.has_value();
  }
  [[nodiscard]] bool is_secured_messaging() const {
    return mode != protocol::QueueMode::contact && sender_key.has_value();
  }
};

// Immutable once made, so that it is passed between threads and held back for slow readers without a copy.
struct StoredMessage {
  MessageId id;              // 24 octets: the nonce that the body is encrypted with for the recipient
  std::int64_t sent_at = 0;  // seconds since the epoch
  bool notification = false;
  bool quota = false;          // the marker that the queue was full; no body
  Bytes body;                  // as the sender encrypted it
  std::uint64_t position = 0;  // in its queue: greater than that of the message before; given by the engine
};
using MessagePtr = std::shared_ptr<const StoredMessage>;

}  // namespace simplex::smp::server
