// smp-bench: a load generator for SMP relays.
#include <fmt/core.h>
#include <sys/resource.h>

#include <csignal>

#include "options.hpp"
#include "run.hpp"

namespace {

using namespace simplex::bench;

constexpr int failed = 1;

// Each connection is a descriptor.
void allow_all_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

MakeLoad load_of(Mode mode) {
  switch (mode) {
    case Mode::messages: return make_message_load;
    case Mode::idle: return make_idle_load;
    case Mode::create: return make_create_load;
    case Mode::resubscribe: return make_resubscribe_load;
    case Mode::handshakes: return make_handshake_load;
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto settings = parse_options(argc, argv, exit_code);
  if (!settings) return exit_code;
  std::signal(SIGPIPE, SIG_IGN);
  allow_all_descriptors();
  const auto make_load = load_of(settings->mode);
  const auto measured = run(*settings, make_load);
  if (!measured) {
    fmt::print(stderr, "smp-bench: {}\n", measured.error().message);
    return failed;
  }
  const auto figures = figures_of(*settings, *measured);
  fmt::print("{}", settings->json ? as_json(figures) : as_table(figures));
  return 0;
}
