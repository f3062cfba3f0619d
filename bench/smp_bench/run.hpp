// One run of the program: threads, their loads, and what is measured between two moments.
#pragma once

#include "report.hpp"

namespace simplex::bench {

// Error: what the relay refused, what could not be connected to, or timeout (settings.limit).
[[nodiscard]] Result<Measured> run(const Settings& settings, const MakeLoad& make_load);

}  // namespace simplex::bench
