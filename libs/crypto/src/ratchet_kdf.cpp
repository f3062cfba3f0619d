#include "ratchet_kdf.hpp"

#include "simplex/crypto/hkdf.hpp"

namespace simplex::crypto {

namespace {

using Derived = Secret<struct RatchetDerivedTag, 96>;

}  // namespace

RootStep root_step(const RootKey& root_key, const X448Secret& agreed, const KemSharedSecret* kem_secret) {
  Secret<struct RootInputTag, 56 + 32> input;
  auto next = std::ranges::copy(agreed.reveal(), input.reveal_mutable().begin()).out;
  if (kem_secret != nullptr) next = std::ranges::copy(kem_secret->reveal(), next).out;
  const auto size = static_cast<std::size_t>(next - input.reveal_mutable().begin());
  Derived derived;
  hkdf_sha512_into(root_key.reveal(), input.reveal().first(size), "SimpleXRootRatchet", derived.reveal_mutable());
  return {*RootKey::from(derived.reveal().first(32)), *RatchetChainKey::from(derived.reveal().subspan(32, 32)),
          *HeaderKey::from(derived.reveal().subspan(64))};
}

ChainStep chain_step(const RatchetChainKey& chain_key) {
  Derived derived;
  hkdf_sha512_into({}, chain_key.reveal(), "SimpleXChainRatchet", derived.reveal_mutable());
  return {*RatchetChainKey::from(derived.reveal().first(32)),
          {*AesKey::from(derived.reveal().subspan(32, 32)), *AesIv16::from(derived.reveal().subspan(64, 16))},
          *AesIv16::from(derived.reveal().subspan(80))};
}

}  // namespace simplex::crypto
