#include "simplex/transport/block_coder.hpp"

#include <stdexcept>

#include "simplex/crypto/block_chain.hpp"
#include "simplex/crypto/pad.hpp"

namespace simplex::transport {

using crypto::pad_overhead;

std::size_t BlockCoder::room() const noexcept { return pad_overhead + (keys_ ? crypto::box_tag_size : 0); }

Result<Bytes> BlockCoder::make(Bytes content) {
  if (content.size() < room()) throw std::invalid_argument("no room was left before the content of a block");
  if (content.size() > block_size) return fail(ErrorKind::limit, "content does not fit into a block");
  const auto size = content.size() - room();
  content.resize(block_size, '#');
  content[room() - 2] = static_cast<std::uint8_t>(size >> 8);
  content[room() - 1] = static_cast<std::uint8_t>(size & 0xFF);
  if (keys_) SIMPLEX_TRY(crypto::encrypt_padded_block(keys_->send, content));
  return content;
}

Result<BytesView> BlockCoder::open(BytesView block, Memory& memory) {
  if (block.size() != block_size) return fail(ErrorKind::malformed, "a block of a wrong size");
  if (!keys_) return content_of_plain_block(block);
  SIMPLEX_ASSIGN(
      const auto content,
      crypto::decrypt_block_into(keys_->receive, block, MutableBytes(memory).first(block_size - crypto::box_tag_size)));
  return content;
}

}  // namespace simplex::transport
