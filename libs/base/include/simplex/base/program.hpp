// What every program of the project does first, and its version.
#pragma once

#include <string_view>

namespace simplex {

[[nodiscard]] std::string_view program_version() noexcept;  // "0.1.0"

// Secrets do not leave the process: no core dumps, no tracing by other programs of the user; files are made for their
// owner only; a peer that closes its socket does not end the program.
void harden_process() noexcept;

}  // namespace simplex
