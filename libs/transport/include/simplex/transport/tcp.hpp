// TCP without TLS: a web server behind a reverse proxy, or one for this machine only, and what asks such a one. Its
// channels have an empty ChannelInfo. No SMP goes over it.
#pragma once

#include "simplex/transport/channel.hpp"

namespace simplex::transport {

// Listeners of several threads may share a port: then the kernel spreads connections over them. The first of a program
// finds out whether another program has the port; the others only join.
enum class PortSharing : std::uint8_t { alone, first, join };

struct TcpListenSettings {
  // Host "" is every address of the machine, IPv6 and IPv4. Port 0 takes a free one.
  std::vector<Endpoint> addresses;
  PortSharing sharing = PortSharing::alone;
  KeepAlive keep_alive;
};

// Lives on its loop. Destroying it closes the ports; channels already given out stay.
class TcpListener {
 public:
  virtual ~TcpListener() = default;
  [[nodiscard]] virtual const std::vector<std::uint16_t>& ports() const = 0;  // one for each bound address
};

// A port that is taken or forbidden is an error that says what to do. The loop is one of make_thread_loop().
[[nodiscard]] Result<std::unique_ptr<TcpListener>> listen_tcp(async::Loop& loop, TcpListenSettings settings,
                                                              std::move_only_function<void(ChannelPtr)> accepted);

// Tries the addresses of the host in order, within the time. Dropping the attempt cancels it silently; done is not called
// inside the call.
[[nodiscard]] std::unique_ptr<Connector::Attempt> connect_tcp(async::Loop& loop, Endpoint endpoint, Duration timeout,
                                                              std::move_only_function<void(Result<ChannelPtr>)> done);

}  // namespace simplex::transport
