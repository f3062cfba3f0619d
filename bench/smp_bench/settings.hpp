// What smp-bench was asked to do.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "simplex/protocol/server_address.hpp"
#include "simplex/smp/version.hpp"

namespace simplex::bench {

// What authorizes the commands of a queue: a signature, or an authenticator that only the relay can check (SMP v7+).
enum class KeyKind : std::uint8_t { ed25519, x25519 };
[[nodiscard]] constexpr const char* name_of(KeyKind kind) { return kind == KeyKind::ed25519 ? "ed25519" : "x25519"; }

enum class Mode : std::uint8_t { messages, idle, create, resubscribe, handshakes };

enum class Verify : std::uint8_t { none, first, all };

// Beyond them a setting is refused: a typing error must not bring down a machine.
struct Bounds {
  static constexpr std::size_t threads = 64;
  static constexpr std::size_t connections = 60'000;  // of one address to one port
  static constexpr std::size_t queues = 10'000'000;
  static constexpr std::size_t window = 120;  // a queue of the relay holds 128 messages
  static constexpr std::size_t batch = 255;
  static constexpr std::uint64_t count = 1'000'000'000;
  static constexpr std::int64_t seconds = 86'400;
  static constexpr double rate = 10'000'000;
};

struct Settings {
  Mode mode = Mode::messages;
  protocol::ServerWithAuth relay;
  std::optional<protocol::ServerWithAuth> proxy;  // private routing: senders connect to it
  SmpVersion version = smp::current_version;
  KeyKind sender_key = KeyKind::ed25519;
  KeyKind recipient_key = KeyKind::ed25519;

  std::size_t threads = 1;
  std::size_t connecting = 32;  // at a time, of each thread
  double seconds = 10;          // of measuring; 0: until the count is reached
  double warm_up = 1;
  std::uint64_t count = 0;  // of operations; 0: until the time is over
  double limit = 600;       // of everything; then it is given up
  std::optional<pid_t> process;
  bool json = false;
  bool allow_remote = false;
  bool keep_queues = false;

  std::size_t pairs = 8;
  std::size_t queues = 1;  // of each pair, or each connection
  std::size_t size = 16'000;
  double rate = 0;         // messages a second, of all; 0: as many as the relay takes
  std::size_t window = 0;  // messages of a queue, or commands of a connection, under way; 0: what suits the mode
  std::size_t batch = 1;
  std::size_t idle = 0;  // other connections, each with one subscribed queue
  std::size_t connections = 1;
  bool subscribe = true;  // create: NEW also subscribes
  bool secure = false;    // create: KEY follows NEW
  Verify verify = Verify::first;
};

}  // namespace simplex::bench
