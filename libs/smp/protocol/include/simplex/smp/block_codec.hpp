// Blocks of one SMP connection after the handshake: padded, and from version 11 encrypted with a key that changes with
// each block (simplex-messaging.md, "Transport connection"; vectors: smp_commands.json encrypted_block).
#pragma once

#include <optional>

#include "simplex/crypto/block_chain.hpp"
#include "simplex/protocol/block.hpp"

namespace simplex::smp {

enum class Side : std::uint8_t { client, relay };

// One for each connection. After an error the connection is to be closed: the chains of both sides differ.
class BlockCodec {
 public:
  // Padding only: below version 11, or where the handshake agreed on no key, or with a proxy.
  BlockCodec() = default;
  // With encryption. agreed: from the handshake's session keys.
  BlockCodec(Side side, const crypto::X25519Secret& agreed, BytesView session_id);

  [[nodiscard]] bool encrypted() const noexcept { return chains_.has_value(); }

  // A block of 16,384 octets. Content that does not fit (a Batch always does) is a limit error, and nothing changes.
  [[nodiscard]] Result<Bytes> encode(BytesView content);
  // The content, inside the block, which is decrypted in place. Another size than 16,384 is malformed.
  [[nodiscard]] Result<BytesView> decode(MutableBytes block);

 private:
  struct Chains {
    crypto::ChainKey sending;
    crypto::ChainKey receiving;
  };
  std::optional<Chains> chains_;
};

}  // namespace simplex::smp
