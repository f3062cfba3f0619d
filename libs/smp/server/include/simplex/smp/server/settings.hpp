// What the operator decides about the relay's engine.
#pragma once

#include <chrono>
#include <optional>

#include "simplex/smp/types.hpp"

namespace simplex::smp::server {

struct EngineSettings {
  bool new_queues = true;                   // off: the relay is being retired
  std::optional<BasicAuth> password;        // needed to create queues
  std::uint32_t queue_quota = 128;          // messages in a queue; the next one is refused, and a marker put in its place
  std::optional<std::chrono::seconds> message_ttl = std::chrono::days(21);
};

}  // namespace simplex::smp::server
