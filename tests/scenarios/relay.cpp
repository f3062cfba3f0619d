#include "relay.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "simplex/encoding/base64.hpp"
#include "simplex/smp/server/memory_store.hpp"
#include "simplex/smp/server/shard.hpp"
#include "simplex/transport/block_session.hpp"

namespace simplex::world {

namespace fs = std::filesystem;
using namespace smp::server;

// One run of the relay: everything that goes when its process ends.
struct Relay::Program {
  Program(Relay& relay, std::shared_ptr<StoreLog> log)
      : relay_(relay), loop_(*relay.time_), store_(std::move(log)), shard_(0, 1, settings_, loop_, relay.random_, store_) {
    shard_.on_output([this] { end_turn(); });
    listener_ = relay.network_->listen(loop_, relay.host_,
                                       {.certificates = relay.credentials_.chain, .key_hash = relay.credentials_.identity},
                                       [this](transport::ChannelPtr channel) { accept(std::move(channel)); });
  }

  struct Connection {
    std::unique_ptr<transport::BlockSession> session;
    std::optional<ClientId> id;
    SessionPtr agreed;
  };

  void accept(transport::ChannelPtr channel) {
    auto made = std::make_shared<Connection>();
    const std::weak_ptr weak = made;
    transport::ServerHandshakeSettings settings;
    settings.versions = relay_.versions_;
    made->session = transport::BlockSession::as_server(
        loop_, std::move(channel), relay_.credentials_, std::move(settings), relay_.random_, std::chrono::minutes(2),
        {.ready = [this, weak] { ready(weak.lock()); },
         .block = [this, weak](BytesView content) {
           shard_.receive(*weak.lock()->id, content);
           end_turn();
         },
         .closed = [this, weak](const Error&) { closed(weak.lock()); },
         .drained = [] {}});
    starting_.insert(made);
  }
  void ready(const std::shared_ptr<Connection>& connection) {
    const transport::SmpSession& session = connection->session->session();
    auto agreed = std::make_shared<ClientSession>();
    agreed->version = session.version;
    agreed->session_id = to_bytes(session.session_id.view());
    if (session.own_key) agreed->key = session.own_key->clone();
    connection->agreed = agreed;
    connection->id = shard_.connect(std::move(agreed));
    connections_[*connection->id] = connection;
    starting_.erase(connection);
  }
  void closed(std::shared_ptr<Connection> connection) {
    starting_.erase(connection);
    if (connection->id) {
      connections_.erase(*connection->id);
      shard_.disconnect(*connection->id);
      end_turn();
    }
    loop_.post([connection] {});
  }
  void end_turn() {
    if (turn_ends_) return;
    turn_ends_ = true;
    loop_.post([this] {
      turn_ends_ = false;
      shard_.flush();
      Output output = shard_.take_output();
      std::map<ClientId, std::vector<Bytes>> transmissions;
      for (const ToClient& each : output.to_clients) {
        const auto found = connections_.find(each.client);
        if (found == connections_.end()) continue;
        const auto params = found->second->agreed->params();
        if (const auto* answer = std::get_if<Answer>(&each.what)) {
          transmissions[each.client].push_back(encode_answer(params, *answer));
        } else {
          auto delivery = encode_delivery(params, std::get<Delivery>(each.what));
          if (delivery) transmissions[each.client].push_back(std::move(*delivery));
        }
      }
      for (auto& [client, list] : transmissions) {
        const auto contents = protocol::batch_transmissions(list);
        if (!contents) continue;
        for (const Bytes& content : *contents) static_cast<void>(connections_[client]->session->send(content));
      }
    });
  }

  Relay& relay_;
  SimLoop loop_;
  EngineSettings settings_;
  MemoryStore store_;
  Shard shard_;
  std::unique_ptr<SimNetwork::Listener> listener_;
  std::set<std::shared_ptr<Connection>> starting_;
  std::map<ClientId, std::shared_ptr<Connection>> connections_;
  bool turn_ends_ = false;
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
  const auto queues = read_store_log(folder_ / "smp-server-store.log");
  ASSERT_TRUE(queues) << queues.error().message;
  const auto messages = read_messages(folder_ / "smp-server-messages.log");
  ASSERT_TRUE(messages) << messages.error().message;
  auto log = compact_store_log(folder_ / "smp-server-store.log", *queues, *time_);
  ASSERT_TRUE(log) << log.error().message;
  program_ = std::make_unique<Program>(*this, *log);
  for (const QueueRecord& record : queues->queues) {
    std::vector<MessagePtr> kept;
    for (const auto& each : messages->queues) {
      if (each.id == record.recipient_id) kept = each.messages;
    }
    program_->shard_.restore(record.clone(), std::move(kept));
    program_->shard_.restore_id(IdKind::sender, *DirectoryId::from(record.sender_id.view()), record.recipient_id);
  }
}

void Relay::stop() {
  ASSERT_TRUE(running());
  auto writer = MessageLogWriter::begin(folder_ / "smp-server-messages.log");
  ASSERT_TRUE(writer);
  program_->shard_.for_each_queue([&](const QueueRecord& queue, std::span<const MessagePtr> messages) {
    for (const MessagePtr& message : messages) EXPECT_TRUE(writer->add(queue.recipient_id, *message));
  });
  ASSERT_TRUE(writer->commit());
  program_.reset();
}

std::string Relay::address() const {
  return "smp://" + base64url(credentials_.identity.view()) + "@" + host_;
}

std::size_t Relay::queues() const { return program_->shard_.queue_count(); }
std::size_t Relay::messages() const { return program_->shard_.message_count(); }

}  // namespace simplex::world
