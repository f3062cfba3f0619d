#include "simplex/crypto/pad.hpp"

#include <cstring>
#include <string>

namespace simplex::crypto {

namespace {

std::unexpected<Error> too_long(std::size_t size) {
  return fail(ErrorKind::limit, "a message of " + std::to_string(size) + " bytes does not fit its padded size");
}

}  // namespace

Result<Bytes> pad(BytesView message, std::size_t padded_size) {
  // Asked before memory is taken: the size may be nonsense.
  if (!fits_padded(message.size(), padded_size)) return too_long(message.size());
  Bytes out(padded_size);
  SIMPLEX_TRY(pad_into(message, out));
  return out;
}

Result<> pad_into(BytesView message, MutableBytes out) {
  if (!fits_padded(message.size(), out.size())) return too_long(message.size());
  if (!message.empty() && message.data() != out.data() + pad_overhead) {
    std::memmove(out.data() + pad_overhead, message.data(), message.size());
  }
  out[0] = static_cast<std::uint8_t>(message.size() >> 8U);
  out[1] = static_cast<std::uint8_t>(message.size() & 0xffU);
  const auto filler = out.subspan(pad_overhead + message.size());
  if (!filler.empty()) std::memset(filler.data(), '#', filler.size());
  return {};
}

Result<BytesView> unpad(BytesView padded) {
  if (padded.size() < pad_overhead) return fail(ErrorKind::malformed, "a padded message has no length");
  const std::size_t size = static_cast<std::size_t>(padded[0]) << 8U | padded[1];
  if (size > padded.size() - pad_overhead) {
    return fail(ErrorKind::malformed, "a padded message is shorter than it says");
  }
  return padded.subspan(pad_overhead, size);
}

}  // namespace simplex::crypto
