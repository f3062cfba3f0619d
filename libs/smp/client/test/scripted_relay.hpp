// A relay that does what the test says: a real handshake and real blocks, and no rules of its own.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "simplex/smp/client/client.hpp"
#include "simplex/smp/transmission.hpp"
#include "simplex/testing/random.hpp"
#include "simplex/transport/block_session.hpp"
#include "simplex/world/network.hpp"

namespace simplex::smp::client {

struct SeenCommand {
  CorrId corr_id;
  EntityId entity;
  std::string name;
  bool authorized = false;
};

class ScriptedRelay {
 public:
  ScriptedRelay(world::Scheduler& time, world::SimNetwork& network, SmpVersionRange versions = supported_versions)
      : loop_(time),
        credentials_(transport::make_credentials(transport::SignatureAlgorithm::ed25519, time.wall(), random_)),
        versions_(versions) {
    const world::ServerIdentity identity{.certificates = credentials_.chain, .key_hash = credentials_.identity};
    listener_ =
        network.listen(loop_, "relay", identity, [this](transport::ChannelPtr channel) { accept(std::move(channel)); });
  }

  [[nodiscard]] protocol::ServerAddress address() const {
    protocol::ServerAddress made;
    made.hosts = {*protocol::Host::parse("relay")};
    made.key_hash = protocol::KeyHash(credentials_.identity.view());
    return made;
  }

  // What to do with each command; nothing: only remember it.
  std::function<void(const SeenCommand&)> on_command;
  std::vector<SeenCommand> seen;
  std::vector<std::size_t> block_sizes;  // transmissions in each block that came
  int connections = 0;
  int ends = 0;

  void answer(const SeenCommand& command, const BrokerMessage& message) {
    send(command.corr_id, command.entity, message);
  }
  void push(const EntityId& entity, const BrokerMessage& message) { send({}, entity, message); }
  void send(const CorrId& corr_id, const EntityId& entity, const BrokerMessage& message) {
    send_transmission(transmission(corr_id, entity, message));
  }
  [[nodiscard]] Bytes transmission(const CorrId& corr_id, const EntityId& entity, const BrokerMessage& message) const {
    return encode_broker_transmission(params(), corr_id, entity.view(), message);
  }
  void send_transmission(BytesView octets) {
    protocol::Batch batch;
    ASSERT_TRUE(batch.add(octets));
    send_content(batch.take());
  }
  void send_content(BytesView content) { ASSERT_TRUE(session_->send(content)); }
  void disconnect() { session_.reset(); }
  void stop_listening() { listener_.reset(); }
  [[nodiscard]] SessionParams params() const {
    return {session_->session().version, session_->session().session_id.view()};
  }

 private:
  void accept(transport::ChannelPtr channel) {
    ++connections;
    transport::ServerHandshakeSettings settings;
    settings.versions = versions_;
    session_ = transport::BlockSession::as_server(loop_, std::move(channel), credentials_, std::move(settings), random_,
                                                  std::chrono::minutes(2),
                                                  {.ready = [] {},
                                                   .block = [this](BytesView content) { receive(content); },
                                                   .closed = [this](const Error&) { ++ends; },
                                                   .drained = [] {}});
  }
  void receive(BytesView content) {
    const auto transmissions = protocol::split_batch(content);
    ASSERT_TRUE(transmissions);
    block_sizes.push_back(transmissions->size());
    std::vector<SeenCommand> commands;
    for (const BytesView each : *transmissions) {
      const auto received = decode_client_transmission(params(), each);
      ASSERT_TRUE(received) << "a command that can't be read";
      commands.push_back({received->corr_id, EntityId(received->entity_id),
                          std::string(smp::name_of(received->command)), !received->authorization.empty()});
    }
    for (const SeenCommand& command : commands) {
      seen.push_back(command);
      if (on_command) on_command(command);
    }
  }

  world::SimLoop loop_;
  testing::SeededRandom random_{2};
  transport::ServerCredentials credentials_;
  SmpVersionRange versions_;
  std::unique_ptr<world::SimNetwork::Listener> listener_;
  std::unique_ptr<transport::BlockSession> session_;
};

}  // namespace simplex::smp::client
