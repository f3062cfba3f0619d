// Which commands a session has.
#pragma once

#include <string>

#include "simplex/smp/client/failure.hpp"
#include "simplex/smp/command.hpp"
#include "simplex/smp/version.hpp"

namespace simplex::smp::client {

// Whether the command is one of these.
template <class... Commands>
bool is_one_of(const ClientCommand& command) {
  return (std::holds_alternative<Commands>(command) || ...);
}

// The version that brought the command.
inline SmpVersion since(const ClientCommand& command) {
  using namespace smp::command;
  if (is_one_of<Prxy, Pfwd, Rfwd>(command)) return proxy_version;
  if (is_one_of<Skey>(command)) return sender_key_version;
  if (is_one_of<Rkey, Lset, Ldel, Lkey, Lget>(command)) return short_links_version;
  if (is_one_of<Subs, Nsubs>(command)) return service_version;
  if (is_one_of<Rslv>(command)) return names_version;
  return initial_version;
}

inline Failure too_old_for(const ClientCommand& command) {
  return {Failure::Kind::version,
          {ErrorKind::version, "the relay is too old for " + std::string(smp::name_of(command))},
          std::nullopt};
}

}  // namespace simplex::smp::client
