// A client's end of WebSockets, as far as a well-behaved relay needs it: frames of one message each, no pings.
#pragma once

#include "simplex/transport/channel.hpp"

namespace simplex::caller {

// Connects through the other one, to this port of the host instead.
[[nodiscard]] std::unique_ptr<transport::Connector> make_web_socket_connector(
    std::unique_ptr<transport::Connector> inside, std::uint16_t port);

}  // namespace simplex::caller
