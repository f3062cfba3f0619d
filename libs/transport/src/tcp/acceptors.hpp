// Opening the ports of a listener.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "simplex/transport/tcp.hpp"

namespace simplex::transport::tcp_ports {

// One acceptor for each address of the host, or one for all of the machine when it is "".
[[nodiscard]] Result<std::vector<boost::asio::ip::tcp::acceptor>> listen_on(boost::asio::io_context& context,
                                                                            const Endpoint& address,
                                                                            PortSharing sharing);

}  // namespace simplex::transport::tcp_ports
