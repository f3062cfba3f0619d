// Short links, as text and in binary form; what they lead to is in link_data.hpp (agent-protocol.md, "Short links";
// vectors: encoding.json connection_link_short, short_link_shorten, short_link_decode).
//
//   simplex:/TYPE#[LINKID/]KEY?h=HOST,...[&p=PORT][&c=KEYHASH]
//   https://HOST/TYPE#[LINKID/]KEY[?h=HOST,...][&p=PORT][&c=KEYHASH]
//   TYPE: i invitation (with its link id), a contact, c channel, g group, r relay
//   binary: 'I' | server | link id (short string) | key (short string), or 'C' | type 'A' 'C' 'G' 'R' | server | key
#pragma once

#include <optional>
#include <span>
#include <string>

#include "simplex/protocol/ids.hpp"
#include "simplex/protocol/server_address.hpp"

namespace simplex::protocol {

// Longer texts are refused unread, of full links too. A full link with KEM keys has about 3,000 octets.
inline constexpr std::size_t max_link_size = 16384;

// SHA3-256 of the link's fixed data: finds and decrypts it. Whoever has it has the link, which is made to be shown.
struct LinkKeyTag;
using LinkKey = OpaqueBytes<LinkKeyTag>;

enum class ShortLinkScheme : std::uint8_t { simplex, server };
enum class ContactKind : std::uint8_t { contact, channel, group, relay };

struct ShortLink {
  ShortLinkScheme scheme = ShortLinkScheme::simplex;
  std::optional<ContactKind> contact;  // nothing: an invitation
  ServerAddress server;                // of a preset server: one host, no port, no key hash
  LinkId link_id;                      // of an invitation; a contact's link id follows from its key
  LinkKey key;

  [[nodiscard]] bool is_invitation() const noexcept { return !contact; }
  friend auto operator<=>(const ShortLink&, const ShortLink&) = default;
};

// A whole text. Port numbers past 65,535 wrap, as everywhere in the network.
[[nodiscard]] Result<ShortLink> parse_short_link(std::string_view text);
[[nodiscard]] std::string format(const ShortLink& link);

// The scheme is not in the binary form; it is read as `server`.
[[nodiscard]] Result<ShortLink> read_short_link(Reader& reader);
void write_short_link(Writer& writer, const ShortLink& link);

// The same link, whatever its scheme: type, hosts and port of the server, link id and key.
[[nodiscard]] bool same_link(const ShortLink& a, const ShortLink& b) noexcept;

// With only the host of a preset server (all of them, not those a user has set), and back.
[[nodiscard]] ShortLink shorten(ShortLink link, std::span<const ServerAddress> preset_servers);
[[nodiscard]] ShortLink restore(ShortLink link, std::span<const ServerAddress> preset_servers);

}  // namespace simplex::protocol
