// Blocks: everything that SMP and NTF send is cut into blocks of 16,384 octets, padded so that an observer sees no
// sizes (simplex-messaging.md, "Transport connection"; vectors: smp_commands.json transmission, batch).
//
//   padded block:  length (2 octets) | content | '#' up to the block's size
//   content:       count (1 octet, 1..255) | count times: length (2 octets) | transmission
#pragma once

#include <span>
#include <stdexcept>
#include <vector>

#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"
#include "simplex/encoding/writer.hpp"

namespace simplex::protocol {

inline constexpr std::size_t block_size = 16384;
// Room for transmissions with their lengths: without the block's length (2), the count (1), and the tag of an encrypted
// block (16), which is left free in all versions.
inline constexpr std::size_t batch_limit = block_size - 19;
inline constexpr std::size_t max_transmissions_in_block = 255;
// The longest single transmission.
inline constexpr std::size_t max_transmission_size = batch_limit - 2;

// Length, content and padding, exactly `size` octets. More than size - 2 octets of content is a limit error.
[[nodiscard]] Result<Bytes> pad_block(BytesView content, std::size_t size = block_size);
// The content inside a padded block; a view into it. The padding itself is not looked at.
[[nodiscard]] Result<BytesView> unpad_block(BytesView block);

// Collects transmissions into the content of one block.
class Batch {
 public:
  // `room` octets are left free before the content, for what goes before it in its block; then there is memory for the
  // whole block from the beginning.
  explicit Batch(std::size_t room = 0) : room_(room) {}

  // False when it does not fit any more (or never would: see max_transmission_size); nothing is added then.
  [[nodiscard]] bool add(BytesView transmission);
  // The same with what write(Writer&) writes, which must be so many octets (else std::logic_error): it is not copied.
  template <class F>
  [[nodiscard]] bool add(std::size_t size, F&& write) {
    if (!fits(size)) return false;
    begin(size);
    const auto end = content_.size() + size;
    write(content_);
    if (content_.size() != end) throw std::logic_error("a transmission of another size than was said");
    return true;
  }
  [[nodiscard]] bool fits(std::size_t transmission_size) const noexcept;
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  // The room, then the content, ready for pad_block or for encryption; the batch is empty afterwards.
  [[nodiscard]] Bytes take();

 private:
  void begin(std::size_t size);

  std::size_t room_;
  Writer content_;  // behind the room
  std::size_t count_ = 0;
};

// Contents of as few blocks as keeping the order allows, filled from the first. One that can't fit is a limit error.
[[nodiscard]] Result<std::vector<Bytes>> batch_transmissions(std::span<const Bytes> transmissions);

// Views of the transmissions in a block's content. No transmissions, a length past the end, or octets left over are
// malformed: the whole block is refused. At most one allocation.
[[nodiscard]] Result<std::vector<BytesView>> split_batch(BytesView content);

}  // namespace simplex::protocol
