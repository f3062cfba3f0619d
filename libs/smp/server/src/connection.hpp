// A client's connection: its session, and what waits to be sent to it.
#pragma once

#include <deque>

#include "simplex/smp/server/node.hpp"
#include "simplex/transport/block_session.hpp"

namespace simplex::smp::server {

class Connection {
 public:
  Connection(Node& node, std::uint64_t number, transport::ChannelPtr channel);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] const std::optional<ClientId>& client() const { return client_; }
  [[nodiscard]] bool idle() const { return answers_.empty() && held_.empty() && session_->pending() == 0; }
  [[nodiscard]] Instant since() const { return since_; }
  // Known to both ends, and to nobody else; for the operator.
  [[nodiscard]] std::string session_name() const;
  [[nodiscard]] Instant last_activity() const { return last_activity_; }
  // Since when something waits and nothing was read.
  [[nodiscard]] std::optional<Instant> stuck_since() const { return stuck_since_; }

  void enqueue(std::variant<Answer, Delivery> what);
  // Sends what was enqueued, as far as the reader keeps up; false when the connection had to be dropped.
  [[nodiscard]] bool flush();
  void pause() { session_->pause_reading(); }
  void close() { session_->close(); }
  void abort() { session_->abort(); }

 private:
  // The service that the handshake shows.
  [[nodiscard]] Result<transport::ServiceId, transport::TransportError> enter(transport::SmpServiceRole role,
                                                                              const transport::CertificateChain& chain,
                                                                              const transport::KeyHash& fingerprint);
  void ready();
  void unreadable();
  void received(BytesView content);
  void drained();
  [[nodiscard]] bool has_room() const;
  void count_pending();
  [[nodiscard]] bool send(protocol::Batch& batch);
  void regulate_reading();
  void rested();

  Node& node_;
  std::uint64_t number_;
  std::optional<ClientId> client_;
  SessionPtr agreed_;
  std::shared_ptr<const ServiceRecord> service_;  // until the handshake is done
  // Neither is encoded until there is room: a command of a few octets may be answered with link data that fill a block.
  std::deque<Answer> answers_;
  std::deque<std::variant<Answer, Delivery>> held_;  // messages and events, in their order
  Instant since_;
  Instant last_activity_;
  std::optional<Instant> stuck_since_;
  std::size_t left_pending_ = 0;  // by the last flush
  std::size_t link_octets_ = 0;   // of the answers
  std::size_t counted_ = 0;       // of it in the load of the relay
  bool reading_ = true;
  async::Timer rest_timer_;
  std::unique_ptr<transport::BlockSession> session_;
};

template <class F>
void Node::turn(F&& act) {
  in_turn_ = true;
  act();
  // Completions inside may ask the store again.
  do {
    shard_.flush();
    carry_out();
  } while (shard_.has_work());
  in_turn_ = false;
}

}  // namespace simplex::smp::server
