// A service of lines on a port of this machine, like a control port: each connection has a conversation, which gets one
// line after the other and answers it before it gets the next.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "simplex/transport/tcp.hpp"

namespace simplex::server_kit {

class LineConversation {
 public:
  using Answer = std::move_only_function<void(std::string answer, bool close)>;
  virtual ~LineConversation() = default;
  [[nodiscard]] virtual std::string greeting() = 0;
  // Without its end. answer is called once, at once or later on the loop; never after the conversation is destroyed.
  virtual void receive(std::string_view line, Answer answer) = 0;
};

struct LineServerSettings {
  std::vector<transport::Endpoint> addresses;
  std::size_t connections = 16;             // one more is closed at once
  std::size_t line_octets = 4'096;          // a longer line ends its connection
  std::size_t waiting_octets = 64 * 1'024;  // of lines that came before their turn; past it nothing is read
  Duration idle_timeout = std::chrono::minutes(10);
};

struct LineServerCounters {
  std::size_t connections = 0;  // open
  std::uint64_t refused = 0;    // over the bound
  std::uint64_t too_long = 0;   // ended for a line that was
  std::uint64_t idle = 0;       // ended because nothing happened
};

// Lives on the loop; destroying it closes the port and all connections.
class LineServer {
 public:
  using Converse = std::move_only_function<std::unique_ptr<LineConversation>()>;
  [[nodiscard]] static Result<std::unique_ptr<LineServer>> start(async::Loop& loop, LineServerSettings settings,
                                                                 Converse converse);
  virtual ~LineServer() = default;
  [[nodiscard]] virtual const std::vector<std::uint16_t>& ports() const = 0;
  [[nodiscard]] virtual LineServerCounters counters() const = 0;
};

}  // namespace simplex::server_kit
