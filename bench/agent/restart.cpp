#include <malloc.h>

#include <fstream>

#include "device.hpp"
#include "measures.hpp"

namespace simplex::bench {
namespace {

constexpr std::size_t made_at_once = 200;

Result<double> resident() {
  (void)::malloc_trim(0);
  std::ifstream file("/proc/self/smaps_rollup");
  std::string word;
  double kilobytes = 0;
  while (file >> word) {
    if (word == "Rss:" && file >> kilobytes) return kilobytes * 1024;
  }
  return fail(ErrorKind::internal, "The system does not tell how much memory this program has.");
}

}  // namespace

// Queues that wait for somebody are subscribed like all others; making them is what takes the time.
Result<> measure_restart(const AgentSettings& settings, AgentFigures& figures) {
  const DeviceSettings device{settings.relay, settings.folder / "carol.db", settings.passphrase, settings.pq};
  {
    Device carol(device);
    SIMPLEX_TRY(carol.open());
    carol.start();
    for (std::size_t made = 0; made < settings.idle;) {
      for (std::size_t i = 0; i < made_at_once && made < settings.idle; ++i, ++made) SIMPLEX_TRY(carol.invite());
      SIMPLEX_TRY(carol.await([&](const Happened& it) { return it.links.size() >= made; }, settings.limit));
    }
  }
  Device carol(device);
  SIMPLEX_TRY(carol.open());
  const auto cpu = carol.cpu();
  SIMPLEX_ASSIGN(const auto before, resident());
  const auto began = std::chrono::steady_clock::now();
  carol.start();
  SIMPLEX_TRY(carol.await([&](const Happened& it) { return it.subscribed >= settings.idle; }, settings.limit));
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - began;
  const std::chrono::duration<double> used = carol.cpu() - cpu;
  SIMPLEX_ASSIGN(const auto after, resident());
  figures.push_back(
      {"restart_s", "start with many connections, until all are subscribed", "s", time.count(), std::nullopt, 15});
  figures.push_back({"restart_cpu_s", "  CPU of the agent", "s", used.count()});
  figures.push_back({"connection_octets", "memory of an idle connection", "octets",
                     (after - before) / static_cast<double>(settings.idle), std::nullopt, 4096});
  return {};
}

}  // namespace simplex::bench
