// Key derivation of the ratchet: HKDF-SHA512 in its two uses. Internal.
#pragma once

#include "simplex/crypto/dh.hpp"
#include "simplex/crypto/ratchet.hpp"

namespace simplex::crypto {

struct RootStep {
  RootKey root_key;
  RatchetChainKey chain_key;
  HeaderKey next_header_key;
};
// Info "SimpleXRootRatchet", the root key as salt, over the agreement and the KEM secret, if any.
[[nodiscard]] RootStep root_step(const RootKey& root_key, const X448Secret& agreed, const KemSharedSecret* kem_secret);

struct ChainStep {
  RatchetChainKey chain_key;
  MessageKey message_key;
  AesIv16 header_iv;
};
// Info "SimpleXChainRatchet", no salt.
[[nodiscard]] ChainStep chain_step(const RatchetChainKey& chain_key);

}  // namespace simplex::crypto
