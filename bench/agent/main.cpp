// agent-bench: what agents take, beside the cryptography and the database transactions that the same work needs.
#include <fmt/core.h>
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <csignal>

#include "simplex/agent/agent.hpp"
#include "simplex/base/program.hpp"
#include "simplex/protocol/server_address.hpp"
#include "measures.hpp"

namespace simplex::bench {
namespace {

bool is_loopback(const protocol::Host& host) {
  if (host.kind() == protocol::HostKind::ipv4) return host.text().starts_with("127.");
  return host.text() == "::1" || host.text() == "localhost";
}

struct Options {
  AgentSettings settings;
  std::string folder;
  double limit = 600;
  bool no_pq = false;
  bool json = false;
};

// An exit code when there is nothing to run.
std::optional<int> parse(int argc, char** argv, Options& options) {
  CLI::App app(
      "Measures agents that talk through a relay on this machine: two that connect, send and receive, and one that\n"
      "starts with many connections. Beside each figure stands its floor.",
      "agent-bench");
  app.set_version_flag("-v,--version", "agent-bench " + std::string(program_version()));
  auto& settings = options.settings;
  const auto count = [&](const char* name, std::size_t& value, std::size_t most, const char* text) {
    app.add_option(name, value, text)->check(CLI::Range(std::size_t{1}, most))->capture_default_str();
  };
  app.add_option("relay", settings.relay, "smp://FINGERPRINT[:PASSWORD]@127.0.0.1[:PORT]")->required();
  app.add_option("--folder", options.folder, "Where the databases are made, on the disk to be measured (here)");
  app.add_option("--passphrase", settings.passphrase, "Encrypts the databases");
  app.add_flag("--no-pq", options.no_pq, "Without post-quantum keys");
  count("--connects", settings.connects, 10'000, "Connections, one after another");
  count("--messages", settings.messages, 100'000, "Messages, one after another");
  count("--stream", settings.stream, 1'000'000, "Messages on one connection");
  count("--crowd", settings.crowd, 10'000, "Connections that get messages at once");
  count("--each", settings.each, 100'000, "Messages of each of them");
  count("--group", settings.group, 10'000, "Connections that get the same message");
  count("--idle", settings.idle, 100'000, "Connections of the start");
  count("--size", settings.size, agent::max_message_body_pq, "Octets of a message");
  app.add_option("--limit", options.limit, "Seconds for each measure; then it is given up")
      ->check(CLI::Range(1.0, 86'400.0))
      ->capture_default_str();
  app.add_flag("--json", options.json, "Print JSON");
  try {
    app.parse(argc, argv);
    const auto relay = protocol::parse_server_with_auth(settings.relay);
    if (!relay || !std::ranges::all_of(relay->address.hosts, is_loopback)) {
      throw CLI::ValidationError("relay", "this is no address of a relay on this machine: smp://FINGERPRINT@127.0.0.1");
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  settings.pq = !options.no_pq;
  settings.limit = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(options.limit));
  return std::nullopt;
}

// A folder of the run's own, removed at its end.
class Folder {
 public:
  explicit Folder(const std::string& place) {
    auto name = (std::filesystem::path(place.empty() ? "." : place) / "agent-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void add_floor(const Floor& floor, AgentFigures& figures) {
  using Seconds = std::chrono::duration<double>;
  const auto message = Seconds(floor.sender + floor.recipient).count();
  const auto stream = 1 / Seconds(std::max(floor.sender, floor.recipient)).count();
  for (auto& figure : figures) {
    if (figure.name == "connect_ms") figure.floor = Seconds(floor.connect).count() * 1e3;
    if (figure.name == "latency_p50_ms") figure.floor = message * 1e3;
    if (figure.name == "stream_per_second" || figure.name == "crowd_per_second") figure.floor = stream;
    if (figure.name == "group_stored_s") figure.floor = Seconds(floor.group).count();
    if (figure.name == "restart_s") figure.floor = Seconds(floor.subscribe).count();
  }
  figures.push_back({"floor_sender_us", "floor: a message at its sender", "µs", Seconds(floor.sender).count() * 1e6});
  figures.push_back(
      {"floor_recipient_us", "floor: a message at its recipient", "µs", Seconds(floor.recipient).count() * 1e6});
}

std::string number(double value) { return fmt::format("{:.{}f}", value, value >= 100 ? 0 : value >= 10 ? 1 : 3); }

std::string as_table(const AgentFigures& figures) {
  auto out = fmt::format("{:<54} {:>10} {:<7}{:>10} {:>7} {:>8}\n", "", "measured", "", "floor", "ratio", "target");
  for (const auto& figure : figures) {
    const auto floor = figure.floor ? number(*figure.floor) : "";
    const auto ratio = figure.floor ? fmt::format("{:.2f}", figure.value / *figure.floor) : "";
    const auto target = figure.target ? (figure.more_is_better ? "≥ " : "≤ ") + number(*figure.target) : "";
    const bool met =
        figure.target && (figure.more_is_better ? figure.value >= *figure.target : figure.value <= *figure.target);
    out += fmt::format("{:<54} {:>10} {:<7}{:>10} {:>7} {:>8}{}\n", figure.text, number(figure.value), figure.unit,
                       floor, ratio, target,
                       !figure.target ? ""
                       : met          ? "  met"
                                      : "  missed");
  }
  return out;
}

std::string as_json(const AgentFigures& figures) {
  std::string out = "{";
  const char* separator = "\n";
  for (const auto& figure : figures) {
    out += fmt::format("{}  \"{}\": {:.6f}", std::exchange(separator, ",\n"), figure.name, figure.value);
    if (figure.floor) out += fmt::format(",\n  \"{}_floor\": {:.6f}", figure.name, *figure.floor);
  }
  return out + "\n}\n";
}

int run(Options& options) {
  const Folder folder(options.folder);
  if (folder.path().empty()) {
    fmt::print(stderr, "agent-bench: the folder for the databases could not be made\n");
    return 1;
  }
  options.settings.folder = folder.path();
  AgentFigures figures;
  const auto measured = [&]() -> Result<> {
    SIMPLEX_ASSIGN(const auto floor, measure_floor(options.settings));
    SIMPLEX_TRY(measure_pair(options.settings, figures));
    SIMPLEX_TRY(measure_restart(options.settings, figures));
    add_floor(floor, figures);
    return {};
  }();
  if (!measured) {
    fmt::print(stderr, "agent-bench: {}\n", measured.error().message);
    fmt::print(stderr, "{}", as_table(figures));
    return 1;
  }
  fmt::print("{}", options.json ? as_json(figures) : as_table(figures));
  return 0;
}

}  // namespace
}  // namespace simplex::bench

int main(int argc, char** argv) {
  simplex::bench::Options options;
  if (const auto ended = simplex::bench::parse(argc, argv, options)) return *ended;
  std::signal(SIGPIPE, SIG_IGN);
  return simplex::bench::run(options);
}
