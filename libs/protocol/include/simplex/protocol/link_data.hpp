// What a short link leads to, in the clear (agent-protocol.md, "Link data encryption"; vectors: short_links.json). The
// relay keeps it sealed, see sealed_link_data.hpp.
//
//   fixed data:  agent versions (4) | root key (short string, SPKI) | connection request | [entity id (short string)]
//                connection request: the binary form of a full link
//   user data:   'I' | agent versions (4) | content
//                'C' | agent versions (4) | direct 'T' 'F' | owners (list) | relays (list of short links) | content
//   content:     short string of up to 254 octets, or 0xFF and a string with a 2-byte length
//
// What follows either is from newer programs and ignored. Fixed data never changes: its hash is the link's key.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "simplex/protocol/connection_link.hpp"
#include "simplex/protocol/link_owners.hpp"

namespace simplex::protocol {

// What fits into the sealed forms, in octets. An invitation with KEM keys takes about 1,550 of fixed data.
inline constexpr std::size_t max_fixed_link_data = 1'941;
inline constexpr std::size_t max_user_link_data = 13'717;
inline constexpr std::size_t max_entity_id_size = 255;

struct FixedLinkData {
  AgentVersionRange agent_versions;     // of the maker's program, when the link was made
  crypto::Ed25519PublicKey root_key;    // signs this, and the user data
  FullLink request;                     // how to connect; for a contact link that is not direct, not to be used
  std::optional<Bytes> entity_id = {};  // the application's own, such as a group's id

  friend bool operator==(const FixedLinkData&, const FixedLinkData&) = default;
};

struct InvitationUserData {
  Bytes content;  // the application's own, such as a profile

  friend bool operator==(const InvitationUserData&, const InvitationUserData&) = default;
};

struct ContactUserData {
  bool direct = true;             // the request of the fixed data may be used; if not, only the relays
  std::vector<LinkOwner> owners;  // may sign this data besides the root key
  std::vector<ShortLink> relays;  // contact links that take requests in the place of this one
  Bytes content;                  // the application's own

  friend bool operator==(const ContactUserData&, const ContactUserData&) = default;
};

struct UserLinkData {
  AgentVersionRange agent_versions;  // of the signer's program, when this was signed
  std::variant<InvitationUserData, ContactUserData> data;

  [[nodiscard]] const Bytes& content() const noexcept;
  friend bool operator==(const UserLinkData&, const UserLinkData&) = default;
};

[[nodiscard]] ConnectionMode mode_of(const FixedLinkData& data) noexcept;
[[nodiscard]] ConnectionMode mode_of(const UserLinkData& data) noexcept;

// What does not fit is over the limit; an invitation among the relays is malformed.
[[nodiscard]] Result<Bytes> encode(const FixedLinkData& data);
[[nodiscard]] Result<Bytes> encode(const UserLinkData& data);
[[nodiscard]] Result<FixedLinkData> decode_fixed_link_data(BytesView octets);
// Says nothing about the owners' authorizations: see check_owners.
[[nodiscard]] Result<UserLinkData> decode_user_link_data(BytesView octets);

}  // namespace simplex::protocol
