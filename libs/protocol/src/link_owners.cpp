#include "simplex/protocol/link_owners.hpp"

#include <algorithm>

#include "simplex/crypto/key_encoding.hpp"

namespace simplex::protocol {

namespace {

Bytes authorized_octets(const OwnerId& id, const crypto::Ed25519PublicKey& key) {
  return std::move(Writer().raw(id.view()).raw(crypto::to_spki(key))).take();
}

std::string owner_number(std::size_t index) { return "owner number " + std::to_string(index + 1) + " of the link"; }

}  // namespace

Result<LinkOwner> read_link_owner(Reader& reader) {
  SIMPLEX_ASSIGN(const BytesView octets, reader.short_string());
  Reader inside(octets);
  LinkOwner owner;
  SIMPLEX_ASSIGN(const BytesView id, inside.short_string());
  owner.id = OwnerId(id);
  SIMPLEX_ASSIGN(owner.key, crypto::read_key<crypto::Ed25519PublicKey>(inside));
  SIMPLEX_ASSIGN(const BytesView signature, inside.short_string());
  const auto authorization = crypto::Ed25519Signature::from(signature);
  if (!authorization) return fail(ErrorKind::malformed, "an owner of the link has an authorization of a wrong size");
  owner.authorization = *authorization;
  return owner;
}

void write_link_owner(Writer& writer, const LinkOwner& owner) {
  Writer inside;
  inside.short_string(owner.id.view());
  crypto::write_key(inside, owner.key);
  inside.short_string(owner.authorization.view());
  writer.short_string(inside.view());
}

Result<LinkOwner> authorize_owner(OwnerId id, const crypto::Ed25519PublicKey& key,
                                  const crypto::Ed25519PrivateKey& by) {
  if (id.size() > max_owner_id_size)
    return fail(ErrorKind::limit, "the id of a link's owner is longer than " + std::to_string(max_owner_id_size) +
                                      " octets; use a shorter one");
  const auto authorization = crypto::sign(by, authorized_octets(id, key));
  return LinkOwner{std::move(id), key, authorization};
}

Result<> check_owners(const crypto::Ed25519PublicKey& root_key, std::span<const LinkOwner> owners) {
  std::size_t checks = 0;
  for (std::size_t i = 0; i < owners.size(); ++i) {
    const LinkOwner& owner = owners[i];
    const auto before = owners.first(i);
    if (owner.key == root_key) return fail(ErrorKind::conflict, owner_number(i) + " has the key of the link itself");
    const bool repeated = std::ranges::any_of(
        before, [&](const LinkOwner& other) { return other.id == owner.id || other.key == owner.key; });
    if (repeated) return fail(ErrorKind::conflict, owner_number(i) + " has the id or the key of another one");

    const Bytes octets = authorized_octets(owner.id, owner.key);
    const auto authorized_by = [&](const crypto::Ed25519PublicKey& key) {
      ++checks;
      return crypto::verify(key, owner.authorization, octets);
    };
    bool authorized = authorized_by(root_key);
    for (std::size_t j = i; !authorized && j > 0; --j) {
      if (checks == max_owner_checks)
        return fail(ErrorKind::limit, "the link has more owners than can be checked; ask for another link");
      authorized = authorized_by(owners[j - 1].key);
    }
    if (!authorized)
      return fail(ErrorKind::authentication, owner_number(i) + " was authorized by none of those before it");
  }
  return {};
}

Result<> check_signer(const crypto::Ed25519PublicKey& root_key, const crypto::Ed25519PublicKey& signer,
                      std::span<const LinkOwner> owners) {
  const bool listed = std::ranges::any_of(owners, [&](const LinkOwner& owner) { return owner.key == signer; });
  if (signer != root_key && !listed)
    return fail(ErrorKind::conflict, "the link's data can be changed by its owners only, and you are not among them");
  return check_owners(root_key, owners);
}

}  // namespace simplex::protocol
