// The JSON of a name's record: what RNAME carries, and what resolvers of names answer over HTTP.
#pragma once

#include "simplex/smp/types.hpp"

namespace simplex::smp {

[[nodiscard]] std::string to_json(const NameRecord& record);
// Unknown fields are ignored. The depth is bounded; the caller bounds the size.
[[nodiscard]] Result<NameRecord> parse_name_record(std::string_view json);

}  // namespace simplex::smp
