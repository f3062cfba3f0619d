// What carries a caller's connection, and how its time goes.
#pragma once

#include <functional>
#include <memory>

#include "simplex/transport/tls.hpp"
#include "simplex/world/network.hpp"

namespace simplex::caller {

using Credentials = std::shared_ptr<const transport::ClientCredentials>;

class Line {
 public:
  // A loop of its own, which runs while the caller waits. credentials: the caller is a service, and shows them in TLS.
  [[nodiscard]] static std::unique_ptr<Line> over_sockets(Credentials credentials = nullptr);
  // The same in WebSockets, to this port of the relay's host.
  [[nodiscard]] static std::unique_ptr<Line> over_web_sockets(std::uint16_t port, Credentials credentials = nullptr);
  // The party's name is its place on the network.
  [[nodiscard]] static std::unique_ptr<Line> simulated(world::Scheduler& time, world::SimNetwork& network,
                                                       std::string party, Credentials credentials = nullptr);

  virtual ~Line() = default;
  [[nodiscard]] virtual async::Loop& loop() = 0;
  [[nodiscard]] virtual transport::Connector& connector() = 0;
  [[nodiscard]] virtual Random& random() = 0;
  // Something has happened that a condition may be about; on the loop.
  virtual void wake() = 0;
  // Runs the loop until the condition holds; false: it has not for a minute.
  [[nodiscard]] virtual bool run_until(const std::function<bool()>& condition) = 0;
};

}  // namespace simplex::caller
