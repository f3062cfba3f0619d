// Parts of SMP commands and messages.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "simplex/base/clock.hpp"
#include "simplex/crypto/keys.hpp"
#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/writer.hpp"
#include "simplex/protocol/queue_address.hpp"
#include "simplex/smp/ids.hpp"

namespace simplex::smp {

using protocol::BasicAuth;
using protocol::QueueMode;

// Octets that may fill a block: a view into the received block or into the caller's memory, never owned. Valid as long
// as that memory; what has to live longer is copied with to_bytes(x.bytes). Compares by content.
struct Content {
  BytesView bytes;

  Content() = default;
  explicit Content(BytesView view) : bytes(view) {}
  [[nodiscard]] std::size_t size() const noexcept { return bytes.size(); }

  friend bool operator==(const Content& a, const Content& b) noexcept { return std::ranges::equal(a.bytes, b.bytes); }
};

// Sent with each message, in the clear for the relay. 'T' | 'F'; what follows up to the space is from newer clients and
// ignored. At most 7 octets.
struct MessageFlags {
  bool notification = false;

  friend bool operator==(const MessageFlags&, const MessageFlags&) = default;
};
[[nodiscard]] Result<MessageFlags> read_message_flags(Reader& reader);
void write_message_flags(Writer& writer, MessageFlags flags);

// Whether NEW also subscribes. 'S' | 'C'
enum class SubscriptionMode : std::uint8_t { subscribe, only_create };

// Encrypted data of a short link: fixed part and user's part, each with a 2-byte length. Views, see Content.
struct QueueLinkData {
  Content fixed;
  Content user;

  friend bool operator==(const QueueLinkData&, const QueueLinkData&) = default;
};

// MD5 of queue ids, combined by exclusive or: 16 octets. Says whether client and relay agree on a service's queues.
struct IdsHashTag;
using IdsHash = FixedBytes<IdsHashTag, 16>;
[[nodiscard]] IdsHash combine(const IdsHash& a, const IdsHash& b) noexcept;

struct NotifierKeys {
  crypto::AuthPublicKey auth_key;
  crypto::X25519PublicKey dh_key;

  friend bool operator==(const NotifierKeys&, const NotifierKeys&) = default;
};

// A service's view of its queues.
struct ServiceQueues {
  std::int64_t count = -1;  // -1: not said (below version 19)
  IdsHash hash;

  friend bool operator==(const ServiceQueues&, const ServiceQueues&) = default;
};

// "name.simplex", "sub.name.testing", "example.com": labels of ASCII letters, digits and single inner hyphens, at most
// 63 octets each, 253 in all, in lower case.
class SimplexDomain {
 public:
  [[nodiscard]] static Result<SimplexDomain> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  friend auto operator<=>(const SimplexDomain&, const SimplexDomain&) = default;

 private:
  explicit SimplexDomain(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// Answer to RSLV, JSON on the wire. Empty text: not set.
struct NameRecord {
  std::string name;
  std::string nickname;
  std::string website;
  std::string location;
  std::vector<std::string> simplex_contact;  // links, the first is the main one
  std::vector<std::string> simplex_channel;
  std::optional<std::string> eth;
  std::optional<std::string> btc;
  std::optional<std::string> xmr;
  std::optional<std::string> dot;
  std::string owner;
  std::string resolver;

  friend bool operator==(const NameRecord&, const NameRecord&) = default;
};

// Answer to QUE, JSON on the wire: the state of a queue, for debugging by its recipient.
enum class SubscriptionState : std::uint8_t { none, pending, thread, prohibited };
enum class StoredMessageKind : std::uint8_t { message, quota };
struct QueueState {
  struct Subscription {
    SubscriptionState state = SubscriptionState::none;
    std::optional<std::string> delivered;  // base64 of the message id that waits for ACK

    friend bool operator==(const Subscription&, const Subscription&) = default;
  };
  struct FirstMessage {
    std::string id;    // base64
    std::string time;  // ISO 8601, UTC
    StoredMessageKind kind = StoredMessageKind::message;

    friend bool operator==(const FirstMessage&, const FirstMessage&) = default;
  };
  bool secured = false;
  bool notifications = false;
  std::optional<Subscription> subscription;
  std::int64_t size = 0;
  std::optional<FirstMessage> first_message;

  friend bool operator==(const QueueState&, const QueueState&) = default;
};

}  // namespace simplex::smp
