// Nodes of a relay in virtual time, and clients at the other end of pipes.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <map>

#include "simplex/smp/server/node.hpp"
#include "simplex/testing/random.hpp"
#include "simplex/transport/block_session.hpp"
#include "simplex/transport/channel_pair.hpp"
#include "simplex/world/scheduler.hpp"

namespace simplex::smp::server {

using world::Scheduler;
using world::SimLoop;

class NodeWorld {
 public:
  using MakeStore = std::function<std::unique_ptr<Store>(std::size_t index, std::size_t count, async::Loop& loop)>;

  explicit NodeWorld(std::size_t count, const MakeStore& make_store = nullptr, EngineSettings engine = {}) {
    settings.engine = std::move(engine);
    settings.credentials = transport::make_credentials(transport::SignatureAlgorithm::ed25519, time.wall(), random);
    std::vector<Node*> pointers;
    for (std::size_t i = 0; i < count; ++i) {
      loops.push_back(std::make_unique<SimLoop>(time));
      stores.push_back(make_store ? make_store(i, count, *loops[i]) : std::make_unique<MemoryStore>());
      nodes.push_back(std::make_unique<Node>(i, count, *loops[i], settings, random, *stores[i], logger, load));
      pointers.push_back(nodes.back().get());
    }
    for (auto* node : pointers) node->join(pointers);
  }
  void start() {
    for (auto& node : nodes) node->start();
  }

  Scheduler time;
  testing::SeededRandom random{11};
  NullLogger logger;
  NodeSettings settings;
  RelayLoad load;
  std::vector<std::unique_ptr<SimLoop>> loops;
  std::vector<std::unique_ptr<Store>> stores;
  std::vector<std::unique_ptr<Node>> nodes;
};

// A client at the other end of a pipe.
class PipeClient {
 public:
  PipeClient(NodeWorld& world, std::size_t node, bool handshake = true) : world_(world), loop_(world.time) {
    transport::ChannelInfo relay_end{transport::SessionId(world.random.bytes(32)), "smp/1", {}};
    auto client_end = relay_end;
    client_end.peer_certificates = world.settings.credentials.chain;
    auto [ours, theirs] =
        transport::make_channel_pair(loop_, *world.loops[node], std::move(client_end), std::move(relay_end));
    world.nodes[node]->accept(std::move(theirs));
    if (!handshake) {
      raw_ = std::move(ours);
      raw_->start({.data = [](BytesView) {}, .closed = [this](const Error&) { closed = true; }, .drained = {}});
      return;
    }
    transport::ClientHandshakeSettings settings;
    settings.identity = world.settings.credentials.identity;
    session_ = transport::BlockSession::as_client(loop_, std::move(ours), std::move(settings),
                                                  crypto::generate_x25519(world.random), std::chrono::minutes(1),
                                                  {.ready = [this] { ready = true; },
                                                   .block = [this](BytesView content) { received(content); },
                                                   .closed = [this](const Error&) { closed = true; },
                                                   .drained = {}});
    world.time.run_until([this] { return ready || closed; }, std::chrono::minutes(1));
  }

  SessionParams params() const { return {session_->session().version, session_->session().session_id.view()}; }
  // The same command `times` times, in one block.
  CorrId send(const ClientCommand& command, BytesView entity = {}, const crypto::AuthPrivateKey* key = nullptr,
              int times = 1, std::optional<CorrId> chosen = {}) {
    ClientAuth auth;
    auth.key = key;
    auth.relay_key = session_->session().peer_key;
    CorrId corr_id;
    protocol::Batch batch;
    for (int i = 0; i < times; ++i) {
      corr_id = chosen ? *chosen : CorrId::generate(world_.random);
      EXPECT_TRUE(batch.add(encode_client_transmission(params(), auth, corr_id, entity, command).value()));
    }
    EXPECT_TRUE(session_->send(batch.take()));
    return corr_id;
  }
  // The kind of the answer: "OK", "IDS", "ERR"; empty when none comes.
  std::string call(const ClientCommand& command, BytesView entity = {}, const crypto::AuthPrivateKey* key = nullptr,
                   std::optional<CorrId> chosen = {}) {
    const auto corr_id = send(command, entity, key, 1, chosen);
    world_.time.run_until([&] { return closed || answers.contains(corr_id); }, std::chrono::seconds(30));
    return answers[corr_id];
  }
  // Creates a queue and subscribes to it.
  void create(crypto::AuthPrivateKey& key, Bytes& sender_id) {
    key = crypto::generate_ed25519(world_.random).private_key;
    const auto dh = crypto::generate_x25519(world_.random);
    EXPECT_EQ(
        call(
            command::New{
                crypto::public_key(key), dh.public_key, {}, SubscriptionMode::subscribe, command::New::Messaging{}, {}},
            {}, &key),
        "IDS");
    sender_id = last_sender_id_;
  }
  void pause() { session_->pause_reading(); }
  void resume() { session_->resume_reading(); }

  bool ready = false;
  bool closed = false;
  Bytes recipient_id;  // of the queue that was made last
  std::optional<smp::MessageId> delivered;
  std::map<CorrId, std::string> answers;
  std::vector<std::string> events;
  std::size_t blocks = 0;

 private:
  void received(BytesView content) {
    ++blocks;
    const auto transmissions = protocol::split_batch(content);
    ASSERT_TRUE(transmissions);
    for (const auto each : *transmissions) {
      const auto got = decode_broker_transmission(params(), each);
      ASSERT_TRUE(got);
      if (const auto* ids = std::get_if<broker::Ids>(&got->message)) {
        last_sender_id_ = to_bytes(ids->sender_id.view());
        recipient_id = to_bytes(ids->recipient_id.view());
      }
      if (const auto* message = std::get_if<broker::Msg>(&got->message)) delivered = message->id;
      if (got->corr_id.empty()) {
        events.emplace_back(name_of(got->message));
      } else {
        answers[got->corr_id] = name_of(got->message);
      }
    }
  }

  NodeWorld& world_;
  SimLoop loop_;
  std::unique_ptr<transport::BlockSession> session_;
  transport::ChannelPtr raw_;
  Bytes last_sender_id_;
};

}  // namespace simplex::smp::server
