// Owners of a contact link: keys besides the root key that may sign a change of its data, so that a group or channel
// survives the loss of its maker's device (agent-protocol.md, "Link data encryption"; vectors: short_links.json
// validate_owners).
//
//   owner:  short string of [ id (short string) | Ed25519 key (short string, SPKI) | signature (short string, 64) ]
//           what follows inside is from newer programs and ignored
//   authorization: signature of id || SPKI of the key, with the root key or the key of an owner before it in the list
//
// So an owner can drop those that came after it, but neither itself from their chain nor those before it.
#pragma once

#include <span>

#include "simplex/base/result.hpp"
#include "simplex/crypto/signature.hpp"
#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/writer.hpp"

namespace simplex::protocol {

// The application's own name for an owner, such as a group member's id. At most max_owner_id_size octets.
struct OwnerIdTag;
using OwnerId = OpaqueBytes<OwnerIdTag>;

// What an owner may take of its 255 octets.
inline constexpr std::size_t max_owner_id_size = 144;

// A list from the network is refused when it needs more signatures to be checked: about 0.1 s of work. Of owners that the
// root key authorized, each needs one.
inline constexpr std::size_t max_owner_checks = 2'048;

struct LinkOwner {
  OwnerId id;
  crypto::Ed25519PublicKey key;
  crypto::Ed25519Signature authorization;

  friend bool operator==(const LinkOwner&, const LinkOwner&) = default;
};

[[nodiscard]] Result<LinkOwner> read_link_owner(Reader& reader);
// The id must not be longer than max_owner_id_size (else std::length_error).
void write_link_owner(Writer& writer, const LinkOwner& owner);

// Makes an owner of whoever has the private half of `key`; `by` is the root key or an owner's key. Too long an id is
// over the limit.
[[nodiscard]] Result<LinkOwner> authorize_owner(OwnerId id, const crypto::Ed25519PublicKey& key,
                                                const crypto::Ed25519PrivateKey& by);

// That each was authorized by the root key or by one before it, that ids and keys differ, and that none is the root key.
// Errors: authentication, conflict, limit.
[[nodiscard]] Result<> check_owners(const crypto::Ed25519PublicKey& root_key, std::span<const LinkOwner> owners);

// The root key's owner, or one of a list that check_owners accepts: who may sign the data that holds the list. What is
// published without it, nobody would accept.
[[nodiscard]] Result<> check_signer(const crypto::Ed25519PublicKey& root_key, const crypto::Ed25519PublicKey& signer,
                                    std::span<const LinkOwner> owners);

}  // namespace simplex::protocol
