// Ids that lead to a queue beside its recipient id.
#pragma once

#include "simplex/smp/server/inline_id.hpp"

namespace simplex::smp::server {

enum class IdKind : std::uint8_t { sender, link, notifier };
struct DirectoryIdTag;
using DirectoryId = InlineId<DirectoryIdTag>;

}  // namespace simplex::smp::server
