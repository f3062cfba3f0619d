// What another process of this machine uses: the relay, as the operating system counts it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "simplex/base/clock.hpp"
#include "simplex/base/result.hpp"

namespace simplex::bench {

struct ProcessUse {
  Duration cpu{};     // of all its threads, in the kernel too, exact to the nanosecond where the kernel says so
  Duration system{};  // of this in the kernel, in ticks of 10 ms
  std::uint64_t resident = 0;  // octets of memory
};

// The part of /proc/PID/stat after the name: which may contain anything. Octets of a page and ticks of a second are the
// machine's.
[[nodiscard]] Result<ProcessUse> parse_stat(std::string_view text, std::uint64_t page, std::int64_t ticks_per_second);
// "Rss:   1234 kB" of /proc/PID/smaps_rollup, in octets.
[[nodiscard]] Result<std::uint64_t> parse_resident(std::string_view smaps_rollup);

// Error: not_found (no such process).
[[nodiscard]] Result<ProcessUse> process_use(pid_t process);
// Of this process.
[[nodiscard]] Duration own_cpu();

}  // namespace simplex::bench
