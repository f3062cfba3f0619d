// Transport blocks: 16,384 octets, always. Plain: 2-byte length || content || '#'. From SMP v11, with a client key:
// a secret box of that (block_chain.hpp). (simplex-messaging.md, "SMP Transport protocol")
#pragma once

#include <functional>

#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"

namespace simplex::transport {

inline constexpr std::size_t block_size = 16'384;
inline constexpr std::size_t max_plain_content = block_size - 2;
inline constexpr std::size_t max_encrypted_content = block_size - 16 - 2;

// Cuts a stream into blocks. Holds memory only while a block is incomplete.
class BlockReader {
 public:
  // Calls `block` for each block that is now complete; a block that lies in the input as a whole is not copied. The view
  // is valid during the call. Stops early, and forgets the rest, when `block` returns false.
  template <class F>
  void feed(BytesView octets, F&& block) {
    while (!octets.empty()) {
      if (partial_.empty() && octets.size() >= block_size) {
        const auto whole = octets.first(block_size);
        octets = octets.subspan(block_size);
        if (!block(whole)) return;
        continue;
      }
      octets = octets.subspan(fill(octets));
      if (partial_.size() < block_size) return;
      const Bytes whole = take();
      if (!block(BytesView(whole))) return;
    }
  }

  // Octets of a block that has begun.
  [[nodiscard]] std::size_t partial() const noexcept { return partial_.size(); }

 private:
  std::size_t fill(BytesView octets);
  Bytes take() noexcept;
  Bytes partial_;
};

// Content that is longer than 16,382 octets is over the limit.
[[nodiscard]] Result<Bytes> plain_block(BytesView content);
// A length field that says more than the block holds is malformed.
[[nodiscard]] Result<BytesView> content_of_plain_block(BytesView block);

}  // namespace simplex::transport
