// Makes the blocks of one connection after the handshake, and opens those of its peer: padded (block.hpp), and encrypted
// where the handshake agreed on keys. Contents are not copied: a block is made where its content lies.
#pragma once

#include <array>
#include <optional>

#include "simplex/transport/block.hpp"
#include "simplex/transport/smp_handshake.hpp"

namespace simplex::transport {

class BlockCoder {
 public:
  explicit BlockCoder(std::optional<BlockKeys> keys) : keys_(std::move(keys)) {}

  // Octets that make() wants free before the content: 18, or 2 when blocks are not encrypted.
  [[nodiscard]] std::size_t room() const noexcept;
  // Octets of content that fit: 16,366, or 16,382 when blocks are not encrypted.
  [[nodiscard]] std::size_t max_content() const noexcept { return block_size - room(); }

  // The content follows room() octets. With 16,384 octets of reserved memory none is taken. Content that does not fit is
  // over the limit, and nothing changes.
  [[nodiscard]] Result<Bytes> make(Bytes content);

  // The content of a block of 16,384 octets: in the block, or decrypted in `memory`. After an error the next block may
  // be good: each has its own key.
  using Memory = std::array<std::uint8_t, block_size>;
  [[nodiscard]] Result<BytesView> open(BytesView block, Memory& memory);

 private:
  std::optional<BlockKeys> keys_;
};

}  // namespace simplex::transport
