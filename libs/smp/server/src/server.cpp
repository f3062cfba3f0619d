#include "simplex/smp/server/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <latch>
#include <set>
#include <thread>

#include "simplex/server_kit/files.hpp"
#include "simplex/smp/server/saved_notifications.hpp"
#include "simplex/transport/tls.hpp"
#include "gather.hpp"
#include "relay_web.hpp"
#include "unsaved_messages.hpp"

namespace simplex::smp::server {
namespace {

namespace fs = std::filesystem;

// One thread of the relay. Members are destroyed from the last: what uses the loop goes before it.
struct Worker {
  explicit Worker(std::size_t active_queues) : periods(active_queues) {}

  std::unique_ptr<async::ThreadLoop> loop = async::make_thread_loop();
  SystemRandom random;
  QueuePeriods periods;
  std::unique_ptr<Store> store;
  std::unique_ptr<Node> node;
  std::unique_ptr<server_kit::HttpServer> web;
  std::unique_ptr<server_kit::HttpEndpoint> plain_web;  // of the first only
  std::unique_ptr<transport::TlsListener> listener;
  transport::TlsListener::Counters last_tls;  // when it is closed
  std::vector<transport::PortCounters> last_ports;
  std::thread thread;
  const RelaySessions* sessions = nullptr;  // of the node, until it stops; null: it is no proxy

  void end_listening() {
    sessions = nullptr;
    if (!listener) return;
    last_tls = listener->counters();
    last_ports = listener->port_counters();
    listener.reset();
  }
  // On its loop, or when that has ended.
  [[nodiscard]] RelayStatus status() {
    RelayStatus made;
    made.threads = 1;
    made.statistics = node->shard().statistics();
    made.counters = node->counters();
    made.connections = node->gauges();
    made.shards = node->shard().gauges();
    made.queues_in_memory = node->shard().queue_count();
    made.store = node->store_timing();
    if (sessions != nullptr) made.relays = sessions->counters();
    if (const auto* names = node->names()) made.names = names->counters();
    if (web) made.web += web->counters();
    if (plain_web) made.web += plain_web->counters();
    made.active = periods.counts();
    made.active_with_notification = periods.notification_counts();
    made.active_uncounted = periods.uncounted();
    made.tls = listener ? listener->counters() : last_tls;
    made.ports = listener ? listener->port_counters() : last_ports;
    return made;
  }
  [[nodiscard]] ActiveHashes active() const { return {periods.hashes(false), periods.hashes(true)}; }
};

class ThreadedServer final : public Server {
 public:
  ThreadedServer(ServerSettings settings, std::unique_ptr<StoreBackend> backend, Logger& logger)
      : settings_(std::move(settings)), logger_(logger), backend_(std::move(backend)) {
    auto& engine = settings_.node.engine;
    engine.services = std::make_shared<ServiceBook>();  // seats of another run are nobody's
    engine.services->set_limits(engine.service_limits);
    // What is loaded at the start expires there.
    settings_.node.limits.expire_on_start = backend_ && settings_.expire_messages_on_start;
  }
  ~ThreadedServer() override {
    if (const auto stopped = stop(); !stopped) logger_.error(stopped.error().message);
    // When it was never started.
    if (const auto closed = close_store(); !closed) logger_.error(closed.error().message);
  }

  Result<> run() {
    // Before anything is read: a second process, which fails later or only does maintenance, would put a compacted log
    // in the place of the one that the first still writes to.
    SIMPLEX_TRY(lock_folders());
    LoggedQueues queues;
    SIMPLEX_TRY(make_workers(queues));
    // Before the messages: a port in use must leave their file as it is. Connections wait until the loops run.
    SIMPLEX_TRY(listen());
    SIMPLEX_TRY(restore_services(queues));
    SIMPLEX_TRY(restore_all(std::move(queues)));
    SIMPLEX_TRY(restore_notifications());
    for (auto& worker : workers_) {
      worker->thread = std::thread([loop = worker->loop.get(), node = worker->node.get()] {
        loop->post([node] { node->start(); });
        loop->run();
      });
    }
    running_ = true;
    if (settings_.names) probe_names();
    return {};
  }

  const std::vector<std::uint16_t>& ports() const override { return ports_; }
  std::optional<transport::Endpoint> http() const override { return http_; }
  const StartReport& report() const override { return report_; }

  void status(async::Loop& loop, Done<RelayStatus> done) override {
    gather<RelayStatus>(
        loops_, loop, [this](std::size_t i) { return workers_[i]->status(); },
        [this, done = std::move(done)](const std::vector<RelayStatus>& parts) mutable { done(whole(parts)); });
  }

  void active_queues(async::Loop& loop, Done<ActiveHashes> done) override {
    gather<ActiveHashes>(
        loops_, loop, [this](std::size_t i) { return workers_[i]->active(); },
        [done = std::move(done)](std::vector<ActiveHashes> parts) mutable {
          ActiveHashes all;
          for (auto& part : parts) all += std::move(part);
          done(std::move(all));
        });
  }

  void clients(async::Loop& loop, std::size_t limit, Done<std::vector<ClientStatus>> done) override {
    using Clients = std::vector<ClientStatus>;
    gather<Clients>(
        loops_, loop, [this, limit](std::size_t i) { return workers_[i]->node->clients(limit); },
        [limit, done = std::move(done)](std::vector<Clients> parts) mutable {
          Clients all;
          for (auto& part : parts) {
            for (auto& client : part) {
              if (all.size() < limit) all.push_back(std::move(client));
            }
          }
          done(std::move(all));
        });
  }

  void control(async::Loop& loop, QueueControl control) override {
    control.done = [&loop, done = std::move(control.done)](Result<QueueControl::Answer> answer) mutable {
      loop.post([done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
    };
    loops_[0]->post([node = nodes_[0], control = std::move(control)]() mutable { node->control(std::move(control)); });
  }

  void begin(Period period) override {
    for (auto& worker : workers_)
      worker->loop->post([worker = worker.get(), period] { worker->periods.begin(period); });
  }

  void use(const transport::ServerCredentials& credentials) override {
    for (auto& worker : workers_) {
      worker->loop->post([worker = worker.get(), mine = credentials.clone()]() mutable {
        if (worker->listener) worker->listener->use_credentials(mine);
        worker->node->use_credentials(std::move(mine));
      });
    }
  }

  void use(const std::optional<BasicAuth>& password) override {
    for (auto& worker : workers_) {
      worker->loop->post([worker = worker.get(), password] { worker->node->use_password(password); });
    }
  }

  const Last& last() const override { return last_; }

  Result<> reload_web_certificate() override {
    if (!web_) return {};
    SIMPLEX_ASSIGN(const auto credentials, web_->load_credentials());
    for (auto& worker : workers_) {
      worker->loop->post([this, worker = worker.get(), credentials] {
        if (!worker->listener) return;
        const auto used = worker->listener->use_web_credentials(credentials);
        if (!used) logger_.error(used.error().message);
      });
    }
    return {};
  }

  Result<> stop() override {
    if (!std::exchange(running_, false)) return {};
    std::latch stopped(static_cast<std::ptrdiff_t>(workers_.size()));
    for (auto& worker : workers_) {
      worker->loop->post([worker = worker.get(), limit = settings_.stop_limit, &stopped] {
        worker->end_listening();
        worker->plain_web.reset();
        worker->web.reset();
        worker->node->stop(limit, [&stopped] { stopped.count_down(); });
      });
    }
    stopped.wait();
    for (auto& worker : workers_) worker->loop->stop();
    for (auto& worker : workers_) worker->thread.join();
    note_last();
    auto saved = save_notifications();
    if (backend_) {
      SIMPLEX_TRY(close_store());
      return saved;
    }
    if (auto messages = save_messages(); !messages) saved = std::move(messages);
    workers_.clear();
    return saved;
  }

 private:
  Result<> lock_folders() {
    if (backend_) return {};
    std::set<fs::path> folders;
    for (const auto& file : {settings_.store_log, settings_.messages}) {
      if (file) folders.insert(file->has_parent_path() ? file->parent_path() : fs::path("."));
    }
    for (const auto& folder : folders) {
      SIMPLEX_ASSIGN(auto lock, server_kit::DirectoryLock::take(folder));
      locks_.push_back(std::move(lock));
    }
    return {};
  }

  // The store calls what still waits for it, so shards and their loops are there until it is closed.
  Result<> close_store() {
    if (!backend_) return {};
    auto closed = backend_->close();
    workers_.clear();
    backend_.reset();
    return closed;
  }

  Result<> make_workers(LoggedQueues& queues) {
    std::shared_ptr<StoreLog> log;
    if (settings_.store_log && !backend_) {
      SIMPLEX_ASSIGN(queues, read_store_log(*settings_.store_log));
      note(*settings_.store_log, queues.problems);
      SIMPLEX_ASSIGN(log, compact_store_log(*settings_.store_log, queues, clock_));
    }
    auto count = settings_.threads > 0 ? settings_.threads : std::size_t{std::thread::hardware_concurrency()};
    count = std::clamp<std::size_t>(count, 1, 64);
    if (settings_.proxy.enabled) relay_names_ = transport::make_host_resolver();
    for (std::size_t i = 0; i < count; ++i) {
      auto worker = std::make_unique<Worker>(settings_.active_queues / count + 1);
      worker->store =
          backend_ ? backend_->shard(i, count, *worker->loop) : std::make_unique<MemoryStore>(log, &logger_);
      worker->node = std::make_unique<Node>(i, count, *worker->loop, settings_.node, worker->random, *worker->store,
                                            logger_, load_);
      worker->node->shard().report_active_queues(&worker->periods);
      if (settings_.proxy.enabled) {
        auto sessions = make_tls_relay_sessions(*worker->loop, worker->random, worker->node->shard().statistics(),
                                                share_of(settings_.proxy, count), relay_names_);
        worker->sessions = sessions.get();
        worker->node->route_privately(std::move(sessions));
      }
      nodes_.push_back(worker->node.get());
      loops_.push_back(worker->loop.get());
      workers_.push_back(std::move(worker));
    }
    for (auto* node : nodes_) node->join(nodes_);
    restore_active();
    return resolve_names();
  }

  void restore_active() {
    auto earlier = std::make_shared<QueuePeriods>();
    earlier->add(settings_.active.all, false);
    earlier->add(settings_.active.with_notification, true);
    settings_.active = {};
    if (earlier->size() == 0) return;
    for (auto& worker : workers_) worker->periods.continue_from(earlier, worker == workers_.front());
  }

  RelayStatus whole(const std::vector<RelayStatus>& parts) {
    RelayStatus all;
    for (const auto& part : parts) all += part;
    all.totals =
        backend_ ? backend_->totals() : StoreTotals{all.queues_in_memory, all.shards.messages, all.shards.notifiers};
    all.open_connections = load_.connections;
    all.pending_octets = load_.pending;
    if (admission_) all.addresses = admission_->counters();
    if (const auto& services = settings_.node.engine.services) all.services = services->counters();
    return all;
  }

  void note_last() {
    std::vector<RelayStatus> parts;
    for (auto& worker : workers_) {
      parts.push_back(worker->status());
      last_.active += worker->active();
    }
    last_.status = whole(parts);
  }

  Result<> restore_services(LoggedQueues& queues) {
    if (backend_) {
      SIMPLEX_ASSIGN(queues.services, backend_->services());
    }
    settings_.node.engine.services->restore(queues.services);
    return {};
  }

  Result<> restore_notifications() {
    if (!settings_.notifications) return {};
    const auto& file = *settings_.notifications;
    SIMPLEX_ASSIGN(const auto restored, server::restore_notifications(file, nodes_, settings_.node.engine.notifications,
                                                                      seconds_since_epoch(clock_.wall())));
    report_.notifications = restored.restored;
    report_.rejected_lines += restored.rejected;
    if (restored.rejected > 0) {
      logger_.warning(fmt::format("{}: {} lines that could not be used are kept in {}.rejected", file.string(),
                                  restored.rejected, file.filename().string()));
    }
    return {};
  }

  Result<> resolve_names() {
    if (!settings_.names) return {};
    SIMPLEX_ASSIGN(auto made, transport::make_web_connector({settings_.names->tls, std::nullopt}));
    const std::shared_ptr<transport::WebConnector> connector = std::move(made);
    for (auto& worker : workers_) {
      worker->node->resolve_names(make_name_resolver(*worker->loop, *settings_.names, connector, workers_.size()));
    }
    return {};
  }

  // A resolver that is down is no reason not to start; the operator wants to know.
  void probe_names() {
    loops_[0]->post([this, node = nodes_[0]] {
      if (node->names() == nullptr) return;
      node->names()->resolve(
          *SimplexDomain::parse("probe.simplex"), [this](const Result<NameRecord, NameError>& found) {
            if (found) return;
            if (const auto* error = std::get_if<name_errors::Resolver>(&found.error())) {
              logger_.warning(
                  fmt::format("the resolver of names does not answer as it should ({}): RSLV will fail until it "
                              "does. Look at [NAMES] resolver_endpoint",
                              error->text));
            }
          });
    });
  }

  Result<> save_notifications() {
    if (!settings_.notifications) return {};
    SIMPLEX_ASSIGN(const auto count, server::save_notifications(*settings_.notifications, nodes_));
    logger_.info(fmt::format("saved {} notifications in {}", count, settings_.notifications->string()));
    return {};
  }

  void prepare_web() {
    auto& shown = settings_.web.site.configuration;
    using Persistence = PublicConfiguration::Persistence;
    shown.persistence = backend_ || settings_.messages ? Persistence::messages
                        : settings_.store_log          ? Persistence::queues
                                                       : Persistence::memory;
    shown.message_ttl = settings_.node.engine.message_ttl;
    shown.new_queues = settings_.node.engine.new_queues;
    shown.password = settings_.node.engine.password.has_value();
    web_ = std::make_unique<RelayWeb>(std::move(settings_.web), logger_);
  }

  Result<> restore_all(LoggedQueues queues) {
    if (backend_) {
      const auto totals = backend_->totals();
      report_.queues = totals.queues;
      *settings_.node.engine.queue_count = totals.queues;
      report_.messages = totals.messages;
      return {};
    }
    LoggedMessages messages;
    if (settings_.messages) {
      SIMPLEX_ASSIGN(const auto unsaved, keep_unsaved_messages(*settings_.messages, clock_));
      if (unsaved) {
        logger_.warning(
            fmt::format("the relay was not stopped in order: undelivered messages that came since its last start are "
                        "lost. Those of before, of which some were delivered, are kept in {}. To deliver them, perhaps "
                        "again: stop the relay, add them to {}, and start it",
                        unsaved->string(), settings_.messages->filename().string()));
      }
      SIMPLEX_ASSIGN(messages, read_messages(*settings_.messages));
      note(*settings_.messages, messages.problems);
    }
    std::optional<std::int64_t> expire_before;
    const auto& ttl = settings_.node.engine.message_ttl;
    if (settings_.expire_messages_on_start && ttl) {
      expire_before = seconds_since_epoch(clock_.wall()) - ttl->count();
    }
    const auto restored = restore(nodes_, std::move(queues), std::move(messages), expire_before);
    report_.queues = restored.queues;
    report_.messages = restored.messages;
    report_.expired_messages = restored.expired;
    nodes_.front()->shard().statistics().messages_expired += restored.expired;
    if (!settings_.messages) return {};
    if (!restored.without_queue.empty()) {
      logger_.warning(fmt::format("{}: messages of {} queues that do not exist are kept in {}.rejected",
                                  settings_.messages->string(), restored.without_queue.size(),
                                  settings_.messages->filename().string()));
      SIMPLEX_TRY(reject_messages(*settings_.messages, restored.without_queue));
    }
    // Restored once only: after a crash the messages that were delivered meanwhile must not come again.
    std::error_code error;
    if (!fs::exists(*settings_.messages, error)) return {};
    auto kept = *settings_.messages;
    kept += ".bak";
    fs::rename(*settings_.messages, kept, error);
    if (error) {
      return fail(
          ErrorKind::storage,
          fmt::format("cannot rename {} to {}: {}", settings_.messages->string(), kept.string(), error.message()),
          Advice::ask_user);
    }
    return {};
  }

  Result<> listen() {
    if (settings_.addresses.empty()) return {};
    admission_ = transport::AddressBounds::make(settings_.address_limits, clock_, random_);
    prepare_web();
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      auto& worker = *workers_[i];
      worker.web = web_->serve(*worker.loop);
      if (i == 0) {
        SIMPLEX_ASSIGN(worker.plain_web, web_->serve_plain(*worker.loop));
        if (worker.plain_web) http_ = {web_->http()->host, worker.plain_web->ports().at(0)};
      }
      transport::ListenSettings listen;
      listen.addresses = web_->addresses(settings_.addresses);
      listen.web = web_->credentials();
      // Clients that reach relays through the web's port offer the web's name.
      listen.alpn = {"smp/1", "http/1.1"};
      // What the first one was given for port 0 is what the others share.
      for (std::size_t a = 0; i > 0 && a < listen.addresses.size(); ++a) listen.addresses[a].port = ports_[a];
      listen.handshake_timeout = settings_.node.limits.handshake_timeout;
      listen.admission = admission_;
      listen.max_handshakes = settings_.node.limits.handshakes;
      listen.send_buffer = settings_.node.limits.send_buffer;
      if (workers_.size() > 1) listen.sharing = i == 0 ? transport::PortSharing::first : transport::PortSharing::join;
      SIMPLEX_ASSIGN(worker.listener, transport::listen_tls(*worker.loop, settings_.node.credentials, std::move(listen),
                                                            {.accepted =
                                                                 [&worker](transport::ChannelPtr channel) {
                                                                   if (channel->info().web)
                                                                     return worker.web->accept(std::move(channel));
                                                                   worker.node->accept(std::move(channel));
                                                                 },
                                                             .refused = tell_of_limits(worker)}));
      if (i == 0) ports_ = worker.listener->ports();
    }
    return {};
  }

  // When the machine's limits keep clients away, the operator hears of it, and not for each of them.
  std::move_only_function<void(const Error&)> tell_of_limits(Worker& worker) {
    return [this, &loop = *worker.loop, quiet_until = Instant{}](const Error& error) mutable {
      if (settings_.log_tls_errors) logger_.info("TLS: " + error.message);
      if (error.kind != ErrorKind::limit || loop.now() < quiet_until) return;
      quiet_until = loop.now() + std::chrono::minutes(10);
      logger_.warning(error.message);
    };
  }

  void note(const fs::path& file, const std::vector<LogProblem>& problems) {
    constexpr std::size_t shown = 20;
    for (std::size_t i = 0; i < std::min(problems.size(), shown); ++i) {
      logger_.warning(fmt::format("{}:{}: {}", file.string(), problems[i].line, problems[i].what));
    }
    if (problems.size() > shown) {
      logger_.warning(fmt::format("{}: and {} more lines", file.string(), problems.size() - shown));
    }
    if (!problems.empty()) {
      logger_.warning(fmt::format("{}: the lines that could not be used are kept in {}.rejected", file.string(),
                                  file.filename().string()));
    }
    report_.rejected_lines += problems.size();
  }

  Result<> save_messages() {
    if (!settings_.messages) return {};
    SIMPLEX_ASSIGN(auto writer, MessageLogWriter::begin(*settings_.messages));
    Result<> written;
    std::size_t count = 0;
    for (const auto& worker : workers_) {
      worker->node->shard().for_each_queue([&](const QueueRecord& queue, std::span<const MessagePtr> messages) {
        for (const auto& message : messages) {
          if (written) written = writer.add(queue.recipient_id, *message);
          ++count;
        }
      });
    }
    SIMPLEX_TRY(std::move(written));
    SIMPLEX_TRY(writer.commit());
    logger_.info(fmt::format("saved {} messages in {}", count, settings_.messages->string()));
    return {};
  }

  ServerSettings settings_;
  Logger& logger_;
  SystemClock clock_;
  std::unique_ptr<StoreBackend> backend_;  // null: memory
  std::vector<server_kit::DirectoryLock> locks_;
  RelayLoad load_;
  std::vector<async::Loop*> loops_;
  SystemRandom random_;
  std::shared_ptr<transport::AddressBounds> admission_;
  Last last_;
  std::shared_ptr<transport::HostResolver> relay_names_;  // null: it is no proxy
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Node*> nodes_;
  std::vector<std::uint16_t> ports_;
  std::optional<transport::Endpoint> http_;
  std::unique_ptr<RelayWeb> web_;
  StartReport report_;
  bool running_ = false;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerSettings settings, std::unique_ptr<StoreBackend> store,
                                              Logger& logger) {
  auto server = std::make_unique<ThreadedServer>(std::move(settings), std::move(store), logger);
  SIMPLEX_TRY(server->run());
  return server;
}

}  // namespace simplex::smp::server
