#include "compression.hpp"

#include <zstd.h>

#include <stdexcept>

namespace simplex::chat {

Bytes compress(BytesView plain) {
  Bytes frame(ZSTD_compressBound(plain.size()));
  const std::size_t size = ZSTD_compress(frame.data(), frame.size(), plain.data(), plain.size(), compression_level);
  if (ZSTD_isError(size)) throw std::runtime_error("zstd does not compress");
  frame.resize(size);
  return frame;
}

Result<Bytes> decompress(BytesView frame, std::size_t limit) {
  const unsigned long long stated = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (stated == ZSTD_CONTENTSIZE_UNKNOWN || stated == ZSTD_CONTENTSIZE_ERROR)
    return fail(ErrorKind::malformed, "compressed message does not state its size");
  if (stated > limit) return fail(ErrorKind::limit, "decompressed message is over the limit");
  Bytes plain(static_cast<std::size_t>(stated));
  const std::size_t size = ZSTD_decompress(plain.data(), plain.size(), frame.data(), frame.size());
  if (ZSTD_isError(size) || size != stated) return fail(ErrorKind::malformed, "compressed message is damaged");
  return plain;
}

}  // namespace simplex::chat
