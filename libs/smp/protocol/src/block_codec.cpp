#include "simplex/smp/block_codec.hpp"

namespace simplex::smp {

BlockCodec::BlockCodec(Side side, const crypto::X25519Secret& agreed, BytesView session_id) {
  crypto::ChainKeys keys = crypto::init_chains(agreed, session_id);
  if (side == Side::relay) {
    chains_.emplace(Chains{std::move(keys.first), std::move(keys.second)});
  } else {
    chains_.emplace(Chains{std::move(keys.second), std::move(keys.first)});
  }
}

Result<Bytes> BlockCodec::encode(BytesView content) {
  if (!chains_) return protocol::pad_block(content);
  Bytes block(protocol::block_size);
  SIMPLEX_TRY(crypto::encrypt_block(chains_->sending, content, block));
  return block;
}

Result<BytesView> BlockCodec::decode(MutableBytes block) {
  if (block.size() != protocol::block_size) return fail(ErrorKind::malformed, "block of a wrong size");
  if (!chains_) return protocol::unpad_block(block);
  SIMPLEX_ASSIGN(const MutableBytes content, crypto::decrypt_block(chains_->receiving, block));
  return BytesView(content);
}

}  // namespace simplex::smp
