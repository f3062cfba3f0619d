// The parts of SMP that are JSON. Depth is bounded, size is that of a block; unknown fields are ignored.
#pragma once

#include "simplex/smp/error.hpp"
#include "simplex/smp/name_record.hpp"
#include "simplex/smp/types.hpp"

namespace simplex::smp {

[[nodiscard]] Result<BlockingInfo::Notice> parse_blocking_notice(std::string_view json);

[[nodiscard]] std::string to_json(const QueueState& state);
[[nodiscard]] Result<QueueState> parse_queue_state(std::string_view json);

}  // namespace simplex::smp
