#include "relay_program.hpp"

namespace simplex::end_to_end {

RelayProgramPlace::RelayProgramPlace(std::vector<std::string> settings, bool durable) : durable_(durable) {
  settings.emplace_back("LIMITS.notification_interval_ms=10");
  settings.emplace_back("LIMITS.threads=3");  // queues, senders and recipients on different ones
  relay_.set(std::move(settings));
}

protocol::ServerAddress RelayProgramPlace::address() const { return *protocol::parse_server_address(relay_.address()); }

std::unique_ptr<caller::Line> RelayProgramPlace::line(const std::string&, caller::Credentials shown) {
  return caller::Line::over_sockets(std::move(shown));
}

stories::RelayKind memory_relay() {
  return {"memory", [] {
            return std::make_unique<RelayProgramPlace>(
                std::vector<std::string>{"STORE_LOG.store_queues=memory", "STORE_LOG.store_messages=memory",
                                         "STORE_LOG.enable=on"},
                false);
          }};
}

stories::RelayKind embedded_relay() {
  return {"embedded", [] { return std::make_unique<RelayProgramPlace>(std::vector<std::string>{}); }};
}

namespace {

class WebSocketPlace final : public RelayProgramPlace {
 public:
  explicit WebSocketPlace(std::uint16_t port)
      : RelayProgramPlace({"TRANSPORT.websockets=" + std::to_string(port)}), port_(port) {}
  std::unique_ptr<caller::Line> line(const std::string&, caller::Credentials shown) override {
    return caller::Line::over_web_sockets(port_, std::move(shown));
  }

 private:
  std::uint16_t port_;
};

}  // namespace

stories::RelayKind web_socket_relay() {
  return {"web_sockets", [] { return std::make_unique<WebSocketPlace>(free_port()); }};
}

}  // namespace simplex::end_to_end
