// rooms: agent
// Octets of a peer as an agent's envelope and as the content of a ratchet message: nothing may throw, and what is
// understood must be written the same way twice.
#include <cstdlib>

#include "simplex/agent/agent_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace simplex;
  using namespace simplex::agent;
  const BytesView input(data, size);
  if (const auto envelope = decode_envelope(input)) {
    const auto written = encode(*envelope);
    const auto again = decode_envelope(written);
    if (!again || encode(*again) != written) std::abort();
  }
  if (const auto content = decode_ratchet_content(input)) {
    const auto written = encode(*content);
    const auto again = decode_ratchet_content(written);
    if (!again || encode(*again) != written) std::abort();
  }
  return 0;
}
