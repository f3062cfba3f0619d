// smp-floor: what the messages of an SMP relay cost without a relay.
#include <fmt/core.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <map>
#include <thread>

#include "simplex/base/program.hpp"
#include "simplex/encoding/base64.hpp"
#include "floor.hpp"

namespace {

using namespace simplex;
using namespace simplex::floor;

constexpr int failed = 1;
constexpr int misused = 2;

const std::map<std::string, Level> levels{{"tls", Level::tls},
                                          {"delivery", Level::delivery},
                                          {"blocks", Level::blocks},
                                          {"authorization", Level::authorization}};

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

void allow_all_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  std::size_t threads = 1;
  std::string level = "authorization";
  CLI::App app(
      "What the messages of an SMP relay cost without a relay: sockets, TLS, and the cryptography of the protocol.\n"
      "Load it with smp-bench, like a relay. It keeps nothing and protects nothing: it is no relay.",
      "smp-floor");
  app.set_version_flag("-v,--version", "smp-floor " + std::string(program_version()));
  app.add_option("--port", port, "Port of 127.0.0.1; 0: a free one")->capture_default_str();
  app.add_option("--threads", threads, "Threads")->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--level", level,
                 "Cryptography of a message, each with all before it: tls (up to SMP v10), delivery (re-encryption for "
                 "the recipient, up to v10), blocks (encrypted blocks, v11), authorization (of commands)")
      ->check(CLI::IsMember({"tls", "delivery", "blocks", "authorization"}))
      ->capture_default_str();
  app.footer("Ends at SIGTERM or Ctrl-C, and prints its CPU for each message.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : misused;
  }

  allow_all_descriptors();
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);

  SystemRandom random;
  Floor floor;
  floor.level = levels.at(level);
  floor.credentials = transport::make_credentials(transport::SignatureAlgorithm::ed25519, SystemClock().wall(), random);
  if (const auto made = make_context(floor); !made) {
    fmt::print(stderr, "smp-floor: {}\n", made.error().message);
    return failed;
  }
  Service service(floor, threads);
  const auto listening = service.listen(port);
  if (!listening) {
    fmt::print(stderr, "smp-floor: {}\n", listening.error().message);
    return failed;
  }
  const auto identity = floor.credentials.identity;
  say(fmt::format("Address: smp://{}@127.0.0.1:{}", base64url(identity.view()), *listening));
  say(fmt::format("Listening on port {}", *listening));
  std::jthread running([&service] { service.run(); });
  int signal = 0;
  sigwait(&ending, &signal);
  service.stop();
  running.join();

  const auto messages = floor.counters.messages.load();
  say(fmt::format("Handshakes: {}, messages: {}, CPU: {:.3f} s{}", floor.counters.handshakes.load(), messages,
                  cpu_seconds(),
                  messages == 0 ? std::string()
                                : fmt::format(", for one message (with all else): {:.1f} µs",
                                              cpu_seconds() * 1e6 / static_cast<double>(messages))));
  return 0;
}
