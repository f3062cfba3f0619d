// A whole relay: a thread with its loop, TLS listener and node for each core, and its files.
//
//   auto server = Server::start(settings, std::move(store), logger);
//   ... server->ports() ...
//   server->stop();
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "simplex/smp/server/control.hpp"
#include "simplex/smp/server/name_resolver.hpp"
#include "simplex/smp/server/node.hpp"
#include "simplex/smp/server/relay_sessions.hpp"
#include "simplex/smp/server/relay_status.hpp"
#include "simplex/smp/server/store.hpp"
#include "simplex/smp/server/web.hpp"

namespace simplex::smp::server {

struct ServerSettings {
  NodeSettings node;
  ProxySettings proxy;  // its bounds are shared out to the nodes
  std::vector<transport::ListenAddress>
      addresses;            // host "": all of the machine; port 0: a free one; none: serves nobody
  std::size_t threads = 0;  // 0: one for each core
  // Of the memory store:
  std::optional<std::filesystem::path> store_log;  // nothing: queues live as long as the process
  std::optional<std::filesystem::path> messages;   // nothing: undelivered messages, too
  bool expire_messages_on_start = true;
  // With any store: what notifiers were not told yet, between stop and start. Nothing: it is lost.
  std::optional<std::filesystem::path> notifications;
  WebSettings web;
  std::optional<NameSettings> names;   // nothing: RSLV is answered that there is no resolver
  std::chrono::seconds stop_limit{5};  // for answers and messages that are being sent
  bool log_tls_errors = false;         // why handshakes failed; not whose
  transport::AddressLimits address_limits;
  std::size_t active_queues = 10'000'000;  // counted by day, week and month; more are not
  ActiveHashes active;                     // of the statistics file: counted from the start
};

// What was found in the store or the files at start.
struct StartReport {
  std::uint64_t queues = 0;
  std::uint64_t messages = 0;
  std::size_t expired_messages = 0;
  std::size_t notifications = 0;
  std::size_t rejected_lines = 0;
};

class Server {
 public:
  // Opens the ports and starts to serve what is in the store; it is closed when this fails, or with stop(). Without a
  // store queues and messages are kept in memory: the files are loaded, and lines of them that could not be used are
  // logged with their number.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(ServerSettings settings,
                                                             std::unique_ptr<StoreBackend> store, Logger& logger);
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(ServerSettings settings, Logger& logger) {
    return start(std::move(settings), nullptr, logger);
  }
  virtual ~Server() = default;  // stops, if stop() was not called

  // One for each address, and one more for `https` where that is a port of its own.
  [[nodiscard]] virtual const std::vector<std::uint16_t>& ports() const = 0;
  // Of the web without TLS, if there is one. Host "" is every address of the machine.
  [[nodiscard]] virtual std::optional<transport::Endpoint> http() const = 0;
  [[nodiscard]] virtual const StartReport& report() const = 0;

  // --- while it runs: for whoever watches over it. Called on the loop that is given, which also gets what comes back.
  template <class T>
  using Done = std::move_only_function<void(T)>;
  virtual void status(async::Loop& loop, Done<RelayStatus> done) = 0;
  virtual void active_queues(async::Loop& loop, Done<ActiveHashes> done) = 0;
  // At most so many connections, in no order.
  virtual void clients(async::Loop& loop, std::size_t limit, Done<std::vector<ClientStatus>> done) = 0;
  // What is done about a queue; control.done is called on the loop.
  virtual void control(async::Loop& loop, QueueControl control) = 0;
  // Queues of the period are counted anew.
  virtual void begin(Period period) = 0;
  // For connections to come, and for queues to be created.
  virtual void use(const transport::ServerCredentials& credentials) = 0;
  virtual void use(const std::optional<BasicAuth>& password) = 0;

  // What there was when stop() had ended all connections.
  struct Last {
    RelayStatus status;
    ActiveHashes active;
  };
  [[nodiscard]] virtual const Last& last() const = 0;
  // Reads the web certificate again, for connections to come. With an error the old one stays.
  [[nodiscard]] virtual Result<> reload_web_certificate() = 0;
  // Ends all connections and threads, then closes the store, or saves the messages. Blocks, at most a little over
  // stop_limit and what the store needs to write.
  [[nodiscard]] virtual Result<> stop() = 0;
};

}  // namespace simplex::smp::server
