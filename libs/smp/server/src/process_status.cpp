#include "simplex/smp/server/process_status.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace simplex::smp::server {

ProcessStatus process_status() {
  ProcessStatus made;
  std::ifstream memory("/proc/self/statm");
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  if (memory >> pages >> resident) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    made.virtual_octets = pages * page;
    made.resident_octets = resident * page;
  }
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "Threads:") {
      status >> made.threads;
      break;
    }
  }
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    made.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) made.max_files = files.rlim_cur;
  std::error_code error;
  for (std::filesystem::directory_iterator each("/proc/self/fd", error), end; !error && each != end;
       each.increment(error)) {
    ++made.open_files;
  }
  return made;
}

}  // namespace simplex::smp::server
