// A channel inside the binary messages of a WebSocket (RFC 6455), which is inside another channel: for clients that
// have no plain sockets. The relay's end only.
#pragma once

#include "simplex/transport/channel.hpp"

namespace simplex::transport {

// Octets of a message that we send; those of the client may have any length.
inline constexpr std::size_t web_socket_message = 16'384;

// Waits for the client's upgrade request, of any path, at most 8,192 octets; what is sent meanwhile waits for it, too.
// The owner bounds the time. A request that is no upgrade is answered with an HTTP status, and the channel ends.
// Messages of text, frames without a mask and broken frames end it, too, as does a client that asks for answers
// (ping) and does not read them. info() is that of the channel inside which it is.
[[nodiscard]] ChannelPtr accept_web_socket(async::Loop& loop, ChannelPtr inside);

}  // namespace simplex::transport
