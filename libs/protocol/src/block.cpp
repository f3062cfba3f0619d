#include "simplex/protocol/block.hpp"

#include <algorithm>
#include <utility>

#include "simplex/crypto/pad.hpp"
#include "simplex/encoding/reader.hpp"

namespace simplex::protocol {

Result<Bytes> pad_block(BytesView content, std::size_t size) { return crypto::pad(content, size); }

Result<BytesView> unpad_block(BytesView block) { return crypto::unpad(block); }

bool Batch::fits(std::size_t transmission_size) const noexcept {
  if (count_ == max_transmissions_in_block) return false;
  const std::size_t used = empty() ? 0 : content_.size() - room_ - 1;
  return transmission_size <= max_transmission_size && used + 2 + transmission_size <= batch_limit;
}

bool Batch::add(BytesView transmission) {
  return add(transmission.size(), [&](Writer& writer) { writer.raw(transmission); });
}

void Batch::begin(std::size_t size) {
  if (empty()) {
    // Most blocks hold one large transmission or several small ones.
    content_ = Writer(room_ > 0 ? block_size : std::max<std::size_t>(3 + size, 1024));
    content_.fill(room_, 0).u8(0);
  }
  content_.u16(static_cast<std::uint16_t>(size));
  ++count_;
  content_.from(room_)[0] = static_cast<std::uint8_t>(count_);
}

Bytes Batch::take() {
  count_ = 0;
  return std::exchange(content_, Writer()).take();
}

Result<std::vector<Bytes>> batch_transmissions(std::span<const Bytes> transmissions) {
  std::vector<Bytes> contents;
  Batch batch;
  for (const Bytes& transmission : transmissions) {
    if (batch.add(transmission)) continue;
    if (transmission.size() > max_transmission_size)
      return fail(ErrorKind::limit, "the message is too large for a block");
    contents.push_back(batch.take());
    (void)batch.add(transmission);
  }
  if (!batch.empty()) contents.push_back(batch.take());
  return contents;
}

Result<std::vector<BytesView>> split_batch(BytesView content) {
  Reader reader(content);
  SIMPLEX_ASSIGN(const std::uint8_t count, reader.u8());
  if (count == 0) return fail(ErrorKind::malformed, "block without transmissions");
  std::vector<BytesView> transmissions;
  transmissions.reserve(count);
  for (std::uint8_t i = 0; i < count; ++i) {
    SIMPLEX_ASSIGN(const BytesView transmission, reader.large_string());
    transmissions.push_back(transmission);
  }
  SIMPLEX_TRY(reader.finish());
  return transmissions;
}

}  // namespace simplex::protocol
