#include "web_socket_connector.hpp"

#include <algorithm>
#include <array>

namespace simplex::caller {
namespace {

using transport::ChannelPtr;

constexpr std::string_view request =
    "GET / HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
constexpr std::string_view end_of_answer = "\r\n\r\n";

constexpr std::uint8_t binary_message = 0x82;
constexpr std::uint8_t masked = 0x80;
constexpr std::uint8_t two_octets_of_length = 126;

class WebSocketClient final : public transport::Channel {
 public:
  explicit WebSocketClient(ChannelPtr inside) : inside_(std::move(inside)) { inside_->send(to_bytes(request)); }

  void start(Handlers handlers) override {
    data_ = std::move(handlers.data);
    inside_->start({.data = [this](BytesView octets) { received(octets); },
                    .closed = std::move(handlers.closed),
                    .drained = std::move(handlers.drained)});
  }
  void send(Bytes octets) override {
    Bytes frame{binary_message,
                masked | two_octets_of_length,
                static_cast<std::uint8_t>(octets.size() >> 8),
                static_cast<std::uint8_t>(octets.size()),
                0,
                0,
                0,
                0};  // a mask that changes nothing
    append(frame, octets);
    inside_->send(std::move(frame));
  }
  std::size_t pending() const override { return inside_->pending(); }
  void pause_reading() override { inside_->pause_reading(); }
  void resume_reading() override { inside_->resume_reading(); }
  void close() override { inside_->close(); }
  void abort() override { inside_->abort(); }
  const transport::ChannelInfo& info() const override { return inside_->info(); }

 private:
  void received(BytesView octets) {
    append(begun_, octets);
    if (!answered_) {
      const auto end = std::ranges::search(begun_, end_of_answer);
      if (end.empty()) return;
      begun_.erase(begun_.begin(), end.end());
      answered_ = true;
    }
    const auto alive = std::weak_ptr(alive_);
    while (begun_.size() >= 4 && begun_[0] == binary_message && begun_[1] == two_octets_of_length) {
      const std::size_t size = begun_[2] * 256U + begun_[3];
      if (begun_.size() < 4 + size) return;
      const Bytes message(begun_.begin() + 4, begun_.begin() + 4 + static_cast<std::ptrdiff_t>(size));
      begun_.erase(begun_.begin(), begun_.begin() + 4 + static_cast<std::ptrdiff_t>(size));
      if (data_) data_(message);
      if (alive.expired()) return;
    }
  }

  ChannelPtr inside_;
  std::move_only_function<void(BytesView)> data_;
  Bytes begun_;
  bool answered_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class WebSocketConnector final : public transport::Connector {
 public:
  WebSocketConnector(std::unique_ptr<transport::Connector> inside, std::uint16_t port)
      : inside_(std::move(inside)), port_(port) {}

  std::unique_ptr<Attempt> connect(async::Loop& loop, transport::ConnectOptions options,
                                   std::move_only_function<void(Result<ChannelPtr>)> done) override {
    for (auto& endpoint : options.endpoints) endpoint.port = port_;
    return inside_->connect(loop, std::move(options), [done = std::move(done)](Result<ChannelPtr> made) mutable {
      if (made) *made = std::make_unique<WebSocketClient>(std::move(*made));
      done(std::move(made));
    });
  }

 private:
  std::unique_ptr<transport::Connector> inside_;
  std::uint16_t port_;
};

}  // namespace

std::unique_ptr<transport::Connector> make_web_socket_connector(std::unique_ptr<transport::Connector> inside,
                                                                std::uint16_t port) {
  return std::make_unique<WebSocketConnector>(std::move(inside), port);
}

}  // namespace simplex::caller
