// Data of short links as relays keep it: signed, padded and encrypted with keys that follow from the link (agent-protocol.md,
// "Short links"; vectors: short_links.json).
//
//   sealed:    nonce (24) | secret box (tag 16) of the padded signed data: 2,048 octets of fixed data, 13,824 of user data
//   signed:    Ed25519 signature (short string, 64) | data (link_data.hpp)
//   link key:  SHA3-256 of the fixed data without its signature
//   contact:   HKDF(link key, "SimpleXContactLink"): link id 24, box key 32
//   1-time:    HKDF(link key, "SimpleXInvLink"): box key 32; the relay draws the link id
//
// A relay without the link can read nothing and change nothing unseen. It can keep the data from some, delete it, or show
// an older version of the user data: there is no number by which a reader would know.
#pragma once

#include "simplex/base/random.hpp"
#include "simplex/crypto/box.hpp"
#include "simplex/protocol/link_data.hpp"

namespace simplex::protocol {

inline constexpr std::size_t link_id_size = 24;
inline constexpr std::size_t sealed_fixed_size = 2'048;
inline constexpr std::size_t sealed_user_size = 13'824;
// More than a block has is refused unread; other sizes below it are read, as newer programs may choose them.
inline constexpr std::size_t max_sealed_size = 16'384;

// Of the queue that is made together with its link: the relay accepts no other (SMP NEW, v15). First 24 octets of the
// SHA3-384 of NEW's correlation id.
[[nodiscard]] SenderId sender_id_of(const CorrId& corr_id);

struct LinkKeys {
  LinkId id;  // where the relay has the data
  crypto::SecretBoxKey box_key;
};
[[nodiscard]] LinkKeys contact_link_keys(const LinkKey& key);
[[nodiscard]] crypto::SecretBoxKey invitation_box_key(const LinkKey& key);
[[nodiscard]] LinkKeys keys_of(const ShortLink& link);

struct SignedFixedData {
  LinkKey key;
  Bytes octets;
};
// The root key must be that of the data (else conflict). See encode() for the other errors.
[[nodiscard]] Result<SignedFixedData> sign_link_data(const FixedLinkData& data,
                                                     const crypto::Ed25519PrivateKey& root_key);
[[nodiscard]] Result<Bytes> sign_link_data(const UserLinkData& data, const crypto::Ed25519PrivateKey& key);

// Each with a new nonce. What does not fit is over the limit.
[[nodiscard]] Result<Bytes> seal_fixed_data(Random& random, const crypto::SecretBoxKey& key, BytesView signed_data);
[[nodiscard]] Result<Bytes> seal_user_data(Random& random, const crypto::SecretBoxKey& key, BytesView signed_data);

struct LinkContents {
  FixedLinkData fixed;
  UserLinkData user;
};
// Decrypts and checks: the fixed data has the hash that the link says and is signed with the root key in it; both parts
// are of the link's mode; the user data is signed with the root key, or with that of an owner; all owners were
// authorized. Errors are for the person that opened the link. Versions that we do not speak are no error: what the user
// data says can be shown all the same.
[[nodiscard]] Result<LinkContents> open_link_data(ConnectionMode mode, const LinkKey& key,
                                                  const crypto::SecretBoxKey& box_key, BytesView sealed_fixed,
                                                  BytesView sealed_user);

// The same for what a relay answered to LKEY or LGET about this link, whose server is restore()d. The relay's sender id and
// the link's server must be those of the first queue in the connection request, which then gets the server as the link
// has it.
[[nodiscard]] Result<LinkContents> open_link(const ShortLink& link, const SenderId& sender_id, BytesView sealed_fixed,
                                             BytesView sealed_user);

// What the maker of a link keeps, to change its user data. To be stored before the link is shown.
struct LinkCredentials {
  LinkId id;  // of an invitation: empty until the relay says it
  LinkKey key;
  crypto::Ed25519PrivateKey signing_key;
  crypto::Ed25519PublicKey root_key;  // that of the signing key, unless an owner was added here
  Bytes sealed_fixed;                 // LSET sends it again, octet for octet
};
// Signs and seals the fixed data; the link is known from here on, and may stand in its own user data. Errors: as of
// sign_link_data().
[[nodiscard]] Result<LinkCredentials> make_link(Random& random, const FixedLinkData& fixed,
                                                crypto::Ed25519PrivateKey root_key);
// The sealed user data of the link: the first, and each that takes the place of the one before. The fixed data and the link
// stay. Errors: as of encode() and check_signer(); conflict, for data of another kind than the link.
[[nodiscard]] Result<Bytes> make_user_data(Random& random, const LinkCredentials& credentials,
                                           const UserLinkData& user);

// The link of these credentials, at the server of its queue. kind: of a contact link.
[[nodiscard]] ShortLink invitation_link_of(const LinkCredentials& credentials, ServerAddress server);
[[nodiscard]] ShortLink contact_link_of(const LinkCredentials& credentials, ServerAddress server,
                                        ContactKind kind = ContactKind::contact);

}  // namespace simplex::protocol
