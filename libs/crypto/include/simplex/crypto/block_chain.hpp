// Encryption of transport blocks (SMP v11): every block has its own key and nonce from a hash chain, one chain for each
// direction. The relay sends with `first` and receives with `second`, the client the other way round.
//
//   init:  HKDF-SHA512(salt = session id, agreed secret, "SimpleXSbChainInit") -> first (32), second (32)
//   step:  HKDF-SHA512(no salt, chain key, "SimpleXSbChain") -> next chain key (32), box key (32), nonce (24)
//   block: secret box of the padded content: tag (16) || padded content (16,368 in an SMP block)
#pragma once

#include "simplex/crypto/box.hpp"

namespace simplex::crypto {

using ChainKey = Secret<struct ChainKeyTag, 32>;

struct ChainKeys {
  ChainKey first;
  ChainKey second;
};
// session_id may be empty (remote control has no salt).
[[nodiscard]] ChainKeys init_chains(const X25519Secret& agreed, BytesView session_id);
[[nodiscard]] ChainKeys init_chains(BytesView agreed, BytesView session_id);

struct ChainStep {
  SecretBoxKey key;
  CbNonce nonce;
};
// Replaces the chain key by the next one.
[[nodiscard]] ChainStep advance(ChainKey& chain);

// One step, then the content padded and sealed into the whole of `block` (16,384 octets in SMP: content up to 16,366).
// The content may lie in place, at block + 18. Content that does not fit is over the limit, and the chain stays.
[[nodiscard]] Result<> encrypt_block(ChainKey& chain, BytesView content, MutableBytes block);
// The same for a block whose content lies padded at block + 16 already. A block that can't hold the tag is over the
// limit.
[[nodiscard]] Result<> encrypt_padded_block(ChainKey& chain, MutableBytes block);
// One step, then the block is opened in place; the content lies inside. After an error the connection is of no use: the
// chain has moved on.
[[nodiscard]] Result<MutableBytes> decrypt_block(ChainKey& chain, MutableBytes block);
// The same into memory of the caller, as large as the block without its tag (else std::invalid_argument).
[[nodiscard]] Result<MutableBytes> decrypt_block_into(ChainKey& chain, BytesView block, MutableBytes out);

}  // namespace simplex::crypto
