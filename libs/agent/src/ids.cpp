#include "simplex/agent/ids.hpp"

namespace simplex::agent {

ConnectionId new_connection_id(Random& random) {
  ConnectionId id;
  random.fill(id.mutable_view());
  return id;
}

}  // namespace simplex::agent
