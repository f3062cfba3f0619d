// RSLV: looks up names of the form name.simplex (simplex-messaging.md, "Resolve name"). One for each node, on its loop.
#pragma once

#include <functional>

#include "simplex/smp/error.hpp"
#include "simplex/smp/types.hpp"

namespace simplex::smp::server {

class NameResolver {
 public:
  using Done = std::move_only_function<void(Result<NameRecord, NameError>)>;
  struct Counters {
    std::size_t running = 0;  // requests
    std::size_t waiting = 0;  // names, for their turn
    std::uint64_t refused = 0;
    std::uint64_t timed_out = 0;
    std::uint64_t too_large = 0;  // answers

    // Another thread's.
    Counters& operator+=(const Counters& other);
  };
  virtual ~NameResolver() = default;
  [[nodiscard]] virtual Counters counters() const { return {}; }
  // done may be called inside the call.
  virtual void resolve(const SimplexDomain& name, Done done) = 0;
};

}  // namespace simplex::smp::server
