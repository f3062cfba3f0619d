#include "simplex/protocol/sealed_link_data.hpp"

#include <algorithm>

#include "simplex/crypto/hash.hpp"
#include "simplex/crypto/hkdf.hpp"
#include "simplex/crypto/pad.hpp"

namespace simplex::protocol {

namespace {

constexpr std::size_t nonce_size = crypto::CbNonce::size_bytes;
constexpr std::size_t signature_size = 1 + crypto::Ed25519Signature::size_bytes;

static_assert(max_fixed_link_data ==
              sealed_fixed_size - nonce_size - crypto::box_tag_size - crypto::pad_overhead - signature_size);
static_assert(max_user_link_data ==
              sealed_user_size - nonce_size - crypto::box_tag_size - crypto::pad_overhead - signature_size);

std::unexpected<Error> untrusted(std::string_view what) {
  return fail(ErrorKind::authentication,
              "The data of the link is not what its owner made (" + std::string(what) +
                  "). The link or its relay is not to be trusted: ask for the link again, another way.",
              Advice::ask_user);
}

std::unexpected<Error> unreadable(const Error& error) {
  return fail(error.kind, "The data of the link cannot be read (" + error.message + "). Ask for a new link.",
              Advice::ask_user);
}

LinkKey key_of(BytesView fixed_data) { return LinkKey(crypto::sha3_256(fixed_data).view()); }

Bytes with_signature(const crypto::Ed25519PrivateKey& key, BytesView data) {
  Writer writer(signature_size + data.size());
  writer.short_string(crypto::sign(key, data).view()).raw(data);
  return std::move(writer).take();
}

Result<Bytes> seal(Random& random, const crypto::SecretBoxKey& key, BytesView signed_data, std::size_t sealed_size) {
  const auto nonce = crypto::random_nonce(random);
  Bytes sealed(sealed_size);
  std::ranges::copy(nonce.view(), sealed.begin());
  SIMPLEX_TRY(
      crypto::seal_padded_into(crypto::box_key(key), nonce, signed_data, MutableBytes(sealed).subspan(nonce_size)));
  return sealed;
}

// Decrypted, with its signature taken apart.
struct Opened {
  Bytes octets;
  crypto::Ed25519Signature signature;

  [[nodiscard]] BytesView data() const noexcept { return BytesView(octets).subspan(signature_size); }
  [[nodiscard]] bool signed_with(const crypto::Ed25519PublicKey& key) const {
    return crypto::verify(key, signature, data());
  }
};

Result<Opened> open(const crypto::BoxKey& key, BytesView sealed) {
  if (sealed.size() > max_sealed_size) return fail(ErrorKind::limit, "it is longer than a block");
  Reader reader(sealed);
  SIMPLEX_ASSIGN(const BytesView nonce, reader.take(nonce_size));
  auto octets = crypto::open_padded(key, crypto::cb_nonce(nonce), reader.tail());
  if (!octets) return fail(octets.error().kind, "it was not encrypted for this link, or was changed");
  Reader inside(*octets);
  SIMPLEX_ASSIGN(const BytesView signature, inside.short_string());
  const auto right_size = crypto::Ed25519Signature::from(signature);
  if (!right_size) return fail(ErrorKind::malformed, "its signature has a wrong size");
  return Opened{std::move(*octets), *right_size};
}

Result<> check_user_signature(const Opened& opened, const UserLinkData& user,
                              const crypto::Ed25519PublicKey& root_key) {
  const auto* contact = std::get_if<ContactUserData>(&user.data);
  if (contact != nullptr) {
    if (const auto owners = check_owners(root_key, contact->owners); !owners) return untrusted(owners.error().message);
  }
  if (opened.signed_with(root_key)) return {};
  const auto signed_by = [&](const LinkOwner& owner) { return opened.signed_with(owner.key); };
  if (contact != nullptr && std::ranges::any_of(contact->owners, signed_by)) return {};
  return untrusted("user data signature");
}

LinkData& request_of(FullLink& link) {
  return std::visit([](auto& one) -> LinkData& { return one.data; }, link);
}

ShortLink link_at(ServerAddress server, const LinkKey& key) {
  ShortLink link;
  link.scheme = ShortLinkScheme::server;
  link.server = std::move(server);
  link.key = key;
  return link;
}

}  // namespace

SenderId sender_id_of(const CorrId& corr_id) {
  return SenderId(crypto::sha3_384(corr_id.view()).view().first(CorrId::size_bytes));
}

LinkKeys contact_link_keys(const LinkKey& key) {
  SecretBytes derived(link_id_size + crypto::SecretBoxKey::size_bytes);
  crypto::hkdf_sha512_into({}, key.view(), "SimpleXContactLink", derived.reveal_mutable());
  LinkKeys keys;
  keys.id = LinkId(derived.reveal().first(link_id_size));
  std::ranges::copy(derived.reveal().subspan(link_id_size), keys.box_key.reveal_mutable().begin());
  return keys;
}

crypto::SecretBoxKey invitation_box_key(const LinkKey& key) {
  crypto::SecretBoxKey box_key;
  crypto::hkdf_sha512_into({}, key.view(), "SimpleXInvLink", box_key.reveal_mutable());
  return box_key;
}

LinkKeys keys_of(const ShortLink& link) {
  if (!link.is_invitation()) return contact_link_keys(link.key);
  return LinkKeys{link.link_id, invitation_box_key(link.key)};
}

Result<SignedFixedData> sign_link_data(const FixedLinkData& data, const crypto::Ed25519PrivateKey& root_key) {
  if (crypto::public_key(root_key) != data.root_key)
    return fail(ErrorKind::conflict, "a link's data names another root key than the one that signs it");
  SIMPLEX_ASSIGN(const Bytes octets, encode(data));
  return SignedFixedData{key_of(octets), with_signature(root_key, octets)};
}

Result<Bytes> sign_link_data(const UserLinkData& data, const crypto::Ed25519PrivateKey& key) {
  SIMPLEX_ASSIGN(const Bytes octets, encode(data));
  return with_signature(key, octets);
}

Result<Bytes> seal_fixed_data(Random& random, const crypto::SecretBoxKey& key, BytesView signed_data) {
  return seal(random, key, signed_data, sealed_fixed_size);
}

Result<Bytes> seal_user_data(Random& random, const crypto::SecretBoxKey& key, BytesView signed_data) {
  return seal(random, key, signed_data, sealed_user_size);
}

Result<LinkContents> open_link_data(ConnectionMode mode, const LinkKey& key, const crypto::SecretBoxKey& box_key,
                                    BytesView sealed_fixed, BytesView sealed_user) {
  const auto boxes = crypto::box_key(box_key);
  const auto opened_fixed = open(boxes, sealed_fixed);
  if (!opened_fixed) return unreadable(opened_fixed.error());
  const auto opened_user = open(boxes, sealed_user);
  if (!opened_user) return unreadable(opened_user.error());
  if (key_of(opened_fixed->data()) != key) return untrusted("link data hash");

  auto fixed = decode_fixed_link_data(opened_fixed->data());
  if (!fixed) return unreadable(fixed.error());
  if (!opened_fixed->signed_with(fixed->root_key)) return untrusted("link data signature");
  auto user = decode_user_link_data(opened_user->data());
  if (!user) return unreadable(user.error());
  if (mode_of(*fixed) != mode || mode_of(*user) != mode) return untrusted("it is of another kind than the link");
  SIMPLEX_TRY(check_user_signature(*opened_user, *user, fixed->root_key));
  return LinkContents{std::move(*fixed), std::move(*user)};
}

Result<LinkContents> open_link(const ShortLink& link, const SenderId& sender_id, BytesView sealed_fixed,
                               BytesView sealed_user) {
  const auto mode = link.is_invitation() ? ConnectionMode::invitation : ConnectionMode::contact;
  SIMPLEX_ASSIGN(auto contents, open_link_data(mode, link.key, keys_of(link).box_key, sealed_fixed, sealed_user));
  auto& queue = request_of(contents.fixed.request).queues.front().address;
  const bool same_host = std::ranges::find(queue.server.hosts, link.server.hosts.front()) != queue.server.hosts.end();
  if (!same_host || queue.sender_id != sender_id) return untrusted("it was made for another address");
  queue.server = link.server;
  return contents;
}

Result<LinkCredentials> make_link(Random& random, const FixedLinkData& fixed, crypto::Ed25519PrivateKey root_key) {
  SIMPLEX_ASSIGN(auto signed_fixed, sign_link_data(fixed, root_key));
  auto keys = mode_of(fixed) == ConnectionMode::contact ? contact_link_keys(signed_fixed.key)
                                                        : LinkKeys{{}, invitation_box_key(signed_fixed.key)};
  SIMPLEX_ASSIGN(auto sealed_fixed, seal_fixed_data(random, keys.box_key, signed_fixed.octets));
  return LinkCredentials{std::move(keys.id), std::move(signed_fixed.key), std::move(root_key), fixed.root_key,
                         std::move(sealed_fixed)};
}

Result<Bytes> make_user_data(Random& random, const LinkCredentials& credentials, const UserLinkData& user) {
  const auto contact = contact_link_keys(credentials.key);
  const auto mode = contact.id == credentials.id ? ConnectionMode::contact : ConnectionMode::invitation;
  if (mode_of(user) != mode)
    return fail(ErrorKind::conflict, "the user data of a link is of another kind than the link");
  if (const auto* data = std::get_if<ContactUserData>(&user.data)) {
    SIMPLEX_TRY(check_signer(credentials.root_key, crypto::public_key(credentials.signing_key), data->owners));
  }
  SIMPLEX_ASSIGN(const Bytes signed_data, sign_link_data(user, credentials.signing_key));
  const auto key = mode == ConnectionMode::contact ? contact.box_key.clone() : invitation_box_key(credentials.key);
  return seal_user_data(random, key, signed_data);
}

ShortLink invitation_link_of(const LinkCredentials& credentials, ServerAddress server) {
  ShortLink link = link_at(std::move(server), credentials.key);
  link.link_id = credentials.id;
  return link;
}

ShortLink contact_link_of(const LinkCredentials& credentials, ServerAddress server, ContactKind kind) {
  ShortLink link = link_at(std::move(server), credentials.key);
  link.contact = kind;
  return link;
}

}  // namespace simplex::protocol
