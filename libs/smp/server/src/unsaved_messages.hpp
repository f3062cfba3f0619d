// Undelivered messages of a memory store that was not stopped in order.
#pragma once

#include <filesystem>
#include <optional>

#include "simplex/base/clock.hpp"
#include "simplex/base/result.hpp"

namespace simplex::smp::server {

// The messages that a start took out of `file` stand in "<file>.bak" until the next start. Is there no file now, the relay
// has died, and these are all that is left: they get a name that no later start uses, and it is returned.
[[nodiscard]] Result<std::optional<std::filesystem::path>> keep_unsaved_messages(const std::filesystem::path& file,
                                                                                 const Clock& clock);

}  // namespace simplex::smp::server
