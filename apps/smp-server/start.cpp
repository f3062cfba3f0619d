// smp-server start
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>

#include "simplex/encoding/base64.hpp"
#include "simplex/server_kit/logging.hpp"
#include "simplex/server_kit/service_manager.hpp"
#include "simplex/smp/server/operations.hpp"
#include "command.hpp"
#include "stores.hpp"

namespace simplex::smp_server {
namespace {

using namespace smp::server;

// Each connection is a descriptor: the usual limit of 1024 is one for programs that use select(), as none here does.
void allow_all_descriptors(std::size_t connections, bool serves, Logger& logger) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  constexpr rlim_t others = 1'000;  // the store's files, connections to other relays
  if (!serves || limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= connections + others) return;
  logger.warning(
      fmt::format("this process may open {} files, and [LIMITS] connections is {}: raise LimitNOFILE= of the "
                  "systemd unit, or ulimit -Hn, to {}; or lower connections",
                  limit.rlim_max, connections, connections + others));
}

// Keys and passwords are in memory: they go to no file when the program fails.
void forbid_core_dumps() {
  const rlimit none{};
  (void)::setrlimit(RLIMIT_CORE, &none);
  (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

struct StartOptions {
  bool maintenance = false;
  bool compact_log = false;
  bool skip_warnings = false;
  std::string log_level;  // empty: as smp-server.ini has it
  std::string confirm_migrations;
  std::vector<std::string> settings;

  [[nodiscard]] smp::stores::MigrationConfirmation confirmation() const {
    using smp::stores::MigrationConfirmation;
    return confirm_migrations == "up"     ? MigrationConfirmation::up
           : confirm_migrations == "down" ? MigrationConfirmation::up_down
                                          : MigrationConfirmation::error;
  }
  [[nodiscard]] LogLevel level(LogLevel otherwise) const { return log_level_from(log_level).value_or(otherwise); }
};

std::string period(std::chrono::seconds time) {
  constexpr std::int64_t day = 86'400;
  if (time.count() % day == 0) return fmt::format("{} days", time.count() / day);
  return fmt::format("{} seconds", time.count());
}

std::string store_text(const ServerConfig& config, const ServerFolders& folders) {
  switch (config.store.kind) {
    case StoreKind::embedded: return "Store: " + config.store.embedded.folder.string();
    case StoreKind::database: return "PostgreSQL schema: " + config.store.database.schema;
    case StoreKind::memory: break;
  }
  return config.server.store_log ? "Store log: " + (folders.log / "smp-server-store.log").string()
                                 : "Store log disabled.";
}

// What the operator sees of the configuration, line by line.
std::vector<std::string> summary(const ServerConfig& config, const ServerFolders& folders) {
  const auto& engine = config.server.node.engine;
  const auto& limits = config.server.node.limits;
  std::vector<std::string> lines{store_text(config, folders)};
  const auto& source = config.server.web.site.information.source_code;
  lines.push_back(source.empty() ? "Source code: not told; if you have changed the relay, give source_code in "
                                   "[INFORMATION]: its license asks for that"
                                 : "Source code: " + source);
  if (engine.message_ttl) lines.push_back(fmt::format("expiring messages after {}", period(*engine.message_ttl)));
  lines.push_back(limits.disconnect_inactive
                      ? fmt::format("expiring clients inactive for {} seconds every {} seconds",
                                    limits.inactive_ttl.count(), limits.inactive_check_interval.count())
                      : "not expiring inactive clients");
  lines.push_back(fmt::format("creating new queues {}", !engine.new_queues ? "NOT allowed"
                                                        : engine.password  ? "requires password"
                                                                           : "allowed"));
  return lines;
}

// Settings that only a restart changes, among those that are different now.
std::vector<std::string> for_the_next_start(const server_kit::Ini& started, const server_kit::Ini& now,
                                            const std::vector<std::string>& known) {
  constexpr std::string_view read_again[] = {"AUTH.create_password",
                                             "AUTH.control_port_admin_password",
                                             "AUTH.control_port_user_password",
                                             "LOG.level",
                                             "TRANSPORT.server_certificate",
                                             "TRANSPORT.server_key",
                                             "TRANSPORT.ca_certificate"};
  const auto value = [](const server_kit::Ini& ini, std::string_view name) {
    const auto dot = name.find('.');
    const auto* entry = ini.find(name.substr(0, dot), name.substr(dot + 1));
    return entry == nullptr ? std::nullopt : std::optional(entry->value);
  };
  std::vector<std::string> changed;
  for (const auto& name : known) {
    if (std::ranges::find(read_again, name) != std::end(read_again)) continue;
    if (value(started, name) != value(now, name)) changed.push_back(name);
  }
  return changed;
}

// SIGHUP: certificates, passwords and the log level are read anew; connections stay. What is wrong changes nothing.
void reload(const ServerFolders& folders, const StartOptions& options, const transport::KeyHash& identity,
            const server_kit::Ini& started, Server& server, Operations& operations,
            const server_kit::ServiceManager& manager, server_kit::ServerLogger& logger) {
  manager.reloading(SystemClock());
  const auto reloaded = [&]() -> Result<> {
    SIMPLEX_ASSIGN(auto configuration, load_configuration(folders, options.settings));
    SIMPLEX_ASSIGN(const auto credentials, transport::load_credentials(configuration.config.credentials));
    if (credentials.identity != identity) {
      return fail(ErrorKind::conflict,
                  configuration.config.credentials.ca_certificate.string() +
                      " is the identity of another relay: put back the one this relay was started with",
                  Advice::ask_user);
    }
    // The one that may fail is first.
    SIMPLEX_TRY(server.reload_web_certificate());
    server.use(credentials);
    server.use(configuration.config.password);
    operations.use(std::move(configuration.config.operations.passwords));
    logger.set_level(options.level(configuration.config.log_level));
    const auto later = for_the_next_start(started, configuration.ini, configuration.config.known);
    if (!later.empty()) {
      logger.warning(
          fmt::format("these settings have changed, and have no effect before a restart: {}", fmt::join(later, ", ")));
    }
    return server.reload_web_certificate();
  }();
  if (reloaded) {
    logger.info("certificates, passwords and the log level were read again");
  } else {
    logger.error("nothing was reloaded: " + reloaded.error().message);
  }
  manager.ready("serving");
}

// Tells the service manager that all threads of the relay still answer.
void watch(async::Loop& loop, Server& server, const server_kit::ServiceManager& manager, async::Timer& timer) {
  const auto interval = manager.watchdog_interval();
  if (!interval) return;
  server.status(loop, [&loop, &server, &manager, &timer, pause = *interval](const RelayStatus&) {
    manager.alive();
    timer = loop.after(pause, [&loop, &server, &manager, &timer] { watch(loop, server, manager, timer); });
  });
}

int start(const StartOptions& options) {
  const auto folders = folders_from_environment();
  auto configuration = load_configuration(folders, options.settings);
  if (!configuration) return tell(configuration.error());
  auto& config = configuration->config;
  auto credentials = transport::load_credentials(config.credentials);
  if (!credentials) return tell(credentials.error());
  const auto identity = credentials->identity;
  const auto logger = server_kit::make_stderr_logger("smp-server", options.level(config.log_level));
  for (const auto& each : config.unknown) logger->warning(each + ": unknown setting, it has no effect");
  if (!config.unused.empty()) {
    logger->info(
        fmt::format("settings of the reference that have no meaning here: {}", fmt::join(config.unused, ", ")));
  }

  const auto manager = server_kit::ServiceManager::from_environment();
  forbid_core_dumps();
  allow_all_descriptors(config.server.node.limits.connections, !options.maintenance, *logger);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  // Before any other thread: a signal that comes while the files are read waits for the loop.
  auto loop = async::make_thread_loop();
  for (const int signal : {SIGINT, SIGTERM}) loop->on_signal(signal, [&loop] { loop->stop(); });
  std::move_only_function<void()> hang_up;  // nothing while the relay starts: it reads all anyway
  loop->on_signal(SIGHUP, [&hang_up] {
    if (hang_up) hang_up();
  });

  auto stores = stores_of(*configuration, folders, *logger);
  stores.migrations = options.confirmation();
  auto store = smp::stores::open_store(stores);
  if (!store) return tell(store.error());
  const auto lines = summary(config, folders);
  auto settings = std::move(config.server);
  settings.node.credentials = std::move(*credentials);
  if (options.maintenance) settings.addresses.clear();
  auto operation = std::move(config.operations);
  operation.version = SIMPLEX_VERSION;
  const auto saved = operation.statistics ? Operations::load(*operation.statistics, *logger) : std::nullopt;
  if (saved) settings.active = {saved->active, saved->active_with_notification};
  const auto bounds = bounds_of(settings);
  auto server = Server::start(std::move(settings), std::move(store->backend), *logger);
  if (!server) return tell(server.error());

  const auto& report = (*server)->report();
  say(program);
  const auto port = options.maintenance ? config.ports.front() : (*server)->ports().front();
  say("Fingerprint: " + base64url(identity.view()));
  say("Server address: " + address_of(config, identity, port));
  for (const auto& line : lines) say(line);
  say(fmt::format("Queues: {}, undelivered messages: {}, expired: {}, lines that could not be read: {}", report.queues,
                  report.messages, report.expired_messages, report.rejected_lines));
  // Said when all of them do.
  const auto tell_ports = [&] {
    for (const auto each : (*server)->ports()) say(fmt::format("Listening on port {} (TLS)", each));
    if (const auto web = (*server)->http()) {
      say(web->host.empty() ? fmt::format("Listening on port {} (HTTP, at all addresses)", web->port)
                            : fmt::format("Listening on port {} of {} (HTTP)", web->port, web->host));
    }
  };
  std::unique_ptr<Operations> operations;
  if (!options.maintenance) {
    operations = std::make_unique<Operations>(*loop, **server, bounds, std::move(operation), saved, *logger);
    if (const auto started = operations->start(); !started) return tell(started.error());
    tell_ports();
    if (const auto at = operations->control_port()) say(fmt::format("Control port {} of 127.0.0.1", *at));
    hang_up = [&] { reload(folders, options, identity, configuration->ini, **server, *operations, manager, *logger); };
    if (const auto at = operations->prometheus_port()) say(fmt::format("Metrics: http://127.0.0.1:{}/metrics", *at));
    async::Timer watchdog;
    watch(*loop, **server, manager, watchdog);
    manager.ready("serving");
    loop->run();
    manager.stopping();
  }
  say("Stopping");
  if (const auto stopped = (*server)->stop(); !stopped) return tell(stopped.error());
  if (operations) {
    if (const auto finished = operations->finish((*server)->last()); !finished) return tell(finished.error());
  }
  say("Stopped");
  return succeeded;
}

}  // namespace

Run declare_start(CLI::App& app) {
  auto options = std::make_shared<StartOptions>();
  app.add_flag("-m,--maintenance", options->maintenance, "Load, import, compact and save everything, but serve nobody");
  app.add_flag("--compact-log", options->compact_log, "Compact the store log (always done)");
  app.add_option("--log-level", options->log_level,
                 "As [LOG] level of smp-server.ini, and before it: trace, debug, info, note, warn, error or off")
      ->check(CLI::IsMember({"trace", "debug", "info", "note", "warn", "error", "off"}));
  app.add_flag("--skip-warnings", options->skip_warnings,
               "Start although lines of the logs could not be read (always done, they are kept and reported)");
  app.add_option(
         "--confirm-migrations", options->confirm_migrations,
         "Migrations of a PostgreSQL database that another version left: up brings it up to date, down also takes "
         "back what a newer relay did. Asked for on a terminal, and refused elsewhere, if not given")
      ->check(CLI::IsMember({"up", "down"}));
  app.add_option("--set", options->settings, "A setting for this run, checked like those of smp-server.ini; repeatable")
      ->type_name("SECTION.key=value")
      ->allow_extra_args(false);
  return [options] { return start(*options); };
}

}  // namespace simplex::smp_server
