// Host names to addresses, without blocking a loop and without one slow name holding up the others.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "simplex/async/loop.hpp"
#include "simplex/base/bytes.hpp"
#include "simplex/base/result.hpp"

namespace simplex::transport {

struct HostAddress {
  Bytes octets;             // 4 of IPv4, or 16 of IPv6
  std::uint32_t scope = 0;  // of an IPv6 link

  friend bool operator==(const HostAddress&, const HostAddress&) = default;
};

// Thread-safe: may be shared by the loops of all threads.
class HostResolver {
 public:
  // Dropping it, on the loop, cancels silently.
  class Lookup {
   public:
    virtual ~Lookup() = default;
  };
  using Done = std::move_only_function<void(Result<std::vector<HostAddress>>)>;

  virtual ~HostResolver() = default;
  // done is called on the loop, not inside the call; the addresses are in the order in which they are to be tried. Errors:
  // network, timeout, limit (too many names wait).
  [[nodiscard]] virtual std::unique_ptr<Lookup> resolve(async::Loop& loop, std::string host, Done done) = 0;
};

struct HostResolverSettings {
  // Names that are looked up at once. The threads begin when they are needed. One that waits for a name keeps waiting
  // after the time is up, as the system's resolver can't be interrupted.
  std::size_t threads = 32;
  std::size_t waiting = 1'024;                 // names that wait for a thread
  Duration timeout = std::chrono::seconds(8);  // with the time spent waiting
};

// What looks a name up, blocking, on several threads at once.
using BlockingLookup = std::function<Result<std::vector<HostAddress>>(const std::string& host)>;
// The resolver of the system, which asks hosts file and DNS. Gives up after a few seconds for each name server.
[[nodiscard]] BlockingLookup system_lookup();

// Its end waits for names that are being looked up. Lookups end before their loops do.
[[nodiscard]] std::shared_ptr<HostResolver> make_host_resolver(HostResolverSettings settings = {},
                                                               BlockingLookup look_up = system_lookup());

}  // namespace simplex::transport
