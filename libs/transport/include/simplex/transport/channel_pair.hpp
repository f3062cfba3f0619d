// Two ends of an in-memory pipe, each on its own loop (which may be the same, of another thread, or simulated).
// What one sends arrives at the other in order, as it was cut; pending() is what the other has not taken yet.
#pragma once

#include <utility>

#include "simplex/transport/channel.hpp"

namespace simplex::transport {

[[nodiscard]] std::pair<ChannelPtr, ChannelPtr> make_channel_pair(async::Loop& loop_a, async::Loop& loop_b,
                                                                  ChannelInfo info_a, ChannelInfo info_b);

}  // namespace simplex::transport
