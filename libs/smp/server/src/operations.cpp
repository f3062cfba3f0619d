#include "simplex/smp/server/operations.hpp"

#include <fmt/format.h>

#include "simplex/server_kit/files.hpp"

namespace simplex::smp::server {
namespace {

namespace fs = std::filesystem;
constexpr const char* this_machine = "127.0.0.1";
// Connections that `clients` tells of.
constexpr std::size_t shown = 10'000;
// Between looks at the clock: it may be set while the relay runs.
constexpr auto tick_interval = std::chrono::seconds(10);

class ControlConversation final : public server_kit::LineConversation {
 public:
  explicit ControlConversation(ControlBackend& backend) : session_(backend) {}
  std::string greeting() override { return ControlSession::greeting(); }
  void receive(std::string_view line, Answer answer) override { session_.receive(line, std::move(answer)); }

 private:
  ControlSession session_;
};

void say(Logger& logger, const Result<>& result) {
  if (!result) logger.error(result.error().message);
}

}  // namespace

void Counting::restart(WallTime now, const Statistics& shards) {
  const auto ended = since(shards);
  carried_ = {};
  carried_.ack_times = ended.ack_times;
  carried_.recipient_services = ended.recipient_services;
  carried_.notifier_services = ended.notifier_services;
  carried_.recipient_service_messages = ended.recipient_service_messages;
  carried_.recipient_service_duplicates = ended.recipient_service_duplicates;
  base_ = shards;
  from_ = now;
}

RelayBounds bounds_of(const ServerSettings& settings) {
  RelayBounds made{
      settings.node.limits, settings.address_limits, settings.node.engine, settings.node.engine.service_limits,
      settings.proxy,       settings.active_queues,  settings.web.limits};
  if (settings.names) {
    made.name_requests = settings.names->concurrency;
    made.names_waiting = settings.names->waiting;
    made.name_timeout = settings.names->timeout;
    made.name_octets = settings.names->max_response;
  }
  return made;
}

std::vector<LimitMetric> limit_metrics(const RelayStatus& status, const RelayBounds& bounds) {
  const auto& limits = bounds.connections;
  const auto& resident = bounds.engine.resident;
  const auto& counts = status.statistics;  // since the start
  const auto& refused = status.relays.refused;
  const auto number = [](auto value) { return static_cast<double>(value); };
  const auto seconds = [](std::chrono::seconds time) { return static_cast<double>(time.count()); };
  const auto time = [&](Duration each) { return seconds(std::chrono::duration_cast<std::chrono::seconds>(each)); };
  return {
      {"connections", number(limits.connections), number(status.open_connections), status.counters.refused},
      {"connections_per_address", number(bounds.addresses.connections), number(status.addresses.most),
       status.addresses.refused_number},
      {"connections_per_address_per_minute", number(bounds.addresses.connections_per_minute), std::nullopt,
       status.addresses.refused_rate},
      {"handshakes", number(limits.handshakes * status.threads),
       number(status.tls.handshakes + status.connections.handshakes),
       status.tls.dropped_handshakes + status.counters.dropped_handshakes},
      {"handshake_timeout", seconds(limits.handshake_timeout), std::nullopt,
       status.tls.timed_out + status.counters.timed_out_handshakes},
      {"unanswered_commands", number(limits.unanswered), std::nullopt, status.counters.paused_unanswered},
      {"pending_bytes", number(limits.pending), std::nullopt, status.counters.paused_pending},
      {"max_pending_bytes", number(limits.max_pending), std::nullopt, status.counters.dropped_full},
      {"slow_reader_timeout", seconds(limits.slow_reader_timeout), std::nullopt, status.counters.dropped_slow},
      {"pending_bytes_in_all", number(limits.pending_in_all), number(status.pending_octets),
       status.counters.dropped_crowded},
      {"queue_quota", number(bounds.engine.queue_quota), std::nullopt, counts.messages_over_quota},
      {"queues", number(bounds.engine.queues), number(bounds.engine.queue_count->load()), counts.refused_queues_in_all},
      {"queues_per_connection", number(bounds.engine.use.new_queues), std::nullopt,
       counts.refused_queues_of_connection},
      {"link_changes_per_connection", number(bounds.engine.use.link_changes), std::nullopt,
       counts.refused_link_changes},
      {"refusals_per_connection", number(bounds.engine.use.refusals), std::nullopt, counts.throttled_unknown_queues},
      {"waiting_bytes_per_thread", number(resident.waiting_octets * status.threads),
       number(status.shards.waiting_octets), counts.refused_waiting},
      // Here it is not refused, but kept in the store only.
      {"idle_queues_per_thread", number(resident.idle_queues * status.threads), number(status.shards.idle_queues),
       counts.dropped_idle_queues},
      {"resident_bytes_per_thread", number(resident.octets * status.threads), number(status.shards.resident_octets),
       counts.released_queues},
      {"resident_bytes_per_queue", number(resident.queue_octets), std::nullopt, counts.postponed_deliveries},
      {"remembered_ids_per_thread", number(resident.remembered_ids * status.threads),
       number(status.shards.remembered_ids), counts.forgotten_ids},
      {"services", number(bounds.services.services),
       number(status.services.recipient_services + status.services.notifier_services), status.services.refused},
      {"unproven_services", number(bounds.services.unproven), number(status.services.unproven),
       status.services.forgotten},
      {"notifications", number(bounds.engine.notifications.in_all), number(status.shards.notifications),
       counts.notifications_lost},
      {"proxy_sessions", number(bounds.proxy.sessions), number(status.relays.connected), refused.sessions},
      {"proxy_sessions_of_client", number(bounds.proxy.sessions_of_client), std::nullopt, refused.sessions_of_client},
      {"proxy_connects_per_minute", number(bounds.proxy.connects_per_minute), std::nullopt,
       refused.connects_per_minute},
      {"proxy_connecting", number(bounds.proxy.connecting), number(status.relays.connecting), refused.connecting},
      {"proxy_connecting_of_client", number(bounds.proxy.connecting_of_client), std::nullopt,
       refused.connecting_of_client},
      {"proxy_unanswered", number(bounds.proxy.unanswered), number(status.relays.unanswered), refused.unanswered},
      {"proxy_unanswered_of_session", number(bounds.proxy.unanswered_of_session), std::nullopt,
       refused.unanswered_of_session},
      {"client_concurrency", number(limits.proxied), std::nullopt,
       status.counters.paused_proxied + refused.unanswered_of_client},
      {"allowed_ports", number(bounds.proxy.ports.size()), std::nullopt, refused.targets},
      {"names_per_connection", number(bounds.engine.names), std::nullopt, counts.refused_names_of_connection},
      {"resolver_concurrency", number(bounds.name_requests), number(status.names.running), std::nullopt},
      {"names_waiting", number(bounds.names_waiting), number(status.names.waiting), status.names.refused},
      {"resolver_timeout_ms", number(bounds.name_timeout.count()), std::nullopt, status.names.timed_out},
      {"resolver_max_response_bytes", number(bounds.name_octets), std::nullopt, status.names.too_large},
      {"web_connections", number(bounds.web.connections * status.threads), number(status.web.connections),
       status.web.refused_connections},
      {"web_request_bytes", number(bounds.web.header_octets), std::nullopt, status.web.too_large},
      {"web_header_timeout", time(bounds.web.header_timeout), std::nullopt, status.web.timed_out},
      {"web_answer_timeout", time(bounds.web.answer_timeout), std::nullopt, status.web.unread},
      {"web_idle_timeout", time(bounds.web.idle_timeout), std::nullopt, status.web.idle},
      {"active_queues", number(bounds.active_queues), number(status.active.month), status.active_uncounted},
  };
}

std::optional<SavedStatistics> Operations::load(const fs::path& file, Logger& logger) {
  const auto text = server_kit::read_file(file);
  if (!text) {
    if (text.error().kind != ErrorKind::not_found) logger.error(text.error().message);
    return std::nullopt;
  }
  auto read = parse_statistics(as_text(*text));
  if (read) return std::move(*read);
  auto kept = file;
  kept += ".unreadable";
  std::error_code error;
  fs::rename(file, kept, error);
  logger.error(fmt::format("{}: {}. The relay counts from zero, and the file is kept as {}", file.string(),
                           read.error().message, kept.filename().string()));
  return std::nullopt;
}

Operations::Operations(async::Loop& loop, Server& server, RelayBounds bounds, OperationSettings settings,
                       std::optional<SavedStatistics> saved, Logger& logger)
    : loop_(loop),
      server_(server),
      bounds_(std::move(bounds)),
      settings_(std::move(settings)),
      logger_(logger),
      counting_(saved ? saved->from : loop.wall(), saved ? saved->counts : Statistics()),
      blocked_(saved && !begins(Period::day, saved->from, loop.wall()) ? saved->counts.queues_blocked : 0),
      periods_from_(saved ? saved->from : loop.wall()),
      next_day_(next_day(loop.wall())),
      started_(loop.wall()) {}

Operations::~Operations() = default;

Result<> Operations::start() {
  if (settings_.prometheus_port) {
    server_kit::HttpSettings http;
    http.connections = 16;
    SIMPLEX_ASSIGN(endpoint_, server_kit::serve_http(
                                  loop_, {.addresses = {{this_machine, *settings_.prometheus_port}}, .keep_alive = {}},
                                  http, [this](const server_kit::HttpRequest& request, server_kit::HttpReply reply) {
                                    if (request.path != "/metrics") {
                                      return reply(server_kit::HttpResponse::text(404, "Metrics are at /metrics.\n"));
                                    }
                                    metrics([reply = std::move(reply)](std::string text) mutable {
                                      reply(server_kit::HttpResponse::text(200, std::move(text),
                                                                           "text/plain; version=0.0.4; charset=utf-8"));
                                    });
                                  }));
  }
  if (settings_.control_port) {
    server_kit::LineServerSettings lines;
    lines.addresses = {{this_machine, *settings_.control_port}};
    lines.connections = settings_.control_connections;
    lines.line_octets = ControlSession::max_line;
    lines.idle_timeout = settings_.control_idle_timeout;
    SIMPLEX_ASSIGN(control_, server_kit::LineServer::start(loop_, std::move(lines), [this] {
                     return std::make_unique<ControlConversation>(static_cast<ControlBackend&>(*this));
                   }));
  }
  tick();
  if (settings_.statistics) save_soon();
  if (settings_.metrics) write_metrics();
  return {};
}

std::optional<std::uint16_t> Operations::control_port() const {
  return control_ ? std::optional(control_->ports().front()) : std::nullopt;
}

std::optional<std::uint16_t> Operations::prometheus_port() const {
  return endpoint_ ? std::optional(endpoint_->ports().front()) : std::nullopt;
}

// ---- files

void Operations::tick() {
  if (loop_.wall() >= next_day_ && !std::exchange(day_ends_, true)) end_day();
  tick_timer_ = loop_.after(tick_interval, [this] { tick(); });
}

void Operations::end_day() {
  server_.status(loop_, [this](const RelayStatus& status) {
    const auto now = loop_.wall();
    const auto from = counting_.from();
    if (settings_.daily) {
      const auto line = daily_line(from, now, counting_.since(status.statistics), status.active,
                                   status.active_with_notification, totals_of(status));
      auto file = server_kit::AppendFile::open(*settings_.daily, server_kit::public_file);
      if (!file) {
        logger_.error(file.error().message);
      } else {
        say(logger_, file->append(as_bytes(line)));
      }
      counting_.restart(now, status.statistics);
    }
    for (const auto period : all_periods) {
      if (begins(period, periods_from_, now)) server_.begin(period);
    }
    periods_from_ = now;
    blocked_ = 0;
    next_day_ = next_day(now);
    day_ends_ = false;
  });
}

void Operations::save_soon() {
  save_timer_ = loop_.after(settings_.statistics_interval, [this] {
    save([this](const Result<>& saved) {
      say(logger_, saved);
      save_soon();
    });
  });
}

void Operations::save(std::move_only_function<void(Result<>)> done) {
  if (!settings_.statistics) return done({});
  server_.active_queues(loop_, [this, done = std::move(done)](ActiveHashes active) mutable {
    server_.status(loop_,
                   [this, done = std::move(done), active = std::move(active)](const RelayStatus& status) mutable {
                     done(write_statistics(status, std::move(active)));
                   });
  });
}

Result<> Operations::write_statistics(const RelayStatus& status, ActiveHashes active) {
  SavedStatistics made;
  made.from = counting_.from();
  made.counts = counting_.since(status.statistics);
  made.queues = status.totals.queues;
  // In the order of the reference, which is that of signed numbers.
  const auto sort = [](PeriodHashes& hashes) {
    for (auto& set : hashes) {
      std::ranges::sort(set, {}, [](std::uint64_t hash) { return static_cast<std::int64_t>(hash); });
    }
  };
  sort(active.all);
  sort(active.with_notification);
  made.active = std::move(active.all);
  made.active_with_notification = std::move(active.with_notification);
  const auto text = format_statistics(made);
  return server_kit::replace_file(*settings_.statistics, as_bytes(text), server_kit::private_file);
}

Result<> Operations::finish(const Server::Last& last) {
  tick_timer_.cancel();
  save_timer_.cancel();
  metrics_timer_.cancel();
  control_.reset();
  endpoint_.reset();
  if (!settings_.statistics) return {};
  return write_statistics(last.status, last.active);
}

// ---- metrics

std::vector<LimitMetric> Operations::limits_of(const RelayStatus& status) const {
  auto limits = limit_metrics(status, bounds_);
  if (control_) {
    const auto counted = control_->counters();
    limits.push_back({"control_connections", static_cast<double>(settings_.control_connections),
                      static_cast<double>(counted.connections), counted.refused});
  }
  return limits;
}

std::string Operations::metrics_of(const RelayStatus& status) const {
  MetricsInput input;
  input.version = settings_.version;
  input.from = counting_.from();
  input.now = loop_.wall();
  input.counts = counting_.since(status.statistics);
  input.status = status;
  input.totals = totals_of(status);
  input.process = process_status();
  input.limits = limits_of(status);
  return metrics_text(input);
}

void Operations::metrics(std::move_only_function<void(std::string)> done) {
  server_.status(loop_,
                 [this, done = std::move(done)](const RelayStatus& status) mutable { done(metrics_of(status)); });
}

void Operations::write_metrics() {
  metrics_timer_ = loop_.after(settings_.metrics_interval, [this] {
    metrics([this](const std::string& text) {
      say(logger_, server_kit::replace_file(*settings_.metrics, as_bytes(text), server_kit::public_file));
      write_metrics();
    });
  });
}

// ---- control port

void Operations::stats(bool admin, Text done) {
  server_.status(loop_, [this, admin, done = std::move(done)](const RelayStatus& status) mutable {
    const auto counts = counting_.since(status.statistics);
    const auto totals = totals_of(status);
    std::string text;
    const auto line = [&](std::string_view name, auto value) { text += fmt::format("{}: {}\n", name, value); };
    const auto proxy = [&](std::string_view name, const ProxyStatistics& part) {
      line(name,
           fmt::format("requests={}, successes={}, errorsConnect={}, errorsCompat={}, errorsOther={}", part.requests,
                       part.successes, part.connect_errors, part.compat_errors, part.other_errors));
    };
    auto from = format_time(counting_.from());
    from[10] = ' ';
    from.pop_back();
    line("fromTime", from + " UTC");
    line("qCreated", counts.queues_created);
    line("qSecured", counts.queues_secured);
    line("qDeletedAll", counts.queues_deleted);
    line("qDeletedAllB", counts.queues_deleted_batches);
    line("qDeletedNew", counts.queues_deleted_new);
    line("qDeletedSecured", counts.queues_deleted_secured);
    line("daily active queues", status.active.day);
    line("qSub", counts.subscriptions);
    line("qSubAllB", counts.subscription_batches);
    line("qSubEnd", counts.subscriptions_ended);
    line("qSubEndB", counts.subscription_end_batches);
    line("other SUB events (auth, duplicate, prohibited)",
         fmt::format("({},{},{})", counts.subscriptions_refused, counts.subscriptions_duplicate,
                     counts.subscriptions_prohibited));
    line("msgSent", counts.messages_sent);
    line("msgRecv", counts.messages_received);
    line("msgRecvGet", counts.messages_received_by_get);
    line("msgGet", counts.gets);
    line("msgGetNoMsg", counts.gets_without_message);
    line("other GET events (auth, duplicate, prohibited)",
         fmt::format("({},{},{})", counts.gets_refused, counts.gets_duplicate, counts.gets_prohibited));
    line("msgSentNtf", counts.messages_sent_with_notification);
    line("msgRecvNtf", counts.messages_received_with_notification);
    line("msgNtfs", counts.notifications);
    line("msgNtfsB", counts.notification_batches);
    line("msgNtfExpired", counts.notifications_expired);
    line("qCount", totals.store.queues);
    line("qCount 2", totals.store.queues);
    line("notifiers", totals.store.notifiers);
    line("msgCount", totals.store.messages);
    line("ntfCount", totals.notifications);
    if (admin) line("ntfCount 2", totals.notifications);
    proxy("pRelays", counts.relays);
    proxy("pRelaysOwn", counts.relays_own);
    proxy("pMsgFwds", counts.forwarded);
    proxy("pMsgFwdsOwn", counts.forwarded_own);
    line("pMsgFwdsRecv", counts.forwarded_received);
    line("rcvServiceCount", totals.recipient_services);
    line("ntfServiceCount", totals.notifier_services);
    line("rcvServiceQueuesCount", totals.recipient_service_queues);
    line("ntfServiceQueuesCount", totals.notifier_service_queues);
    done(std::move(text));
  });
}

void Operations::runtime(Text done) {
  const auto process = process_status();
  done(fmt::format(
      "resident memory: {} bytes\nvirtual memory: {} bytes\nprocessor time: {:.2f} seconds\nthreads: {}\n"
      "open files: {} of {}\nuptime: {} seconds\n",
      process.resident_octets, process.virtual_octets, process.cpu_seconds, process.threads, process.open_files,
      process.max_files, std::chrono::floor<std::chrono::seconds>(loop_.wall() - started_).count()));
}

void Operations::clients(Text done) {
  server_.clients(loop_, shown, [this, done = std::move(done)](const std::vector<ClientStatus>& clients) mutable {
    const auto now = seconds_since_epoch(loop_.wall());
    std::string text = "clientId,sessionId,connected,createdAt,rcvActiveAt,sndActiveAt,age,subscriptions\n";
    for (const auto& client : clients) {
      text += fmt::format("{},{},True,{},{},{},{},{}\n", client.id.value(), client.session, client.connected_at,
                          client.active_at, client.active_at, now - client.connected_at, client.subscriptions);
    }
    if (clients.size() >= shown) text += fmt::format("only {} are shown\n", shown);
    done(std::move(text));
  });
}

void Operations::threads(Text done) {
  server_.status(loop_, [done = std::move(done)](const RelayStatus& status) mutable {
    const auto process = process_status();
    done(fmt::format("Threads: {}\nloops with connections and queues: {}\nothers: {}\n", process.threads,
                     status.threads, process.threads - std::min<std::uint64_t>(process.threads, status.threads)));
  });
}

void Operations::sockets(Text done) {
  server_.status(loop_, [done = std::move(done)](const RelayStatus& status) mutable {
    std::string text;
    for (const auto& port : status.ports) {
      text += fmt::format("Sockets for port {}:\naccepted: {}\nclosed: {}\nactive: {}\nleaked: 0\n", port.port,
                          port.accepted, port.closed, port.active());
    }
    done(std::move(text));
  });
}

void Operations::server_info(bool admin, Text done) {
  server_.status(loop_, [this, admin, done = std::move(done)](const RelayStatus& status) mutable {
    const auto process = process_status();
    auto text = fmt::format("Threads: {}\nClients: {}\n", process.threads, status.shards.clients);
    if (admin) {
      text += fmt::format("Bytes that wait for clients: {}\nConnections in the handshake: {}\n", status.pending_octets,
                          status.tls.handshakes + status.connections.handshakes);
      for (const auto& limit : limits_of(status)) {
        text += fmt::format("Limit {}: {}", limit.limit, limit.max);
        if (limit.now) text += fmt::format(", now {}", *limit.now);
        if (limit.refused) text += fmt::format(", refused {}", *limit.refused);
        text += '\n';
      }
    }
    text += fmt::format("SMP subscriptions: {}\nSMP subscribed clients: {}\nNtf subscriptions: {}\n",
                        status.shards.subscriptions, status.shards.subscribed_clients,
                        status.shards.notifier_subscriptions);
    done(std::move(text));
  });
}

void Operations::save(Text done) {
  save([done = std::move(done)](const Result<>& saved) mutable {
    done(saved ? std::string("saving server state...\nserver state saved!\n")
               : fmt::format("saving server state...\nerror: {}\n", saved.error().message));
  });
}

void Operations::control(QueueControl control) { server_.control(loop_, std::move(control)); }

std::optional<std::string> Operations::no_more_blocking() const {
  const auto quota = settings_.daily_block_quota;
  if (quota == 0 || static_cast<std::int64_t>(blocked_) < quota) return std::nullopt;
  return fmt::format("error: reached limit of {} queues blocked daily\n", quota);
}

void Operations::note_command(std::string_view name) { logger_.info(fmt::format("control port: {}", name)); }

}  // namespace simplex::smp::server
