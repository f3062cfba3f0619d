// RSLV: looks up names of the form name.simplex (simplex-messaging.md, "Resolve name"). One for each node, on its loop.
#pragma once

#include <functional>

#include "simplex/smp/error.hpp"
#include "simplex/smp/types.hpp"

namespace simplex::smp::server {

class NameResolver {
 public:
  using Done = std::move_only_function<void(Result<NameRecord, NameError>)>;
  virtual ~NameResolver() = default;
  // done may be called inside the call.
  virtual void resolve(const SimplexDomain& name, Done done) = 0;
};

}  // namespace simplex::smp::server
