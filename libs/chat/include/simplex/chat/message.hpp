// Chat messages: the JSON that contacts send each other inside agent messages and confirmations
// (docs/protocol/simplex-chat.md; chat.json). An agent message body is one element or a batch of them:
//
//   {…}                 one message                    [{…},{…}]    several
//   '=' count (len16 element)*                         binary batch, at most 255 elements
//   'X' count ('0' short-string | '1' len16 zstd)*     compressed; each item decompresses to an element or a batch
//   'F' msgId body      chunk of a small file          '/' binding signatures {…}    signed message (groups)
//   '>' forward ['/'…]{…}                              forwarded message (groups)
//
// Events that this program does not act upon come through as event::Other with their parameters.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "simplex/base/result.hpp"
#include "simplex/base/strong.hpp"
#include "simplex/encoding/version.hpp"

namespace simplex::chat {

inline constexpr ChatVersionRange supported_chat_versions{ChatVersion(1), ChatVersion(16)};

// Largest sizes in octets: a message and a profile in a confirmation, plain; and with the post-quantum ratchet, for
// which a larger one must be compressed to at most this.
inline constexpr std::size_t max_message_size = 15602;
inline constexpr std::size_t max_compressed_message_size = 13380;
inline constexpr std::size_t max_info_size = 14694;
inline constexpr std::size_t max_compressed_info_size = 10968;
inline constexpr std::size_t max_decompressed_size = 65536;

// Chosen by the sender, 12 random octets; the same id at both ends. Others may send another length.
struct SharedMessageIdTag;
using SharedMessageId = OpaqueBytes<SharedMessageIdTag>;

struct Profile {
  std::string display_name;
  std::string full_name;
  std::optional<std::string> short_description;
  std::optional<std::string> image;  // data: URI
  std::optional<std::string> contact_link;
  std::optional<std::string> preferences;  // JSON object
  std::optional<std::string> peer_type;    // "human" | "bot"

  friend bool operator==(const Profile&, const Profile&) = default;
};

// type is "text" and others; json is the whole content object, kept for types that are not shown yet.
struct MessageContent {
  std::string type;
  std::string text;
  std::string json;

  friend bool operator==(const MessageContent&, const MessageContent&) = default;
};
[[nodiscard]] MessageContent text_content(std::string_view text);

namespace event {
// x.msg.new. rest: the parameters besides content (quote, file, ttl, live, …), a JSON object.
struct MessageNew {
  MessageContent content;
  std::string rest = "{}";
};
// x.info
struct Info {
  Profile profile;
};
// x.contact. rest: contactReqId, welcomeMsgId, msgId, content.
struct Contact {
  Profile profile;
  std::string rest = "{}";
};
struct Ok {};             // x.ok
struct DirectDeleted {};  // x.direct.del: the contact deleted this conversation
// Any other event whose tag begins with "x."; params is a JSON object.
struct Other {
  std::string tag;
  std::string params;
};
}  // namespace event

using Event =
    std::variant<event::MessageNew, event::Info, event::Contact, event::Ok, event::DirectDeleted, event::Other>;

struct ChatMessage {
  ChatVersionRange versions = supported_chat_versions;
  std::optional<SharedMessageId> id;
  Event event;
};

// 'F': a chunk of a file that is sent inside messages; number 0 cancels.
struct FileChunk {
  SharedMessageId file;
  std::uint8_t number = 0;
  Bytes octets;
};

// Whom a forwarded message is from, and when the relay had it; as sent.
struct Forwarded {
  Bytes encoded;
};
struct Signed {
  char binding = 'G';
  Bytes signatures;  // 1-byte count, each: key reference, short-string signature
  std::string body;  // the exact octets that were signed
};

struct Element {
  std::variant<ChatMessage, FileChunk> content;
  std::optional<Forwarded> forwarded;
  std::optional<Signed> signature;
};

// Each element of a body, or why it is not one; the others stay usable.
[[nodiscard]] std::vector<Result<Element>> parse_chat_messages(BytesView body);

// One message as JSON text: v, msgId, event, params, and inside params the fields in alphabetical order.
[[nodiscard]] std::string encode_chat_message(const ChatMessage& message);
[[nodiscard]] Bytes encode_file_chunk(const FileChunk& chunk);

enum class BodyKind : std::uint8_t { message, connection_info };
// The octets for the agent: the JSON text itself, or compressed when the post-quantum ratchet leaves no room for it.
// limit when it does not fit.
[[nodiscard]] Result<Bytes> encode_body(std::string_view message_text, BodyKind kind, bool post_quantum);

}  // namespace simplex::chat
