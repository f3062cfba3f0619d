#include "simplex/crypto/x3dh.hpp"

#include "simplex/crypto/dh.hpp"
#include "simplex/crypto/hkdf.hpp"

namespace simplex::crypto {

namespace {

// joining: key 1 of the joining party; the three agreements in the order of pqdr.md.
RatchetInitParams agree(const X448PublicKey& joining, const X448PublicKey& inviting, const X448Secret& first,
                        const X448Secret& second, const X448Secret& third, std::optional<KemAgreement> kem) {
  Secret<struct X3dhInputTag, 3 * 56 + 32> input;
  auto next = input.reveal_mutable().begin();
  for (const X448Secret* agreed : {&first, &second, &third}) {
    next = std::copy(agreed->reveal().begin(), agreed->reveal().end(), next);
  }
  if (kem) next = std::copy(kem->shared_secret.reveal().begin(), kem->shared_secret.reveal().end(), next);
  const auto size = static_cast<std::size_t>(next - input.reveal_mutable().begin());

  Secret<struct X3dhOutputTag, 96> output;
  hkdf_sha512_into({}, input.reveal().first(size), "SimpleXX3DH", output.reveal_mutable());
  RatchetInitParams params;
  const MutableBytes associated = params.associated_data.mutable_view();
  std::ranges::copy(joining.view(), associated.begin());
  std::ranges::copy(inviting.view(), associated.begin() + X448PublicKey::size_bytes);
  params.sending_header_key = *HeaderKey::from(output.reveal().first(32));
  params.receiving_next_header_key = *HeaderKey::from(output.reveal().subspan(32, 32));
  params.root_key = *RootKey::from(output.reveal().subspan(64));
  params.kem_accepted = std::move(kem);
  return params;
}

std::unexpected<Error> wrong_kem_state() {
  return fail(ErrorKind::conflict,
              "Post-quantum keys of the two sides do not fit: one accepted what the other did not propose.");
}

}  // namespace

std::optional<KemPublicKey> E2eRatchetParams::proposed_kem() const {
  if (!kem) return std::nullopt;
  const auto* proposed = std::get_if<KemProposed>(&*kem);
  return proposed == nullptr ? std::nullopt : std::optional(proposed->key);
}

E2eRatchetParamsUri with_versions(const E2eRatchetParams& params, E2eVersionRange versions) {
  return {versions, params.key1, params.key2, params.proposed_kem()};
}

E2eRatchetParams with_version(const E2eRatchetParamsUri& params, E2eVersion version) {
  E2eRatchetParams made{version, params.key1, params.key2, std::nullopt};
  if (params.kem) made.kem = KemProposed{*params.kem};
  return made;
}

E2eRatchetParams public_params(const X3dhReceiverKeys& keys, E2eVersion version) {
  E2eRatchetParams made{version, keys.key1.public_key, keys.key2.public_key, std::nullopt};
  if (keys.kem) made.kem = KemProposed{keys.kem->public_key};
  return made;
}

KemReply kem_reply(E2eVersion version, const std::optional<KemPublicKey>& proposed, PqSupport support) {
  if (support == PqSupport::off || version < e2e_version_pq) return {};
  if (proposed) return KemAccept{*proposed};
  return KemPropose{};
}

X3dhReceiver generate_receiver_params(Random& random, E2eVersion version, PqSupport support) {
  X3dhReceiverKeys keys{generate_x448(random), generate_x448(random), std::nullopt};
  if (support == PqSupport::on && version >= e2e_version_pq) keys.kem = generate_kem_key_pair(random);
  E2eRatchetParams params = public_params(keys, version);
  return {std::move(keys), std::move(params)};
}

X3dhSender generate_sender_params(Random& random, E2eVersion version, const KemReply& reply) {
  X3dhSenderKeys keys{generate_x448(random), generate_x448(random), std::nullopt};
  E2eRatchetParams params{version, keys.key1.public_key, keys.key2.public_key, std::nullopt};
  if (version < e2e_version_pq || std::holds_alternative<std::monostate>(reply)) {
    return {std::move(keys), std::move(params)};
  }
  KemKeyPair kem = generate_kem_key_pair(random);
  if (const auto* accept = std::get_if<KemAccept>(&reply)) {
    KemEncapsulation encapsulation = kem_encapsulate(accept->their_key, random);
    params.kem = KemAccepted{encapsulation.ciphertext, kem.public_key};
    keys.kem = KemAcceptedKeys{std::move(encapsulation), std::move(kem)};
  } else {
    params.kem = KemProposed{kem.public_key};
    keys.kem = std::move(kem);
  }
  return {std::move(keys), std::move(params)};
}

Result<RatchetInitParams> x3dh_sender(const X3dhSenderKeys& ours, const E2eRatchetParams& theirs) {
  std::optional<KemAgreement> kem;
  std::optional<KemKeyPair> kem_keys;
  if (ours.kem && theirs.version >= e2e_version_pq) {
    if (const auto* accepted = std::get_if<KemAcceptedKeys>(&*ours.kem)) {
      const auto proposed = theirs.proposed_kem();
      if (!proposed) return wrong_kem_state();
      kem = KemAgreement{*proposed, accepted->encapsulation.shared_secret.clone(), accepted->encapsulation.ciphertext};
      kem_keys = accepted->keys.clone();
    } else {
      // Both parties can propose, when a ratchet is negotiated again.
      kem_keys = std::get<KemKeyPair>(*ours.kem).clone();
    }
  }
  SIMPLEX_ASSIGN(const auto first, dh(theirs.key1, ours.key2.private_key));
  SIMPLEX_ASSIGN(const auto second, dh(theirs.key2, ours.key1.private_key));
  SIMPLEX_ASSIGN(const auto third, dh(theirs.key2, ours.key2.private_key));
  RatchetInitParams params = agree(ours.key1.public_key, theirs.key1, first, second, third, std::move(kem));
  params.kem_keys = std::move(kem_keys);
  return params;
}

Result<RatchetInitParams> x3dh_receiver(const X3dhReceiverKeys& ours, const E2eRatchetParams& theirs) {
  std::optional<KemAgreement> kem;
  std::optional<KemKeyPair> kem_keys;
  if (theirs.kem && theirs.version >= e2e_version_pq) {
    // A proposal of theirs is left to the headers of their messages, which repeat it.
    if (const auto* accepted = std::get_if<KemAccepted>(&*theirs.kem)) {
      if (!ours.kem) return wrong_kem_state();
      kem = KemAgreement{accepted->key, kem_decapsulate(accepted->ciphertext, ours.kem->secret_key),
                         accepted->ciphertext};
      kem_keys = ours.kem->clone();
    }
  }
  SIMPLEX_ASSIGN(const auto first, dh(theirs.key2, ours.key1.private_key));
  SIMPLEX_ASSIGN(const auto second, dh(theirs.key1, ours.key2.private_key));
  SIMPLEX_ASSIGN(const auto third, dh(theirs.key2, ours.key2.private_key));
  RatchetInitParams params = agree(theirs.key1, ours.key1.public_key, first, second, third, std::move(kem));
  params.kem_keys = std::move(kem_keys);
  return params;
}

}  // namespace simplex::crypto
