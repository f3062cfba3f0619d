#include "relay.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "simplex/encoding/base64.hpp"
#include "simplex/smp/server/node.hpp"
#include "simplex/smp/server/relay_sessions.hpp"
#include "simplex/smp/server/saved_notifications.hpp"

namespace simplex::world {

namespace fs = std::filesystem;
using namespace smp::server;

// One run of the relay: everything that goes when its process ends. Each node has a loop of its own, as in the program.
struct Relay::Program {
  Program(Relay& relay, std::size_t count, const std::shared_ptr<StoreLog>& log) : relay_(relay) {
    settings_.versions = relay.versions_;
    settings_.credentials = relay.credentials_.clone();
    std::vector<Node*> all;
    for (std::size_t index = 0; index < count; ++index) {
      Thread& thread = *threads_.emplace_back(std::make_unique<Thread>(*relay.time_, log));
      thread.node =
          std::make_unique<Node>(index, count, thread.loop, settings_, relay.random_, thread.store, relay.log_, load_);
      thread.connector = relay.network_->connector(relay.host_);
      thread.node->route_privately(make_relay_sessions(
          {thread.loop, relay.random_, *thread.connector, thread.node->shard().statistics()}, proxy_));
      all.push_back(thread.node.get());
    }
    for (Node* node : all) node->join(all);
    nodes_ = std::move(all);
  }

  void listen() {
    for (Node* node : nodes_) node->start();
    listener_ = relay_.network_->listen(
        relay_.host_, {.certificates = relay_.credentials_.chain, .key_hash = relay_.credentials_.identity},
        [this](std::size_t number) -> SimNetwork::Place {
          Thread& thread = *threads_[number % threads_.size()];
          return {&thread.loop, [&thread](transport::ChannelPtr channel) { thread.node->accept(std::move(channel)); }};
        });
  }

  void stop() {
    listener_.reset();
    std::size_t stopped = 0;
    for (Node* node : nodes_) node->stop(std::chrono::seconds(5), [&] { ++stopped; });
    EXPECT_TRUE(relay_.time_->run_until([&] { return stopped == nodes_.size(); }, std::chrono::minutes(1)));
  }

  struct Thread {
    Thread(Scheduler& time, std::shared_ptr<StoreLog> log) : loop(time), store(std::move(log)) {}
    SimLoop loop;
    MemoryStore store;
    std::unique_ptr<transport::Connector> connector;  // to other relays, as their proxy
    std::unique_ptr<Node> node;
  };

  Relay& relay_;
  NodeSettings settings_;
  ProxySettings proxy_;
  RelayLoad load_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::vector<Node*> nodes_;
  std::unique_ptr<SimNetwork::Listener> listener_;
};

Relay::Relay(std::string host, fs::path folder, Scheduler& time, SimNetwork& network, std::uint64_t seed,
             SmpVersionRange versions)
    : host_(std::move(host)),
      folder_(std::move(folder)),
      time_(&time),
      network_(&network),
      random_(seed),
      log_(host_, time),
      versions_(versions),
      credentials_(transport::make_credentials(transport::SignatureAlgorithm::ed25519, time.wall(), random_)) {
  fs::create_directories(folder_);
}

Relay::~Relay() = default;

void Relay::start() {
  ASSERT_FALSE(running());
  auto queues = read_store_log(folder_ / "smp-server-store.log");
  ASSERT_TRUE(queues) << queues.error().message;
  auto messages = read_messages(folder_ / "smp-server-messages.log");
  ASSERT_TRUE(messages) << messages.error().message;
  EXPECT_TRUE(queues->problems.empty() && messages->problems.empty());
  auto log = compact_store_log(folder_ / "smp-server-store.log", *queues, *time_);
  ASSERT_TRUE(log) << log.error().message;
  program_ = std::make_unique<Program>(*this, 1 + random_.below(3), *log);
  program_->settings_.engine.services->restore(queues->services);
  const Restored restored = restore(program_->nodes_, std::move(*queues), std::move(*messages), std::nullopt);
  EXPECT_TRUE(restored.without_queue.empty());
  const auto notifications =
      restore_notifications(folder_ / "smp-server-ntfs.log", program_->nodes_, program_->settings_.engine.notifications,
                            seconds_since_epoch(time_->wall()));
  ASSERT_TRUE(notifications) << notifications.error().message;
  EXPECT_EQ(notifications->rejected, 0u);
  program_->listen();
}

void Relay::stop() {
  ASSERT_TRUE(running());
  program_->stop();
  auto writer = MessageLogWriter::begin(folder_ / "smp-server-messages.log");
  ASSERT_TRUE(writer);
  for (Node* node : program_->nodes_) {
    node->shard().for_each_queue([&](const QueueRecord& queue, std::span<const MessagePtr> messages) {
      for (const MessagePtr& message : messages) EXPECT_TRUE(writer->add(queue.recipient_id, *message));
    });
  }
  ASSERT_TRUE(writer->commit());
  EXPECT_TRUE(save_notifications(folder_ / "smp-server-ntfs.log", program_->nodes_));
  program_.reset();
}

void Relay::ask_password(std::string_view password) {
  const auto wanted = protocol::BasicAuth::from(as_bytes(password));
  ASSERT_TRUE(wanted);
  for (Node* node : program_->nodes_) node->use_password(*wanted);
}

void Relay::lose_its_data() {
  ASSERT_FALSE(running());
  for (const auto& file : fs::directory_iterator(folder_)) fs::remove(file.path());
}

std::string Relay::address() const { return "smp://" + base64url(credentials_.identity.view()) + "@" + host_; }

std::size_t Relay::queues() const {
  std::size_t all = 0;
  for (Node* node : program_->nodes_) all += node->shard().queue_count();
  return all;
}

std::size_t Relay::messages() const {
  std::size_t all = 0;
  for (Node* node : program_->nodes_) all += node->shard().message_count();
  return all;
}

}  // namespace simplex::world
