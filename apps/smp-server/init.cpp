// smp-server init
#include <fmt/core.h>

#include "simplex/encoding/base64.hpp"
#include "simplex/smp/server/setup.hpp"
#include "command.hpp"
#include "qr_code.hpp"
#include "stores.hpp"

namespace simplex::smp_server {
namespace {

using namespace smp::server;

struct InitCommand {
  smp::server::InitOptions options;
  DatabaseOptions database;
  std::string algorithm = "ED25519";
  std::string store = "embedded";
  std::string control_port;
  bool disable_store_log = false;
  bool store_log = false;
  bool yes = false;
  CLI::Option* control_port_option = nullptr;
  CLI::Option* store_option = nullptr;
};

void declare_options(InitCommand& command, CLI::App& app) {
  auto& options = command.options;
  auto* log = app.add_flag("-l,--store-log", command.store_log, "Keep queues and messages (this is the default)");
  app.add_flag("--disable-store-log", command.disable_store_log,
               "Keep nothing: queues live in memory as long as the program runs")
      ->excludes(log);
  command.store_option =
      app.add_option("--store", command.store, "Where queues and messages are kept: embedded, memory or database")
          ->capture_default_str()
          ->check(CLI::IsMember({"embedded", "memory", "database"}));
  command.database.declare(app);
  app.add_flag("-s,--daily-stats", options.daily_stats, "Write daily statistics");
  app.add_option("-a,--sign-algorithm", command.algorithm, "Signature algorithm of the certificates: ED25519, ED448")
      ->type_name("ALG")
      ->check(CLI::IsMember({"ED25519", "ED448"}, CLI::ignore_case))
      ->capture_default_str();
  app.add_option("--ip", options.ip, "IP address of the relay, where there is no name")
      ->type_name("IP")
      ->capture_default_str();
  app.add_option("-n,--fqdn", options.fqdn, "Domain name of the relay")->type_name("FQDN");
  app.add_option("--port", options.port, "Ports to listen on, separated by commas")->capture_default_str();
  auto* without = app.add_flag("--no-password", options.no_password, "Anyone may create queues");
  app.add_option("--password", options.password, "Password for creating queues (a random one, if not given)")
      ->excludes(without);
  command.control_port_option =
      app.add_option("--control-port", command.control_port, "Control port, 5224 if no number follows")->expected(0, 1);
  app.add_option("--socks-proxy", options.socks_proxy,
                 "SOCKS proxy for connections to onion relays, localhost:9050 if none follows")
      ->expected(0, 1)
      ->default_str("localhost:9050");
  app.add_option("--own-domains", options.own_domains, "Domains of your own relays, separated by commas");
  app.add_option("--source-code", options.source_code, "Address of the relay's source code")->type_name("URI");
  app.add_option("--operator", options.operator_name, "Who runs the relay");
  app.add_option("--operator-country", options.operator_country, "Country of the operator, two letters");
  app.add_option("--operator-website", options.operator_website, "Web site of the operator");
  app.add_option("--hosting", options.hosting, "Hosting provider");
  app.add_option("--hosting-country", options.hosting_country, "Country of the provider, two letters");
  app.add_option("--hosting-type", options.hosting_type, "virtual, dedicated, colocation or owned")
      ->check(CLI::IsMember({"virtual", "dedicated", "colocation", "owned"}));
  app.add_option("--server-country", options.server_country, "Country where the machine stands, two letters");
  app.add_option("--web-path", options.web_path, "Folder of the information page");
  app.add_flag("--disable-web", options.disable_web, "No information page");
  app.add_flag("-y,--yes", command.yes, "Ask nothing: what is not given is as usual");
}

bool ask_password(InitOptions& options) {
  say("Require a password to create new messaging queues?");
  while (true) {
    const auto answer =
        ask("'r' for random (default), 'n' - no password (recommended for public servers), or enter password: ");
    if (!answer) return false;
    options.no_password = *answer == "n";
    options.password = answer->empty() || *answer == "r" || *answer == "n" ? std::string() : *answer;
    if (options.password.empty() || smp::BasicAuth::from(as_bytes(options.password))) return true;
    say("Invalid password. Only latin letters, digits and symbols other than '@', ':' and '/' are allowed");
  }
}

bool ask_source_code(InitOptions& options) {
  while (true) {
    const auto answer = ask("Enter server source code URI (none): ");
    if (!answer) return false;
    if (answer->empty()) return true;
    if (answer->starts_with("https://") || answer->starts_with("http://")) {
      options.source_code = *answer;
      return true;
    }
    say("Invalid source code. URI should start from http:// or https://");
  }
}

// The reference's questions, but for what the command line says already. False: the input ended.
bool ask_options(InitCommand& command, const CLI::App& app) {
  auto& options = command.options;
  const auto given = [&](const char* name) { return app.get_option(name)->count() > 0; };
  say("Use `smp-server init -h` for available options.");
  if (!ask("SMP server will be initialized (press Enter)")) return false;
  if (!given("--store") && !given("--disable-store-log") && !given("--store-log")) {
    const auto keep = choose("Keep queues and messages when the server restarts", true);
    if (!keep) return false;
    command.disable_store_log = !*keep;
  }
  if (!given("--daily-stats")) {
    const auto stats = choose("Enable logging daily statistics", false);
    if (!stats) return false;
    options.daily_stats = *stats;
  }
  if (!given("--password") && !given("--no-password") && !ask_password(options)) return false;
  if (!given("--fqdn")) {
    const auto host = ask("Enter server FQDN or IP address for certificate (" + options.host() + "): ");
    if (!host) return false;
    if (!host->empty()) options.fqdn = *host;
  }
  if (!given("--source-code") && !ask_source_code(options)) return false;
  if (given("--web-path") || given("--disable-web")) return true;
  const auto folders = folders_from_environment();
  const auto path = ask("Enter path to store generated server pages to show connection links (" +
                        (folders.log / "www").string() + "): ");
  if (!path) return false;
  if (!path->empty()) options.web_path = *path;
  return true;
}

void say_result(const InitReport& made, const InitCommand& command, const ServerFolders& folders) {
  std::string ports;
  for (const auto port : made.config.ports) ports += (ports.empty() ? "" : ", ") + std::to_string(port);
  const auto address = address_of(made.config, made.identity, made.config.ports.front());
  say("Server initialized, please provide additional server information in " + folders.ini().string() + ".");
  say("Run `smp-server start` to start server.");
  say("");
  say("Written:");
  for (const auto& file : made.written) say("  " + file.string());
  say("Queues and messages will be kept " +
      (command.options.store == StoreKind::memory && !command.options.store_log ? std::string("in memory only")
       : command.options.store == StoreKind::database ? "in PostgreSQL, schema " + made.config.store.database.schema
                                                      : "in " + folders.log.string()) +
      ".");
  say("Other folders: set SMP_SERVER_CFG_PATH and SMP_SERVER_LOG_PATH for init, start and all other commands.");
  say("----------");
  say("You should store CA private key securely and delete it from the server: it is the server's identity, and is "
      "needed only to renew the certificate (smp-server cert).");
  say("CA private key location:");
  say((folders.config / "ca.key").string());
  say("----------");
  say("Open in the firewall: TCP " + ports + " (incoming).");
  if (command.options.fqdn.empty() && command.options.ip == "127.0.0.1") {
    say("No name was given (--fqdn), so only programs on this machine can reach it. Change host in the section "
        "TRANSPORT of smp-server.ini when it has one.");
  }
  if (made.password) say("Only who has this address, with the password in it, can create queues.");
  say(program);
  say("Fingerprint: " + base64url(made.identity.view()));
  say("Server address: " + address);
  if (!is_terminal()) return;
  for (const auto& line : qr_code(address)) say(line);
}

int initialize_relay(InitCommand& command, const CLI::App& app) {
  const auto folders = folders_from_environment();
  auto& options = command.options;
  std::error_code error;
  if (std::filesystem::exists(folders.ini(), error)) {
    return tell({ErrorKind::conflict,
                 "server is already initialized (" + folders.ini().string() +
                     " exists). Run `smp-server start`; `smp-server delete` removes it.",
                 Advice::ask_user});
  }
  if (command.disable_store_log && command.store_option->count() > 0 && command.store != "memory") {
    return tell({ErrorKind::malformed,
                 "--disable-store-log keeps nothing, and --store " + command.store + " keeps everything: choose one",
                 Advice::ask_user},
                misused);
  }
  if (!command.yes && !ask_options(command, app)) {
    return tell({ErrorKind::cancelled,
                 "the relay was not set up: the answers ended. Without questions: smp-server init -y",
                 Advice::give_up});
  }
  options.store_log = !command.disable_store_log;
  options.store = command.disable_store_log || command.store == "memory" ? StoreKind::memory
                  : command.store == "database"                          ? StoreKind::database
                                                                         : StoreKind::embedded;
  command.database.apply(options.database);
  if (command.algorithm == "ED448" || command.algorithm == "ed448") {
    options.algorithm = transport::SignatureAlgorithm::ed448;
  }
  if (command.control_port_option->count() > 0) {
    std::uint16_t port = 5224;
    if (!command.control_port.empty() && !CLI::detail::lexical_cast(command.control_port, port)) {
      return tell({ErrorKind::malformed, "--control-port: " + command.control_port + " is no port", Advice::ask_user});
    }
    options.control_port = port;
  }
  const SystemClock clock;
  SystemRandom random;
  StoreTotals found;
  options.prepare = [&](const ServerConfig& config) -> Result<> {
    if (config.store.kind != StoreKind::database) return {};
    NullLogger logger;
    SIMPLEX_ASSIGN(found, smp::stores::make_schema(stores_of(config.store, folders, logger)));
    return {};
  };
  const auto made = initialize(options, folders, clock, random);
  if (!made) return tell(made.error());
  say_result(*made, command, folders);
  if (found.queues > 0) {
    say(
        fmt::format("WARNING: the schema {} has {} queues already. They are of a relay with another address: if it is "
                    "not this one's backup, give this relay a schema of its own (db_schema).",
                    made->config.store.database.schema, found.queues));
  }
  return succeeded;
}

}  // namespace

Run declare_init(CLI::App& app) {
  auto command = std::make_shared<InitCommand>();
  declare_options(*command, app);
  return [command, &app] { return initialize_relay(*command, app); };
}

}  // namespace simplex::smp_server
