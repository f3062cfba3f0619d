// What a relay can't do without: sockets, TLS, and the cryptography that SMP wants for each message. There is no relay
// here: queues are entries of a table, nothing is kept, nothing is bounded, and every answer is the expected one. The
// difference between this program's CPU and a relay's is what the relay itself costs.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "simplex/smp/transmission.hpp"
#include "simplex/transport/smp_handshake.hpp"

namespace simplex::floor {

// Each has all of those before it.
enum class Level : std::uint8_t {
  tls,            // TLS, and copying a body from one block into another
  delivery,       // bodies are encrypted for the recipient
  blocks,         // blocks are encrypted inside TLS (SMP v11+)
  authorization,  // commands are verified
};

class Connection;

struct Queue {
  smp::RecipientId recipient_id;
  smp::SenderId sender_id;
  crypto::AuthPublicKey recipient_key;
  std::optional<crypto::AuthPublicKey> sender_key;
  crypto::BoxKey delivery_key;
  std::mutex mutex;  // of the recipient below
  std::weak_ptr<Connection> recipient;
};

// The first 8 octets of both ids of a queue are its number: looking one up costs nothing.
class QueueTable {
 public:
  QueueTable();
  // Null when the table is full.
  Queue* add(std::unique_ptr<Queue> queue, Random& random);
  [[nodiscard]] Queue* find(BytesView id) const;

 private:
  static constexpr std::size_t capacity = 4'000'000;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::atomic<std::size_t> count_ = 0;
};

struct Counters {
  std::atomic<std::uint64_t> messages = 0;
  std::atomic<std::uint64_t> handshakes = 0;
};

// What all threads share.
struct Floor {
  Level level = Level::authorization;
  transport::ServerCredentials credentials;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{nullptr, SSL_CTX_free};
  QueueTable queues;
  Counters counters;

  [[nodiscard]] SmpVersionRange versions() const {
    const SmpVersion last_without_encrypted_blocks{smp::encrypted_block_version.value() - 1};
    return {smp::initial_version, level < Level::blocks ? last_without_encrypted_blocks : smp::current_version};
  }
};

// TLS as a relay has it, with these credentials.
[[nodiscard]] Result<> make_context(Floor& floor);

// One client. It lives on one thread, which reads; other threads write to it what is for its queues.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Floor& floor, Random& random, int socket, int poller);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The socket is ready. False: the connection has ended.
  [[nodiscard]] bool on_ready();
  // Thread-safe. The content lies in the block, 18 octets from its beginning, and is that long.
  void send_block(MutableBytes block, std::size_t size);
  [[nodiscard]] int socket() const { return socket_; }

 private:
  enum class State : std::uint8_t { tls, hello, open };

  [[nodiscard]] bool shake_hands();
  [[nodiscard]] bool read();
  [[nodiscard]] bool on_block(MutableBytes block);
  [[nodiscard]] bool on_hello(MutableBytes block);
  [[nodiscard]] bool on_commands(MutableBytes block);
  [[nodiscard]] bool on_command(BytesView transmission);
  smp::BrokerMessage run(const protocol::RawTransmission& raw, const smp::ClientCommand& command);
  smp::BrokerMessage create(const protocol::RawTransmission& raw, const smp::command::New& command);
  void on_send(const protocol::RawTransmission& raw, Queue& queue, BytesView body);
  void answer(const protocol::RawTransmission& raw, const smp::BrokerMessage& message);
  void send_answers();
  [[nodiscard]] bool authorized(const protocol::RawTransmission& raw, const crypto::AuthPublicKey& key);
  const crypto::BoxKey* agreed_with(const crypto::X25519PublicKey& key);
  void write(BytesView octets);
  void write_waiting();
  void wait_for(bool writable);

  Floor& floor_;
  Random& random_;
  const int socket_;
  const int poller_;
  State state_ = State::tls;
  std::unique_ptr<transport::SmpServerHandshake> handshake_;
  SmpVersion version_;
  Bytes session_id_;
  std::optional<crypto::X25519PrivateKey> own_key_;
  std::optional<transport::BlockKeys> keys_;
  Bytes partial_;  // of a block
  std::unordered_map<crypto::X25519PublicKey, crypto::BoxKey> agreed_;
  protocol::Batch answers_;  // to the commands of the block that is being read

  std::mutex mutex_;  // of all below
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
  std::deque<Bytes> waiting_;
  std::size_t written_ = 0;
};

// Accepts on 127.0.0.1 and serves, until stop() is called from a signal's thread.
class Service {
 public:
  Service(Floor& floor, std::size_t threads);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  [[nodiscard]] Result<std::uint16_t> listen(std::uint16_t port);
  void run();
  void stop();

 private:
  class Thread;
  Floor& floor_;
  std::size_t thread_count_;
  int listener_ = -1;
  int stop_event_ = -1;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace simplex::floor
