// Whether a received message follows the one before it.
#pragma once

#include "simplex/agent/agent_message.hpp"
#include "simplex/agent/events.hpp"

namespace simplex::agent {

[[nodiscard]] Integrity check_integrity(SenderMessageId previous, SenderMessageId number, const MessageHash& known_hash,
                                        const MessageHash& stated_hash);

}  // namespace simplex::agent
