// The command line of smp-bench.
#pragma once

#include "settings.hpp"

namespace simplex::bench {

// Nothing: the program ends with this exit code (help was asked for, or an option is wrong).
[[nodiscard]] std::optional<Settings> parse_options(int argc, char** argv, int& exit_code);

// Whether the name or address can only mean this machine. Other names are not resolved: they may lead anywhere.
[[nodiscard]] bool is_loopback(const protocol::Host& host);

}  // namespace simplex::bench
