// What two agents say to each other inside the double ratchet (agent-protocol.md, "Messages between SMP agents";
// vectors: agent_messages.json agent_message, prev_msg_hash_chain).
//
//   'I' connection information
//   'D' reply queues (1-byte count) | connection information
//   'R' information of a ratchet renegotiation
//   'M' number (8) | hash of the previous message (short string) | message:
//       'H'  'M' body  'V' receipts  'E' number  'QC' queue  'QA' queues  'QK' queues  'QU' queues  'QT' queues
#pragma once

#include <variant>
#include <vector>

#include "simplex/agent/envelope.hpp"
#include "simplex/agent/ids.hpp"
#include "simplex/crypto/hash.hpp"
#include "simplex/protocol/queue_address.hpp"

namespace simplex::agent {

// SHA-256 of an encoded AgentMessage from its 'M' on; empty before the first message.
struct MessageHashTag;
using MessageHash = OpaqueBytes<MessageHashTag>;
[[nodiscard]] MessageHash hash_of(BytesView encoded_agent_message);

struct AgentConnInfo {
  Content info;
};
struct AgentConnInfoReply {
  std::vector<protocol::QueueInfo> reply_queues;  // at least one
  Content info;
};
struct AgentRatchetInfo {
  Content info;
};

// A queue's name for its sender.
struct SenderQueue {
  protocol::ServerAddress server;
  protocol::SenderId sender_id;

  friend bool operator==(const SenderQueue&, const SenderQueue&) = default;
};

namespace message {

struct Hello {};
struct User {  // A_MSG
  Content body;
};
struct Receipts {  // A_RCVD
  struct Receipt {
    SenderMessageId message;
    MessageHash hash;
    Bytes info;
  };
  std::vector<Receipt> receipts;  // at least one
};
struct RatchetReady {  // EREADY
  SenderMessageId last_received;
};
struct QueueContinue {  // A_QCONT
  SenderQueue queue;
};
struct QueueAdd {  // QADD
  struct Added {
    protocol::QueueUri queue;
    std::optional<SenderQueue> replaces;
  };
  std::vector<Added> queues;
};
struct QueueKeys {  // QKEY
  struct Keyed {
    protocol::QueueInfo queue;
    crypto::AuthPublicKey sender_key;
  };
  std::vector<Keyed> queues;
};
struct QueueUse {  // QUSE
  struct Used {
    SenderQueue queue;
    bool primary = false;
  };
  std::vector<Used> queues;
};
struct QueueTest {  // QTEST
  std::vector<SenderQueue> queues;
};

}  // namespace message

using AMessage =
    std::variant<message::Hello, message::User, message::Receipts, message::RatchetReady, message::QueueContinue,
                 message::QueueAdd, message::QueueKeys, message::QueueUse, message::QueueTest>;

struct AgentMessage {
  SenderMessageId number;
  MessageHash previous;
  AMessage message;
};

using RatchetContent = std::variant<AgentConnInfo, AgentConnInfoReply, AgentRatchetInfo, AgentMessage>;

[[nodiscard]] Bytes encode(const RatchetContent& content);
[[nodiscard]] Result<RatchetContent> decode_ratchet_content(BytesView bytes);

}  // namespace simplex::agent
