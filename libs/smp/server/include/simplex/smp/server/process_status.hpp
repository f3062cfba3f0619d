// What the process costs, as the kernel tells it (/proc/self). Zeros where there is no such thing.
#pragma once

#include <cstdint>

namespace simplex::smp::server {

struct ProcessStatus {
  std::uint64_t resident_octets = 0;
  std::uint64_t virtual_octets = 0;
  double cpu_seconds = 0;
  std::uint64_t threads = 0;
  std::uint64_t open_files = 0;
  std::uint64_t max_files = 0;
};

[[nodiscard]] ProcessStatus process_status();

}  // namespace simplex::smp::server
