#include "simplex/crypto/block_chain.hpp"

#include <algorithm>

#include "simplex/crypto/hkdf.hpp"
#include "simplex/crypto/pad.hpp"

namespace simplex::crypto {

ChainKeys init_chains(const X25519Secret& agreed, BytesView session_id) {
  return init_chains(agreed.reveal(), session_id);
}

ChainKeys init_chains(BytesView agreed, BytesView session_id) {
  Secret<struct BothChainsTag, 64> both;
  hkdf_sha512_into(session_id, agreed, "SimpleXSbChainInit", both.reveal_mutable());
  return {*ChainKey::from(both.reveal().first(32)), *ChainKey::from(both.reveal().subspan(32))};
}

ChainStep advance(ChainKey& chain) {
  Secret<struct ChainOutputTag, 88> output;
  hkdf_sha512_into({}, chain.reveal(), "SimpleXSbChain", output.reveal_mutable());
  chain = *ChainKey::from(output.reveal().first(32));
  return {*SecretBoxKey::from(output.reveal().subspan(32, 32)), *CbNonce::from(output.reveal().subspan(64))};
}

Result<> encrypt_block(ChainKey& chain, BytesView content, MutableBytes block) {
  if (block.size() < box_tag_size || !fits_padded(content.size(), block.size() - box_tag_size)) {
    return fail(ErrorKind::limit, "content does not fit an encrypted block");
  }
  const auto step = advance(chain);
  return seal_padded_into(box_key(step.key), step.nonce, content, block);
}

Result<> encrypt_padded_block(ChainKey& chain, MutableBytes block) {
  if (block.size() < box_tag_size) return fail(ErrorKind::limit, "content does not fit an encrypted block");
  const auto step = advance(chain);
  seal_into(box_key(step.key), step.nonce, block.subspan(box_tag_size), block);
  return {};
}

Result<MutableBytes> decrypt_block(ChainKey& chain, MutableBytes block) {
  const auto step = advance(chain);
  return open_padded_in_place(box_key(step.key), step.nonce, block);
}

Result<MutableBytes> decrypt_block_into(ChainKey& chain, BytesView block, MutableBytes out) {
  const auto step = advance(chain);
  const auto tag = BoxTag::from(block.first(std::min(block.size(), box_tag_size)));
  if (!tag) return fail(ErrorKind::authentication, "an encrypted block is cut short");
  SIMPLEX_TRY(open_detached(box_key(step.key), step.nonce, block.subspan(box_tag_size), *tag, out));
  SIMPLEX_ASSIGN(const auto content, unpad(out));
  return out.subspan(pad_overhead, content.size());
}

}  // namespace simplex::crypto
