// What a relay's failure means to the agent.
#pragma once

#include "simplex/agent/events.hpp"
#include "simplex/crypto/ratchet.hpp"
#include "simplex/smp/client/failure.hpp"

namespace simplex::agent {

// Worth trying again, on this session or another.
[[nodiscard]] bool is_temporary(const smp::client::Failure& failure) noexcept;
[[nodiscard]] Failure failure_of(const smp::client::Failure& failure) noexcept;
[[nodiscard]] Failure failure_of(const Error& error) noexcept;

// A row that does not decode, whoever wrote it. `what`: "a queue", "a message".
[[nodiscard]] std::unexpected<Error> unreadable(std::string_view what);

// The peer's versions have nothing in common with ours.
[[nodiscard]] std::unexpected<Error> program_not_understood();
[[nodiscard]] std::unexpected<Error> encryption_not_understood();

}  // namespace simplex::agent
