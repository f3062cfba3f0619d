// One connection of a client to a relay: commands out, answers and events in. Lives on its worker's loop.
#pragma once

#include <memory>
#include <unordered_map>

#include "simplex/transport/block_session.hpp"
#include "simplex/transport/tls.hpp"
#include "command_key.hpp"

namespace simplex::bench {

// What everything of one thread of the program shares.
struct Worker {
  async::ThreadLoop& loop;
  Random& random;
  transport::Connector& connector;
  const Settings& settings;
  std::size_t index = 0;
  std::size_t count = 1;

  // Of what is divided among all workers.
  [[nodiscard]] std::uint64_t share(std::uint64_t whole) const {
    return whole / count + (index < whole % count ? 1 : 0);
  }
};

using Finished = std::move_only_function<void(Result<>)>;

class Peer {
 public:
  using Answer = std::move_only_function<void(const smp::ReceivedMessage&)>;
  struct Handlers {
    // What the relay sends by itself. May be empty.
    std::move_only_function<void(const smp::ReceivedMessage&)> event;
    // The connection ended, or the relay sent what can't be understood; once.
    std::move_only_function<void(Error)> lost;
    // All that was sent is with the kernel. May be empty.
    std::move_only_function<void()> drained;
  };

  // batch: transmissions in a block, at most.
  Peer(Worker& worker, Handlers handlers, std::size_t batch = 1);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // TLS and SMP handshake, as a client of the wanted version does them. Called once.
  void connect(const protocol::ServerAddress& relay, Finished connected);

  [[nodiscard]] const transport::SmpSession& session() const { return blocks_->session(); }
  [[nodiscard]] smp::SessionParams params() const { return {session().version, session().session_id.view()}; }
  [[nodiscard]] smp::CorrId next_corr_id();

  // Goes out with the next block, which is when the batch is full or the loop's turn ends.
  void send(const CommandKey* key, BytesView entity_id, const smp::ClientCommand& command, Answer answer);
  // The same with what is ready: a transmission made with the id.
  void send(const smp::CorrId& corr_id, BytesView transmission, Answer answer);
  [[nodiscard]] std::size_t pending() const { return blocks_->pending(); }
  [[nodiscard]] std::size_t unanswered() const { return answers_.size(); }
  void close();

 private:
  void begin_session(transport::ChannelPtr channel, const transport::KeyHash& identity);
  void receive(BytesView content);
  void flush();
  void lose(Error error);

  Worker& worker_;
  std::shared_ptr<Handlers> handlers_;
  std::size_t batch_limit_;
  Finished connected_;
  std::unique_ptr<transport::Connector::Attempt> attempt_;
  std::unique_ptr<transport::BlockSession> blocks_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  protocol::Batch batch_;
  bool flush_posted_ = false;
  Bytes id_prefix_;
  std::uint64_t next_id_ = 0;
  std::unordered_map<std::uint64_t, Answer> answers_;
};

// Nothing, or why an answer is not the wanted one: "the relay answered NEW with ERR AUTH".
[[nodiscard]] Error unexpected(std::string_view command, const smp::ReceivedMessage& answer);

}  // namespace simplex::bench
