// Private routing with real relays in a simulated network: clients, a proxy, destinations of all versions and moods.
#pragma once

#include "simplex/smp/server/node.hpp"
#include "simplex/smp/server/relay_sessions.hpp"
#include "simplex/testing/random.hpp"
#include "simplex/transport/block_session.hpp"
#include "simplex/world/network.hpp"
#include "proxy_user.hpp"

namespace simplex::smp::server {

using std::chrono::minutes;
using std::chrono::seconds;

class World {
 public:
  [[nodiscard]] RunUntil run() {
    return [this](const std::function<bool()>& holds) { return time.run_until(holds, minutes(10)); };
  }
  world::Scheduler time;
  world::SimNetwork network{time, 5};
  testing::SeededRandom random{11};
};

// A relay with one node; a proxy when it has settings for that.
class SimRelay {
 public:
  SimRelay(World& world, std::string host, SmpVersionRange versions = supported_versions,
           std::optional<ProxySettings> proxy = std::nullopt, std::optional<BasicAuth> password = std::nullopt)
      : world_(world), host_(std::move(host)), loop_(world.time) {
    settings.credentials =
        transport::make_credentials(transport::SignatureAlgorithm::ed25519, world.time.wall(), world.random);
    settings.versions = versions;
    settings.engine.password = std::move(password);
    start(proxy);
  }
  void start(const std::optional<ProxySettings>& proxy = std::nullopt) {
    connector_ = world_.network.connector(host_);
    store_ = std::make_unique<MemoryStore>();
    node_ = std::make_unique<Node>(0, 1, loop_, settings, world_.random, *store_, logger_, load_);
    node_->join({node_.get()});
    if (proxy) {
      auto made = make_relay_sessions({loop_, world_.random, *connector_, node_->shard().statistics()}, *proxy);
      sessions_ = made.get();
      node_->route_privately(std::move(made));
    }
    node_->start();
    world::ServerIdentity identity{settings.credentials.chain, settings.credentials.identity, {"smp/1"}};
    if (settings.versions.max < SmpVersion(7)) identity.alpn.clear();
    listener_ = world_.network.listen(loop_, host_, identity,
                                      [this](transport::ChannelPtr channel) { node_->accept(std::move(channel)); });
  }
  // The process ends.
  void kill() {
    listener_.reset();
    node_.reset();
    sessions_ = nullptr;
  }

  [[nodiscard]] protocol::ServerAddress address() const { return address_of(host_, settings.credentials.identity); }
  [[nodiscard]] Node& node() { return *node_; }
  [[nodiscard]] RelaySessions& sessions() { return *sessions_; }
  [[nodiscard]] RelaySessions::Counters counters() const { return sessions_->counters(); }
  [[nodiscard]] const Statistics& statistics() const { return std::as_const(node_->shard()).statistics(); }

  NodeSettings settings;

 private:
  World& world_;
  std::string host_;
  world::SimLoop loop_;
  NullLogger logger_;
  RelayLoad load_;
  std::unique_ptr<transport::Connector> connector_;
  std::unique_ptr<MemoryStore> store_;
  std::unique_ptr<Node> node_;
  RelaySessions* sessions_ = nullptr;
  std::unique_ptr<world::SimNetwork::Listener> listener_;
};

// A destination that does what the test says with each RFWD.
class ScriptedDestination {
 public:
  struct Rfwd {
    CorrId corr_id;
    ForwardedTransmission forwarded;  // its octets are not kept
  };
  ScriptedDestination(World& world, std::string host)
      : world_(world),
        host_(std::move(host)),
        loop_(world.time),
        credentials_(transport::make_credentials(transport::SignatureAlgorithm::ed25519, world.time.wall(), random_)) {
    listener_ = world.network.listen(loop_, host_, {credentials_.chain, credentials_.identity, {"smp/1"}},
                                     [this](transport::ChannelPtr channel) { accept(std::move(channel)); });
  }
  [[nodiscard]] protocol::ServerAddress address() const { return address_of(host_, credentials_.identity); }

  std::function<void(const Rfwd&)> on_rfwd = [](const Rfwd&) {};
  std::size_t seen = 0;
  int connections = 0;
  bool handshakes = true;  // else it accepts, and says nothing

  void answer(const CorrId& corr_id, const BrokerMessage& message) {
    protocol::Batch batch;
    ASSERT_TRUE(batch.add(encode_broker_transmission(params(), corr_id, {}, message)));
    send_content(batch.take());
  }
  void answer_rres(const CorrId& corr_id, const ForwardedResponse& response) {
    const auto sealed = seal_rres(key(), crypto::cb_nonce(corr_id.view()), response);
    answer(corr_id, broker::Rres{Content(sealed)});
  }
  void send_content(BytesView content) { ASSERT_TRUE(session_->send(content)); }
  void disconnect() { session_.reset(); }
  [[nodiscard]] crypto::BoxKey key() const { return crypto::box_key(*session_->session().secret); }
  [[nodiscard]] SessionParams params() const {
    return {session_->session().version, session_->session().session_id.view()};
  }
  [[nodiscard]] bool knows_proxy() const { return session_->session().proxy; }

 private:
  void accept(transport::ChannelPtr channel) {
    ++connections;
    if (!handshakes) return silent_.push_back(std::move(channel));
    session_ = transport::BlockSession::as_server(loop_, std::move(channel), credentials_, {}, random_, minutes(2),
                                                  {.ready = [] {},
                                                   .block = [this](BytesView content) { receive(content); },
                                                   .closed = [](const Error&) {},
                                                   .drained = [] {}});
  }
  void receive(BytesView content) {
    const auto transmissions = protocol::split_batch(content);
    ASSERT_TRUE(transmissions);
    for (const auto each : *transmissions) {
      const auto received = decode_client_transmission(params(), each);
      ASSERT_TRUE(received);
      const auto* rfwd = std::get_if<command::Rfwd>(&received->command);
      ASSERT_NE(rfwd, nullptr);
      auto octets = to_bytes(rfwd->encrypted.bytes);
      const auto opened = open_rfwd(key(), crypto::cb_nonce(received->corr_id.view()), octets);
      ASSERT_TRUE(opened);
      ++seen;
      on_rfwd({received->corr_id, *opened});
      if (!session_) return;
    }
  }

  World& world_;
  std::string host_;
  world::SimLoop loop_;
  testing::SeededRandom random_{21};
  transport::ServerCredentials credentials_;
  std::unique_ptr<world::SimNetwork::Listener> listener_;
  std::unique_ptr<transport::BlockSession> session_;
  std::vector<transport::ChannelPtr> silent_;
};

class PrivateRouting : public ::testing::Test {
 protected:
  static constexpr SmpVersionRange up_to(std::uint16_t version) { return {SmpVersion(6), SmpVersion(version)}; }

  SimRelay& proxy() {
    if (!proxy_) proxy_ = std::make_unique<SimRelay>(world_, "proxy", supported_versions, settings_, password_);
    return *proxy_;
  }
  std::unique_ptr<ProxyUser> user(const protocol::ServerAddress& relay, SmpVersionRange versions = supported_versions) {
    loops_.push_back(std::make_unique<world::SimLoop>(world_.time));
    connectors_.push_back(world_.network.connector("user" + std::to_string(loops_.size())));
    client::Options options;
    options.versions = versions;
    return std::make_unique<ProxyUser>(
        client::Dependencies{*loops_.back(), world_.random, logger_, *connectors_.back()}, world_.run(), relay,
        options);
  }
  std::unique_ptr<ProxyUser> user() { return user(proxy().address()); }
  crypto::AuthPrivateKey ed25519() { return crypto::generate_ed25519(world_.random).private_key; }
  protocol::ServerAddress nowhere(int number) {
    return address_of("nowhere" + std::to_string(number), transport::KeyHash());
  }

  World world_;
  NullLogger logger_;
  ProxySettings settings_;
  std::optional<BasicAuth> password_;
  std::vector<std::unique_ptr<world::SimLoop>> loops_;
  std::vector<std::unique_ptr<transport::Connector>> connectors_;
  std::unique_ptr<SimRelay> proxy_;
};

}  // namespace simplex::smp::server
