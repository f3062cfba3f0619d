#include "simplex/transport/block.hpp"

#include <algorithm>
#include <utility>

#include "simplex/crypto/pad.hpp"

namespace simplex::transport {

std::size_t BlockReader::fill(BytesView octets) {
  const auto taken = std::min(octets.size(), block_size - partial_.size());
  if (partial_.empty()) partial_.reserve(block_size);
  append(partial_, octets.first(taken));
  return taken;
}

Bytes BlockReader::take() noexcept { return std::exchange(partial_, {}); }

Result<Bytes> plain_block(BytesView content) { return crypto::pad(content, block_size); }

Result<BytesView> content_of_plain_block(BytesView block) { return crypto::unpad(block); }

}  // namespace simplex::transport
