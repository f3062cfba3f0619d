#include "options.hpp"

#include <CLI/CLI.hpp>
#include <functional>
#include <map>

#include "simplex/base/program.hpp"

namespace simplex::bench {
namespace {

constexpr int misused = 2;

// What is read as text and understood afterwards.
struct Texts {
  std::string relay;
  std::string proxy;
  unsigned version = smp::current_version.value();
  std::string key = "ed25519";
  std::string sender_key;
  std::string recipient_key;
  std::string verify = "first";
  std::optional<pid_t> process;
};

void add_common(CLI::App& mode, Settings& settings, Texts& texts) {
  mode.add_option("relay", texts.relay, "smp://FINGERPRINT[:PASSWORD]@HOST[:PORT]")->required();
  mode.add_option("--smp-version", texts.version, "Version that the clients speak, as clients of that time do")
      ->check(CLI::Range(smp::initial_version.value(), smp::current_version.value()))
      ->capture_default_str();
  mode.add_option("--key", texts.key, "What authorizes commands: ed25519 (usual clients) or x25519 (deniable, v7+)")
      ->check(CLI::IsMember({"ed25519", "x25519"}))
      ->capture_default_str();
  mode.add_option("--recipient-key", texts.recipient_key, "The same of recipients only")
      ->check(CLI::IsMember({"ed25519", "x25519"}));
  mode.add_option("--threads", settings.threads, "Threads of this program")
      ->check(CLI::Range(std::size_t{1}, Bounds::threads))
      ->capture_default_str();
  mode.add_option("--batch", settings.batch, "Commands in a block, at most")
      ->check(CLI::Range(std::size_t{1}, Bounds::batch))
      ->capture_default_str();
  mode.add_option("--connecting", settings.connecting, "Connections that are opened at a time, of a thread")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  mode.add_option("--pid", texts.process, "Process of the relay on this machine: its CPU and memory are measured")
      ->check(CLI::PositiveNumber);
  mode.add_option("--limit", settings.limit, "Seconds for everything; then it is given up")
      ->check(CLI::Range(1.0, static_cast<double>(Bounds::seconds)))
      ->capture_default_str();
  mode.add_flag("--json", settings.json, "Print JSON");
  mode.add_flag("--keep-queues", settings.keep_queues, "Leave the queues on the relay");
  mode.add_flag("--allow-remote", settings.allow_remote,
                "The relay is not on this machine. Only for relays that are your own: this is an attack on any other");
}

void add_time(CLI::App& mode, Settings& settings, const std::string& operations) {
  mode.add_option("-d,--duration", settings.seconds, "Seconds of measuring")
      ->check(CLI::Range(0.01, static_cast<double>(Bounds::seconds)))
      ->capture_default_str();
  mode.add_option("--warm-up", settings.warm_up, "Seconds before it, not counted")
      ->check(CLI::Range(0.0, static_cast<double>(Bounds::seconds)))
      ->capture_default_str();
  mode.add_option("-n,--count", settings.count, "Until so many " + operations + ", however long; without warm-up")
      ->check(CLI::Range(std::uint64_t{1}, Bounds::count));
}

void add_connections(CLI::App& mode, Settings& settings, const std::string& what, std::size_t usual) {
  mode.add_option("-c,--connections", settings.connections, what + " (" + std::to_string(usual) + ")")
      ->check(CLI::Range(std::size_t{1}, Bounds::connections));
}

void add_window(CLI::App& mode, Settings& settings, const std::string& what) {
  mode.add_option("--window", settings.window, what)->check(CLI::Range(std::size_t{1}, Bounds::window));
}

CLI::App& add_messages(CLI::App& app, Settings& settings, Texts& texts) {
  auto& mode = *app.add_subcommand("messages", "Messages: SEND, MSG and ACK between pairs of connections");
  add_common(mode, settings, texts);
  add_time(mode, settings, "messages");
  add_window(mode, settings, "Messages of a queue under way, at most (1; with --rate 100)");
  mode.add_option("-p,--pairs", settings.pairs, "Senders, and recipients; each has a connection")
      ->check(CLI::Range(std::size_t{1}, Bounds::connections / 2))
      ->capture_default_str();
  mode.add_option("-q,--queues", settings.queues, "Queues of each pair")
      ->check(CLI::Range(std::size_t{1}, std::size_t{10'000}))
      ->capture_default_str();
  mode.add_option("-s,--size", settings.size, "Octets of a message")
      ->check(CLI::Range(std::size_t{0}, smp::max_message_length(smp::initial_version)))
      ->capture_default_str();
  mode.add_option("-r,--rate", settings.rate, "Messages a second, of all pairs; without it as many as the relay takes")
      ->check(CLI::Range(0.001, Bounds::rate));
  mode.add_option("-i,--idle", settings.idle, "Other connections, each with a subscribed queue, that do nothing")
      ->check(CLI::Range(std::size_t{0}, Bounds::connections))
      ->capture_default_str();
  mode.add_option("--proxy", texts.proxy, "Relay through which the senders send (private routing, v8+)");
  mode.add_option("--sender-key", texts.sender_key, "What authorizes SEND, if not --key")
      ->check(CLI::IsMember({"ed25519", "x25519"}));
  mode.add_option("--verify", texts.verify, "Decrypt and compare what is delivered: none, first (of each queue), all")
      ->check(CLI::IsMember({"none", "first", "all"}))
      ->capture_default_str();
  return mode;
}

CLI::App& add_idle(CLI::App& app, Settings& settings, Texts& texts) {
  auto& mode = *app.add_subcommand("idle", "What silent connections with subscribed queues cost");
  add_common(mode, settings, texts);
  add_connections(mode, settings, "Connections", 1000);
  mode.add_option("-q,--queues", settings.queues, "Queues of each")
      ->check(CLI::Range(std::size_t{0}, std::size_t{10'000}))
      ->capture_default_str();
  mode.add_option("-d,--duration", settings.seconds, "Seconds to wait before the memory is read (2)")
      ->check(CLI::Range(0.01, static_cast<double>(Bounds::seconds)));
  return mode;
}

CLI::App& add_create(CLI::App& app, Settings& settings, Texts& texts) {
  auto& mode = *app.add_subcommand("create", "Queues made by NEW");
  add_common(mode, settings, texts);
  add_time(mode, settings, "queues");
  add_connections(mode, settings, "Connections that create", 8);
  add_window(mode, settings, "NEW under way on a connection, at most (twice the batch)");
  mode.add_flag("--subscribe,!--only-create", settings.subscribe, "Whether NEW also subscribes, as it usually does");
  mode.add_flag("--secure", settings.secure,
                "KEY follows NEW: what is made, and counted, is a queue with its sender's key");
  return mode;
}

CLI::App& add_resubscribe(CLI::App& app, Settings& settings, Texts& texts) {
  auto& mode = *app.add_subcommand("resubscribe", "Clients that come back: SUB for all their queues");
  add_common(mode, settings, texts);
  add_connections(mode, settings, "Connections", 1);
  mode.add_option("-q,--queues", settings.queues, "Queues of each (10000)")
      ->check(CLI::Range(std::size_t{1}, Bounds::queues));
  return mode;
}

CLI::App& add_handshakes(CLI::App& app, Settings& settings, Texts& texts) {
  auto& mode = *app.add_subcommand("handshakes", "Connections opened and closed: TLS, SMP and one PING");
  add_common(mode, settings, texts);
  add_time(mode, settings, "handshakes");
  add_connections(mode, settings, "Connections that are open at a time", 8);
  return mode;
}

void use_defaults(Settings& settings, const CLI::App& mode) {
  const auto given = [&](const char* option) { return mode.get_option_no_throw(option)->count() > 0; };
  switch (settings.mode) {
    case Mode::messages: break;
    case Mode::idle:
      if (!given("--connections")) settings.connections = 1000;
      if (!given("--duration")) settings.seconds = 2;
      break;
    case Mode::create:
    case Mode::handshakes:
      if (!given("--connections")) settings.connections = 8;
      break;
    case Mode::resubscribe:
      if (!given("--queues")) settings.queues = 10'000;
      if (!given("--batch")) settings.batch = 80;
      break;
  }
}

KeyKind key_kind(const std::string& text) { return text == "x25519" ? KeyKind::x25519 : KeyKind::ed25519; }

protocol::ServerWithAuth address(const std::string& option, const std::string& text, bool allow_remote) {
  auto parsed = protocol::parse_server_with_auth(text);
  if (parsed && parsed->address.port.empty()) parsed->address.port = "5223";
  if (!parsed || parsed->address.scheme != protocol::Scheme::smp || parsed->address.key_hash.size() != 32 ||
      !parsed->address.port_number()) {
    throw CLI::ValidationError(option, "this is no address of a relay: smp://FINGERPRINT[:PASSWORD]@HOST[:PORT]");
  }
  if (!allow_remote && !std::ranges::all_of(parsed->address.hosts, is_loopback)) {
    throw CLI::ValidationError(
        option,
        "the relay is not on this machine (127.0.0.1, ::1 or localhost). Loading somebody's relay is an attack "
        "on it; with --allow-remote you say that it is yours");
  }
  return *std::move(parsed);
}

void understand(Settings& settings, const Texts& texts) {
  settings.version = SmpVersion(static_cast<std::uint16_t>(texts.version));
  settings.relay = address("relay", texts.relay, settings.allow_remote);
  settings.recipient_key = key_kind(texts.recipient_key.empty() ? texts.key : texts.recipient_key);
  settings.sender_key = key_kind(texts.sender_key.empty() ? texts.key : texts.sender_key);
  settings.verify = texts.verify == "all" ? Verify::all : texts.verify == "none" ? Verify::none : Verify::first;
  settings.process = texts.process;
  if (!texts.proxy.empty()) {
    settings.proxy = address("--proxy", texts.proxy, settings.allow_remote);
    if (settings.version < smp::proxy_version) throw CLI::ValidationError("--proxy", "SMP below 8 knows no proxies");
  }
  const bool x25519 = settings.recipient_key == KeyKind::x25519 || settings.sender_key == KeyKind::x25519;
  if (x25519 && settings.version < smp::authenticator_version) {
    throw CLI::ValidationError("--key", "SMP below 7 knows no X25519 keys for commands");
  }
  if (settings.mode == Mode::messages && settings.size > smp::max_message_length(settings.version)) {
    throw CLI::ValidationError(
        "--size", "at most " + std::to_string(smp::max_message_length(settings.version)) + " octets in this version");
  }
  if (2 * settings.pairs + settings.idle > Bounds::connections) {
    throw CLI::ValidationError("--idle", "at most " + std::to_string(Bounds::connections) + " connections in all");
  }
}

}  // namespace

bool is_loopback(const protocol::Host& host) {
  if (host.kind() == protocol::HostKind::ipv4) return host.text().starts_with("127.");
  return host.text() == "::1" || host.text() == "localhost";
}

std::optional<Settings> parse_options(int argc, char** argv, int& exit_code) {
  Settings settings;
  Texts texts;
  CLI::App app(
      "Measures an SMP relay, ours or another implementation's, by doing what its clients do.\n"
      "It is meant for a relay of your own, best on the same machine, with nothing else running.",
      "smp-bench");
  app.set_version_flag("-v,--version", "smp-bench " + std::string(program_version()));
  app.require_subcommand(1);
  app.footer(
      "smp-bench MODE --help lists the options of a mode.\n"
      "Example: smp-bench messages smp://FINGERPRINT@127.0.0.1:5223 --pairs 64 --pid $(pidof smp-server)");
  std::map<const CLI::App*, Mode> modes;
  modes[&add_messages(app, settings, texts)] = Mode::messages;
  modes[&add_idle(app, settings, texts)] = Mode::idle;
  modes[&add_create(app, settings, texts)] = Mode::create;
  modes[&add_resubscribe(app, settings, texts)] = Mode::resubscribe;
  modes[&add_handshakes(app, settings, texts)] = Mode::handshakes;
  try {
    app.parse(argc, argv);
    const auto* mode = app.get_subcommands().front();
    settings.mode = modes.at(mode);
    use_defaults(settings, *mode);
    understand(settings, texts);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : misused;
    return std::nullopt;
  }
  return settings;
}

}  // namespace simplex::bench
