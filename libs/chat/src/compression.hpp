// zstd frames of the compressed batch ('X').
#pragma once

#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"

namespace simplex::chat {

// Items of at most this many octets travel as they are.
inline constexpr std::size_t passthrough_size = 180;
inline constexpr int compression_level = 3;

[[nodiscard]] Bytes compress(BytesView plain);
// The frame must state its size, at most `limit`; nothing is allocated before that is known.
[[nodiscard]] Result<Bytes> decompress(BytesView frame, std::size_t limit);

}  // namespace simplex::chat
