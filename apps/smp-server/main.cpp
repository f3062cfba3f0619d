// smp-server: an SMP relay. Wiring only; what it does is in libs/smp/server.
#include <fmt/core.h>

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>

#include "simplex/encoding/base64.hpp"
#include "simplex/server_kit/logging.hpp"
#include "simplex/smp/server/setup.hpp"

namespace {

using namespace simplex;
using namespace simplex::smp::server;

constexpr const char* program = "smp-server " SIMPLEX_VERSION " (SMP 6 to 20)";

ServerFolders folders_from_environment() {
  const auto folder = [](const char* variable, const char* otherwise) {
    const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): one thread yet
    return std::filesystem::path(value != nullptr && *value != '\0' ? value : otherwise);
  };
  return {folder("SMP_SERVER_CFG_PATH", "/etc/opt/simplex"), folder("SMP_SERVER_LOG_PATH", "/var/opt/simplex")};
}

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

// Each connection is a descriptor: the usual limit of 1024 is one for programs that use select(), as none here does.
void allow_all_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

int failed(const Error& error) {
  std::fflush(stdout);
  fmt::print(stderr, "smp-server: {}\n", error.message);
  return 1;
}

std::string ports_text(const std::vector<std::uint16_t>& ports) {
  std::string text;
  for (const auto port : ports) text += (text.empty() ? "" : ", ") + std::to_string(port);
  return text;
}

struct InitCommand {
  InitOptions options;
  std::string algorithm = "ED25519";
  bool disable_store_log = false;
  bool store_log = false;
  bool yes = false;
  std::string control_port;
  std::string socks_proxy;
  std::string source_code;
  bool has_control_port = false;

  void declare(CLI::App& app) {
    app.add_flag("-l,--store-log", store_log, "Keep queues in the store log (this is the default)");
    app.add_flag("--disable-store-log", disable_store_log, "Keep nothing: queues live as long as the program runs");
    app.add_flag("-s,--daily-stats", options.daily_stats, "Write daily statistics");
    app.add_option("-a,--sign-algorithm", algorithm, "Signature algorithm of the certificates")
        ->check(CLI::IsMember({"ED25519", "ED448"}, CLI::ignore_case))
        ->capture_default_str();
    app.add_option("--ip", options.ip, "IP address of the relay, where there is no name")->capture_default_str();
    app.add_option("-n,--fqdn", options.fqdn, "Domain name of the relay");
    app.add_option("--port", options.port, "Ports to listen on, separated by commas")->capture_default_str();
    auto* without = app.add_flag("--no-password", options.no_password, "Anyone may create queues");
    app.add_option("--password", options.password, "Password for creating queues (a random one, if not given)")
        ->excludes(without);
    app.add_option("--control-port", options.control_port, "Control port, 5224 if no number follows")
        ->expected(0, 1)
        ->default_str("5224");
    optional("--socks-proxy", options.socks_proxy, "SOCKS proxy for connections to onion relays", app);
    optional("--own-domains", options.own_domains, "Domains of your own relays, separated by commas", app);
    optional("--source-code", options.source_code, "Address of the relay's source code", app);
    optional("--operator", options.operator_name, "Who runs the relay", app);
    optional("--operator-country", options.operator_country, "Country of the operator, two letters", app);
    optional("--operator-website", options.operator_website, "Web site of the operator", app);
    optional("--hosting", options.hosting, "Hosting provider", app);
    optional("--hosting-country", options.hosting_country, "Country of the provider, two letters", app);
    app.add_option("--hosting-type", options.hosting_type, "virtual, dedicated, colocation or owned")
        ->check(CLI::IsMember({"virtual", "dedicated", "colocation", "owned"}));
    optional("--server-country", options.server_country, "Country where the machine stands, two letters", app);
    optional("--web-path", options.web_path, "Folder of the information page", app);
    app.add_flag("--disable-web", options.disable_web, "No information page");
    app.add_flag("-y,--yes", yes, "Ask nothing (it never does)");
  }

  static void optional(const char* name, std::optional<std::string>& value, const char* help, CLI::App& app) {
    app.add_option(name, value, help);
  }

  int run() {
    options.store_log = !disable_store_log;
    if (algorithm == "ED448" || algorithm == "ed448") options.algorithm = transport::SignatureAlgorithm::ed448;
    const auto folders = folders_from_environment();
    const SystemClock clock;
    SystemRandom random;
    const auto made = initialize(options, folders, clock, random);
    if (!made) return failed(made.error());
    say(program);
    say("The relay is set up. These files were written:");
    for (const auto& file : made->written) say("  " + file.string());
    say("");
    say("Its address, for the settings of your clients:");
    say("  " + address_of(made->config, made->identity, made->config.ports.front()));
    say("");
    if (made->password)
      say("Only who has this address, with the password in it, can create queues. --no-password lets anyone.");
    if (options.fqdn.empty() && options.ip == "127.0.0.1") {
      say("No name was given (--fqdn), so only programs on this machine can reach it. Change host in the section "
          "TRANSPORT of smp-server.ini when it has one.");
    }
    say("Open in the firewall: TCP " + ports_text(made->config.ports) + ".");
    say("Keep " + (folders.config / "ca.key").string() +
        " offline, and delete it here: it is the relay's identity, and is needed only to renew the certificate.");
    say("Start it with: smp-server start");
    return 0;
  }
};

struct StartCommand {
  bool maintenance = false;
  bool compact_log = false;
  bool skip_warnings = false;
  std::string log_level = "info";
  std::string confirm_migrations;
  std::vector<std::string> settings;

  void declare(CLI::App& app) {
    app.add_flag("-m,--maintenance", maintenance, "Load, compact and save everything, but serve nobody");
    app.add_flag("--compact-log", compact_log, "Compact the store log (always done)");
    app.add_option("--log-level", log_level, "debug, info, note, warn, error or off")
        ->check(CLI::IsMember({"trace", "debug", "info", "note", "warn", "error", "off"}))
        ->capture_default_str();
    app.add_flag("--skip-warnings", skip_warnings, "Start although lines of the logs could not be read (always done)");
    app.add_option("--confirm-migrations", confirm_migrations, "Migrations of a database: up or down")
        ->check(CLI::IsMember({"up", "down"}));
    app.add_option("--set", settings, "SECTION.key=value: a setting for this run")->allow_extra_args(false);
  }

  [[nodiscard]] LogLevel level() const {
    if (log_level == "trace") return LogLevel::debug;
    if (log_level == "note") return LogLevel::info;
    return log_level_from(log_level).value_or(LogLevel::info);
  }

  int run() {
    const auto folders = folders_from_environment();
    auto ini = server_kit::Ini::load(folders.ini());
    if (!ini && ini.error().kind == ErrorKind::not_found) {
      return failed({ErrorKind::not_found,
                     folders.ini().string() + " does not exist. Set the relay up with: smp-server init",
                     Advice::ask_user});
    }
    if (!ini) return failed(ini.error());
    for (const auto& each : settings) {
      if (const auto set = ini->set(each); !set) return failed(set.error());
    }
    auto config = read_config(*ini, folders);
    if (!config) return failed(config.error());
    auto credentials = transport::load_credentials(folders.config);
    if (!credentials) return failed(credentials.error());
    const auto identity = credentials->identity;
    auto logger = server_kit::make_stderr_logger("smp-server", level());
    for (const auto& each : config->unknown) logger->warning(each + ": unknown setting, it has no effect");
    if (!config->unused.empty()) {
      std::string list;
      for (const auto& each : config->unused) list += (list.empty() ? "" : ", ") + each;
      logger->info("settings that this version does not act on: " + list);
    }

    allow_all_descriptors();
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    // Before any other thread: a signal that comes while the files are read waits for the loop.
    auto loop = async::make_thread_loop();
    for (const int signal : {SIGINT, SIGTERM}) loop->on_signal(signal, [&loop] { loop->stop(); });

    auto server_settings = std::move(config->server);
    server_settings.node.credentials = std::move(*credentials);
    if (maintenance) server_settings.addresses.clear();
    auto server = Server::start(std::move(server_settings), *logger);
    if (!server) return failed(server.error());
    const auto& report = (*server)->report();
    say(program);
    say("Address: " + address_of(*config, identity, maintenance ? config->ports.front() : (*server)->ports().front()));
    say(fmt::format("Queues: {}, undelivered messages: {}, expired: {}, lines that could not be read: {}",
                    report.queues, report.messages, report.expired_messages, report.rejected_lines));
    for (const auto port : (*server)->ports()) say(fmt::format("Listening on port {}", port));
    if (!maintenance) loop->run();
    say("Stopping");
    if (const auto stopped = (*server)->stop(); !stopped) return failed(stopped.error());
    say("Stopped");
    return 0;
  }
};

struct CertificateCommand {
  std::string algorithm = "ED25519";
  std::string name;

  void declare(CLI::App& app) {
    app.add_option("-a,--sign-algorithm", algorithm, "Signature algorithm")
        ->check(CLI::IsMember({"ED25519", "ED448"}, CLI::ignore_case))
        ->capture_default_str();
    app.add_option("--cn", name, "Common name, the host of smp-server.ini if not given");
  }

  int run() {
    const auto folders = folders_from_environment();
    const auto ini = server_kit::Ini::load(folders.ini());
    if (!ini) return failed(ini.error());
    const auto config = read_config(*ini, folders);
    if (!config) return failed(config.error());
    const auto kind = algorithm == "ED448" || algorithm == "ed448" ? transport::SignatureAlgorithm::ed448
                                                                   : transport::SignatureAlgorithm::ed25519;
    const SystemClock clock;
    SystemRandom random;
    const auto renewed =
        transport::renew_server_certificate(folders.config, kind, name.empty() ? config->host : name, clock, random);
    if (!renewed) return failed(renewed.error());
    say("New server.key and server.crt are in " + folders.config.string() +
        "; restart the relay. Its address is the same.");
    return 0;
  }
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "A relay of the SimpleX network.\n"
      "Folders: SMP_SERVER_CFG_PATH (/etc/opt/simplex), SMP_SERVER_LOG_PATH (/var/opt/simplex)",
      "smp-server");
  app.set_version_flag("-v,--version", program);
  app.require_subcommand(1);
  InitCommand init;
  StartCommand start;
  CertificateCommand certificate;
  auto* init_app = app.add_subcommand("init", "Set up a new relay: certificates and smp-server.ini");
  auto* start_app = app.add_subcommand("start", "Run the relay");
  auto* certificate_app = app.add_subcommand("cert", "Renew the certificate of the running relay with ca.key");
  init.declare(*init_app);
  start.declare(*start_app);
  certificate.declare(*certificate_app);
  CLI11_PARSE(app, argc, argv);
  if (*init_app) return init.run();
  if (*start_app) return start.run();
  return certificate.run();
}
