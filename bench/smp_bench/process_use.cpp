#include "process_use.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace simplex::bench {
namespace {

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

Duration of(const timespec& time) { return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec); }

}  // namespace

Result<ProcessUse> parse_stat(std::string_view text, std::uint64_t page, std::int64_t ticks_per_second) {
  constexpr std::size_t user = 11;  // counted from the state, which follows the name
  constexpr std::size_t system = 12;
  constexpr std::size_t resident = 21;
  const auto malformed = [] { return fail(ErrorKind::malformed, "the process's statistics can't be read"); };
  const auto name_end = text.rfind(')');
  if (name_end == text.npos) return malformed();
  std::vector<std::string_view> fields;
  for (auto rest = text.substr(name_end + 1); !rest.empty();) {
    const auto begin = rest.find_first_not_of(" \n");
    if (begin == rest.npos) break;
    const auto end = std::min(rest.find_first_of(" \n", begin), rest.size());
    fields.push_back(rest.substr(begin, end - begin));
    rest.remove_prefix(end);
  }
  if (fields.size() <= resident || ticks_per_second <= 0) return malformed();
  const auto user_ticks = number_of(fields[user]);
  const auto system_ticks = number_of(fields[system]);
  const auto pages = number_of(fields[resident]);
  if (!user_ticks || !system_ticks || !pages || *pages < 0) return malformed();
  const Duration tick = std::chrono::nanoseconds(std::chrono::seconds(1)) / ticks_per_second;
  return ProcessUse{(*user_ticks + *system_ticks) * tick, *system_ticks * tick,
                    static_cast<std::uint64_t>(*pages) * page};
}

Result<std::uint64_t> parse_resident(std::string_view smaps_rollup) {
  constexpr std::string_view field = "\nRss:";
  const auto at = smaps_rollup.find(field);
  if (at == smaps_rollup.npos) return fail(ErrorKind::not_found, "the process's memory can't be read");
  auto rest = smaps_rollup.substr(at + field.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const auto kilobytes = number_of(rest);
  if (!kilobytes || *kilobytes < 0) return fail(ErrorKind::malformed, "the process's memory can't be read");
  return static_cast<std::uint64_t>(*kilobytes) * 1024;
}

Result<ProcessUse> process_use(pid_t process) {
  const auto folder = fmt::format("/proc/{}/", process);
  const auto stat = text_of(folder + "stat");
  if (stat.empty()) return fail(ErrorKind::not_found, fmt::format("there is no process {}", process));
  SIMPLEX_ASSIGN(auto use,
                 parse_stat(stat, static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)), ::sysconf(_SC_CLK_TCK)));
  // Both say more exactly what stat says, and are left out where the process forbids it.
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(process, &clock) == 0 && ::clock_gettime(clock, &time) == 0) use.cpu = of(time);
  if (const auto resident = parse_resident(text_of(folder + "smaps_rollup"))) use.resident = *resident;
  return use;
}

Duration own_cpu() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return of(time);
}

}  // namespace simplex::bench
