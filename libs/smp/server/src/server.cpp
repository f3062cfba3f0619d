#include "simplex/smp/server/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <latch>
#include <set>
#include <thread>

#include "simplex/server_kit/files.hpp"
#include "simplex/transport/tls.hpp"

namespace simplex::smp::server {
namespace {

namespace fs = std::filesystem;

// One thread of the relay. Members are destroyed from the last: what uses the loop goes before it.
struct Worker {
  std::unique_ptr<async::ThreadLoop> loop = async::make_thread_loop();
  SystemRandom random;
  std::unique_ptr<Store> store;
  std::unique_ptr<Node> node;
  std::unique_ptr<transport::TlsListener> listener;
  std::thread thread;
};

class ThreadedServer final : public Server {
 public:
  ThreadedServer(ServerSettings settings, std::unique_ptr<StoreBackend> backend, Logger& logger)
      : settings_(std::move(settings)), logger_(logger), backend_(std::move(backend)) {}
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
    SIMPLEX_TRY(restore_all(std::move(queues)));
    for (auto& worker : workers_) {
      worker->thread = std::thread([loop = worker->loop.get(), node = worker->node.get()] {
        loop->post([node] { node->start(); });
        loop->run();
      });
    }
    running_ = true;
    return {};
  }

  const std::vector<std::uint16_t>& ports() const override { return ports_; }
  const StartReport& report() const override { return report_; }

  Result<> stop() override {
    if (!std::exchange(running_, false)) return {};
    std::latch stopped(static_cast<std::ptrdiff_t>(workers_.size()));
    for (auto& worker : workers_) {
      worker->loop->post([worker = worker.get(), limit = settings_.stop_limit, &stopped] {
        worker->listener.reset();
        worker->node->stop(limit, [&stopped] { stopped.count_down(); });
      });
    }
    stopped.wait();
    for (auto& worker : workers_) worker->loop->stop();
    for (auto& worker : workers_) worker->thread.join();
    if (backend_) return close_store();
    auto saved = save_messages();
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
    for (std::size_t i = 0; i < count; ++i) {
      auto worker = std::make_unique<Worker>();
      worker->store =
          backend_ ? backend_->shard(i, count, *worker->loop) : std::make_unique<MemoryStore>(log, &logger_);
      worker->node = std::make_unique<Node>(i, count, *worker->loop, settings_.node, worker->random, *worker->store,
                                            logger_, load_);
      nodes_.push_back(worker->node.get());
      workers_.push_back(std::move(worker));
    }
    for (auto* node : nodes_) node->join(nodes_);
    return {};
  }

  Result<> restore_all(LoggedQueues queues) {
    if (backend_) {
      const auto totals = backend_->totals();
      report_.queues = totals.queues;
      report_.messages = totals.messages;
      return {};
    }
    LoggedMessages messages;
    if (settings_.messages) {
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
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      auto& worker = *workers_[i];
      transport::ListenSettings listen;
      listen.addresses.assign(settings_.addresses.begin(), settings_.addresses.end());
      // Clients that reach relays through the web's port offer the web's name.
      listen.alpn = {"smp/1", "http/1.1"};
      // What the first one was given for port 0 is what the others share.
      for (std::size_t a = 0; i > 0 && a < listen.addresses.size(); ++a) listen.addresses[a].port = ports_[a];
      listen.handshake_timeout = settings_.node.limits.handshake_timeout;
      listen.max_handshakes = settings_.node.limits.handshakes;
      listen.send_buffer = settings_.node.limits.send_buffer;
      if (workers_.size() > 1) listen.sharing = i == 0 ? transport::PortSharing::first : transport::PortSharing::join;
      SIMPLEX_ASSIGN(
          worker.listener,
          transport::listen_tls(*worker.loop, settings_.node.credentials, std::move(listen),
                                {.accepted = [node = worker.node.get()](
                                                 transport::ChannelPtr channel) { node->accept(std::move(channel)); },
                                 .refused = tell_of_limits(worker)}));
      if (i == 0) ports_ = worker.listener->ports();
    }
    return {};
  }

  // When the machine's limits keep clients away, the operator hears of it, and not for each of them.
  std::move_only_function<void(const Error&)> tell_of_limits(Worker& worker) {
    return [this, &loop = *worker.loop, quiet_until = Instant{}](const Error& error) mutable {
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
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Node*> nodes_;
  std::vector<std::uint16_t> ports_;
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
