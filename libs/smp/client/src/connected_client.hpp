// The client over a connection: the I/O shell around Requests.
#pragma once

#include <deque>

#include "simplex/smp/client/client.hpp"
#include "simplex/transport/block_session.hpp"
#include "agreements.hpp"
#include "requests.hpp"

namespace simplex::smp::client {

class ConnectedClient final : public Client {
 public:
  ConnectedClient(Dependencies dependencies, protocol::ServerAddress address, Options options, Handlers handlers);
  ~ConnectedClient() override;
  ConnectedClient(const ConnectedClient&) = delete;
  ConnectedClient& operator=(const ConnectedClient&) = delete;

  // Does the SMP handshake. `done` is called once: after it succeeded, this is the client.
  void open(transport::ChannelPtr channel, transport::KeyHash identity, Duration timeout, Done<> done);

  [[nodiscard]] const Session& session() const override { return session_; }
  [[nodiscard]] const transport::SmpSession& agreed() const override { return blocks_->session(); }
  [[nodiscard]] const protocol::ServerAddress& address() const override { return address_; }
  [[nodiscard]] bool connected() const override { return connected_; }
  void disconnect(Error why) override;
  [[nodiscard]] Counters counters() const override;
  void command(const EntityId& entity, const crypto::AuthPrivateKey* key, const ClientCommand& command,
               Done<BrokerMessage> done, std::optional<CorrId> corr_id) override;
  void open_route(const protocol::ServerAddress& relay, std::optional<BasicAuth> password,
                  Done<PrivateRoute> done) override;
  void forward(const PrivateRoute& route, const EntityId& entity, const crypto::AuthPrivateKey* key,
               const ClientCommand& command, Done<BrokerMessage> done) override;

 private:
  struct Waiting {
    CorrId id;
    Bytes transmission;
  };

  void service_command(const ClientCommand& command, Done<BrokerMessage> done) override;
  void ready();
  void closed(Error error);
  void fail_later(Done<BrokerMessage> done, Failure failure);

  void flush_later();
  void flush();
  [[nodiscard]] bool may_send() const;

  void receive(BytesView content);
  // False when the owner has destroyed the client in a callback.
  [[nodiscard]] bool receive_one(BytesView transmission);
  [[nodiscard]] bool answer(const CorrId& id, BytesView entity, Outcome<BrokerMessage> outcome);
  [[nodiscard]] bool push(const EntityId& entity, const BrokerMessage& message);
  [[nodiscard]] bool violation(std::string what);

  [[nodiscard]] Duration time_for(const ClientCommand& command) const;
  void arm_deadline();
  void deadline();
  void arm_ping();
  void ping_if_quiet();
  void end(Failure failure);

  // Runs the task on the loop unless the client is gone by then.
  template <class F>
  [[nodiscard]] auto guarded(F task) {
    return [life = std::weak_ptr(life_), task = std::move(task)]() mutable {
      if (!life.expired()) task();
    };
  }

  Dependencies dependencies_;
  protocol::ServerAddress address_;
  Options options_;
  Handlers handlers_;
  std::shared_ptr<char> life_ = std::make_shared<char>();

  Done<> opened_;
  std::unique_ptr<transport::BlockSession> blocks_;
  bool connected_ = false;
  Session session_;
  std::optional<crypto::X25519PublicKey> relay_key_;
  std::optional<Agreements> agreements_;

  Requests requests_;
  std::deque<Waiting> waiting_;
  bool flush_posted_ = false;
  async::Timer deadline_timer_;
  Instant deadline_armed_;
  async::Timer ping_timer_;
  bool pings_ = false;
  Instant last_received_;
  int unanswered_ = 0;  // in a row
  Counters counters_;
};

}  // namespace simplex::smp::client
