// Connection links in full form: all that is needed to connect, in one text (agent-protocol.md, "Connection request";
// vectors: encoding.json connection_link_full, connection_link_decode).
//
//   simplex:/invitation#/?v=2-7&smp=QUEUE[;QUEUE...]&e2e=PARAMS[&data=TEXT]    one time
//   simplex:/contact#/?v=2-7&smp=QUEUE[;QUEUE...][&data=TEXT]                  an address, many times
//   https://HOST[:PORT]/invitation#/?...  the same, opened by a web page
//   PARAMS: v=2-3&x3dh=KEY1,KEY2[&kem_key=KEY]        (X448 keys as SPKI in base64url; all values percent-encoded)
//   binary: 'I' | data | e2e parameters, or 'C' | data
//   data:   agent versions (4) | queues (1-byte count) | client data (Maybe, 2-byte length)
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "simplex/crypto/x3dh.hpp"
#include "simplex/protocol/queue_address.hpp"
#include "simplex/protocol/short_link.hpp"

namespace simplex::protocol {

// Agent versions before 2 had another handshake; contact links that say 1 are read as from 2.
inline constexpr AgentVersion min_agent_version{2};

enum class ConnectionMode : std::uint8_t { invitation, contact };

// Of https links.
struct LinkSite {
  Host host;
  std::string port;  // digits, or empty

  friend bool operator==(const LinkSite&, const LinkSite&) = default;
};

struct LinkData {
  std::optional<LinkSite> site;  // nothing: "simplex:"
  AgentVersionRange agent_versions;
  std::vector<QueueUri> queues;            // at least one
  std::optional<std::string> client_data;  // the application's own, such as a group link id; UTF-8

  friend bool operator==(const LinkData&, const LinkData&) = default;
};

struct InvitationLink {
  LinkData data;
  crypto::E2eRatchetParamsUri e2e;

  friend bool operator==(const InvitationLink& a, const InvitationLink& b);
};

struct ContactLink {
  LinkData data;

  friend bool operator==(const ContactLink&, const ContactLink&) = default;
};

using FullLink = std::variant<InvitationLink, ContactLink>;
using ConnectionLink = std::variant<InvitationLink, ContactLink, ShortLink>;

[[nodiscard]] ConnectionMode mode_of(const ConnectionLink& link) noexcept;

// What a person pasted: full or short, white space around it is ignored. The error's message is for that person: what
// is wrong with the link and what to do about it; it never repeats the link.
[[nodiscard]] Result<ConnectionLink> parse_connection_link(std::string_view text);

// Exactly a full link. The site of an https link is forgotten, as every client does.
[[nodiscard]] Result<FullLink> parse_full_link(std::string_view text);
[[nodiscard]] std::string format(const InvitationLink& link);
[[nodiscard]] std::string format(const ContactLink& link);
[[nodiscard]] std::string format(const FullLink& link);
[[nodiscard]] std::string format(const ConnectionLink& link);

// Does not carry the site. A queue without a mode is read as contact.
[[nodiscard]] Result<FullLink> read_full_link(Reader& reader);
void write_full_link(Writer& writer, const FullLink& link);

// Text form of the double ratchet's parameters. kem_key is written only when the last version is at least 3.
[[nodiscard]] Result<crypto::E2eRatchetParamsUri> parse_e2e_params(std::string_view text);
[[nodiscard]] std::string format(const crypto::E2eRatchetParamsUri& params);

}  // namespace simplex::protocol
