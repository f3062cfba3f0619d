#include "options.hpp"

#include <CLI/CLI.hpp>
#include <charconv>

#include "simplex/base/program.hpp"

namespace simplex::echo {
namespace {

constexpr int wrong_options = 2;

std::optional<std::uint16_t> number(std::string_view text) {
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "2-7", or "7" for one.
template <class Range>
void narrow(Range& range, const std::string& option, const std::string& text) {
  if (text.empty()) return;
  const auto dash = text.find('-');
  const auto least = number(text.substr(0, dash));
  const auto most = dash == std::string::npos ? least : number(text.substr(dash + 1));
  if (!least || !most || *least > *most || *least < range.min.value() || *most > range.max.value()) {
    throw CLI::ValidationError(option, "versions are " + std::to_string(range.min.value()) + "-" +
                                           std::to_string(range.max.value()) + ", or one of these");
  }
  using Version = decltype(range.min);
  range = {Version(*least), Version(*most)};
}

agent::ProxyMode proxy_mode_from(std::string_view text) {
  if (text == "always") return agent::ProxyMode::always;
  if (text == "unknown") return agent::ProxyMode::unknown;
  return text == "unprotected" ? agent::ProxyMode::unprotected : agent::ProxyMode::never;
}

agent::ProxyFallback proxy_fallback_from(std::string_view text) {
  if (text == "yes") return agent::ProxyFallback::allow;
  return text == "protected" ? agent::ProxyFallback::allow_protected : agent::ProxyFallback::prohibit;
}

transport::HostMode host_mode_from(std::string_view text) {
  if (text == "onion") return transport::HostMode::onion;
  return text == "public" ? transport::HostMode::public_hosts : transport::HostMode::onion_via_socks;
}

agent::SessionMode session_mode_from(std::string_view text) {
  if (text == "user") return agent::SessionMode::user;
  if (text == "server") return agent::SessionMode::server;
  return text == "entity" ? agent::SessionMode::entity : agent::SessionMode::session;
}

agent::WebPort web_port_from(std::string_view text) {
  if (text == "all") return agent::WebPort::all;
  return text == "off" ? agent::WebPort::off : agent::WebPort::preset;
}

// How the network is used; the texts are read when all options are known.
struct NetworkTexts {
  std::string proxy = "never";
  std::string fallback = "yes";
  std::string socks;
  std::string socks_mode = "always";
  std::string host_mode = "onion-via-socks";
  std::string web_port = "preset";
  std::string isolation = "session";

  void add_to(CLI::App& app, agent::NetworkConfig& network) {
    const auto one_of = [&app](const std::string& name, std::string& text, const std::vector<std::string>& choice,
                               const std::string& help) {
      app.add_option(name, text, help)->type_name("MODE")->transform(CLI::IsMember(choice))->capture_default_str();
    };
    one_of(
        "--proxy", proxy, {"always", "unknown", "unprotected", "never"},
        "Send through a relay of ours: always, unknown (when the other relay is none of ours), unprotected (the same, "
        "without SOCKS proxy), never");
    one_of("--proxy-fallback", fallback, {"yes", "protected", "no"},
           "Whether to send directly when no relay can be the proxy: yes, protected (through a SOCKS proxy only), no");
    app.add_option("--socks", socks,
                   "SOCKS5 proxy, such as Tor: [USER:PASSWORD@][HOST][:PORT]. Without a user one is made for each "
                   "circuit (--isolation); \"@\" before HOST: none")
        ->type_name("PROXY");
    one_of("--socks-mode", socks_mode, {"always", "onion"}, "What goes through it: all, or only to .onion hosts");
    one_of(
        "--host-mode", host_mode, {"onion-via-socks", "onion", "public"},
        "Which of a relay's hosts is used: its onion host when there is a SOCKS proxy, that always, or a public one");
    app.add_flag("--required-host-mode", network.rules.host_mode_required, "Never use a host of another kind instead");
    one_of("--port-443", web_port, {"all", "preset", "off"},
           "Where an address without a port means 443 instead of 5223: all relays, those of known operators, none");
    one_of("--isolation", isolation, {"user", "session", "server", "entity"},
           "What has a circuit of its own through the SOCKS proxy: a user, each run, each relay, each connection (with "
           "a session of its own)");
  }
  void read(agent::NetworkConfig& network) const {
    network.proxy_mode = proxy_mode_from(proxy);
    network.proxy_fallback = proxy_fallback_from(fallback);
    if (!socks.empty()) {
      auto read = transport::parse_socks_proxy(socks);
      if (!read) throw CLI::ValidationError("--socks", read.error().message);
      network.rules.socks = *std::move(read);
    }
    network.rules.socks_mode = socks_mode == "onion" ? transport::SocksMode::onion : transport::SocksMode::always;
    network.rules.host_mode = host_mode_from(host_mode);
    network.session_mode = session_mode_from(isolation);
    network.web_port = web_port_from(web_port);
  }
};

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  Options options;
  std::string database;
  std::string key;
  std::string level = "warn";
  std::string agent_versions;
  std::string smp_versions;
  std::string client_versions;
  std::string e2e_versions;
  bool no_pq = false;
  bool no_receipts = false;
  bool no_echo = false;
  NetworkTexts network;
  std::uint64_t count = 0;
  int timeout = 0;
  int delay = 0;
  int cover = 0;

  CLI::App app{
      "agent-echo: makes or joins SimpleX connections and sends back every message that comes.\n"
      "An example of a program on the agent library, and a way to try two implementations with each other."};
  app.set_version_flag("--version", "agent-echo " + std::string(program_version()));
  app.add_option("-d,--database", database, "The agent's database; made when it is not there")
      ->type_name("FILE")
      ->required();
  app.add_option("-k,--key", key, "Passphrase of the database; empty: it is not encrypted")->type_name("KEY");
  app.add_option(
         "-s,--server", options.agent.servers,
         "Relay for own queues: smp://FINGERPRINT[:PASSWORD]@HOST[:PORT]. Several: one is chosen for each queue")
      ->type_name("SERVER")
      ->required();
  app.add_flag("-i,--invite", options.invite, "Make a one-time link, and the next one when it was used");
  app.add_flag("-a,--address", options.address, "Make an address: a link that many peers can use");
  app.add_flag("--short", options.short_link,
               "Print the short link, which shows the name, where the relay can have it");
  app.add_option("-j,--join", options.join, "Join by a link of any kind, full or short")->type_name("LINK");
  app.add_option("-n,--name", options.name, "What peers get to know of us: the connection information")
      ->capture_default_str();
  app.add_option("--say", options.say, "Say this when a connection is made (may be repeated)")->type_name("TEXT");
  app.add_option("-c,--count", count, "End when so many messages have come")->check(CLI::Range(1, 1'000'000'000));
  app.add_option("-t,--timeout", timeout, "End with exit code 1 after so many seconds")->check(CLI::Range(1, 86'400));
  network.add_to(app, options.agent.network);
  app.add_flag("--no-echo", no_echo, "Send nothing back");
  app.add_flag("--no-pq", no_pq, "No post-quantum key agreement");
  app.add_flag("--redundant", options.agent.redundancy,
               "Receive at two of the relays, and send to two of the peer's: either may be lost");
  app.add_option("--delay", delay, "Hold each message back for a random time up to so many seconds")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 3600));
  app.add_option("--cover", cover, "Send empty messages, one in so many seconds on average")
      ->type_name("SECONDS")
      ->check(CLI::Range(1, 86'400));
  app.add_flag("--no-receipts", no_receipts, "Do not tell peers that their messages have come");
  app.add_option("--agent-versions", agent_versions, "Agent protocol versions, as 2-7 or 7")->type_name("VERSIONS");
  app.add_option("--client-versions", client_versions, "SMP client versions, as 1-4")->type_name("VERSIONS");
  app.add_option("--e2e-versions", e2e_versions, "Double ratchet versions, as 2-3")->type_name("VERSIONS");
  app.add_option("--smp-versions", smp_versions, "SMP versions with relays, as 6-20")->type_name("VERSIONS");
  app.add_option("-l,--log-level", level, "Log level: debug, info, warn, error, important")
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "important"}))
      ->capture_default_str();
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return "agent-echo: " + std::string(error.what()) + "\nagent-echo --help lists the options.\n";
  });
  app.footer(
      "It prints one line for each event: \"ready\", \"link LINK\", \"connected N pq\", \"heard N TEXT\", \"sent N\" "
      "(\"sent N through RELAY\"),\n"
      "\"delivered N\", \"failed N WHY\"; N counts the connections of this run. It goes on with what is in its "
      "database.\n"
      "Example: agent-echo -d echo.db -s smp://FINGERPRINT@127.0.0.1 --address");
  try {
    app.parse(argc, argv);
    narrow(options.agent.versions.agent, "--agent-versions", agent_versions);
    narrow(options.agent.versions.smp_client, "--client-versions", client_versions);
    narrow(options.agent.versions.e2e, "--e2e-versions", e2e_versions);
    narrow(options.agent.versions.smp, "--smp-versions", smp_versions);
    network.read(options.agent.network);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : wrong_options;
    return std::nullopt;
  }
  options.agent.database = database;
  options.agent.passphrase = SecretBytes(as_bytes(key));
  std::fill(key.begin(), key.end(), '\0');
  options.pq = !no_pq;
  options.receipts = !no_receipts;
  options.echo = !no_echo;
  options.mixing = {std::chrono::seconds(delay), std::chrono::seconds(cover)};
  if (count > 0) options.count = count;
  if (timeout > 0) options.timeout = std::chrono::seconds(timeout);
  options.log_level = log_level_from(level).value_or(LogLevel::warning);
  return options;
}

}  // namespace simplex::echo
