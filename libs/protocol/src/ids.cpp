#include "simplex/protocol/ids.hpp"

#include <algorithm>

namespace simplex::protocol {

std::optional<CorrId> CorrId::from(BytesView bytes) {
  if (bytes.size() > size_bytes) return std::nullopt;
  CorrId id;
  id.size_ = static_cast<std::uint8_t>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), id.bytes_.begin());
  return id;
}

CorrId CorrId::generate(Random& random) {
  CorrId id;
  id.size_ = size_bytes;
  random.fill(id.bytes_);
  return id;
}

}  // namespace simplex::protocol
