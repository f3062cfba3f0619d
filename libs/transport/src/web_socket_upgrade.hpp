// The HTTP request that a WebSocket begins with, and its answer (RFC 6455, section 4). Pure.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "simplex/base/bytes.hpp"

namespace simplex::transport {

class WebSocketUpgrade {
 public:
  struct Outcome {
    bool accepted = false;
    std::string answer;      // to be sent
    std::size_t octets = 0;  // of what was fed last, that belonged to the request
  };
  WebSocketUpgrade();
  ~WebSocketUpgrade();
  WebSocketUpgrade(const WebSocketUpgrade&) = delete;
  WebSocketUpgrade& operator=(const WebSocketUpgrade&) = delete;

  // Nothing: the request goes on. Not after an outcome.
  [[nodiscard]] std::optional<Outcome> feed(BytesView octets);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace simplex::transport
