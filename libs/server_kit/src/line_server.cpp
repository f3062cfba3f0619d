#include "simplex/server_kit/line_server.hpp"

#include <map>

namespace simplex::server_kit {
namespace {

class Lines;

class LineConnection {
 public:
  LineConnection(Lines& lines, std::uint64_t number, transport::ChannelPtr channel,
                 std::unique_ptr<LineConversation> conversation);
  void start();

 private:
  void received(BytesView octets);
  void next();
  void keep_awake();

  Lines& lines_;
  std::uint64_t number_;
  std::string waiting_;  // octets of lines whose turn has not come
  bool answering_ = false;
  bool giving_ = false;  // in a call of the conversation
  bool paused_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
  async::Timer idle_;
  transport::ChannelPtr channel_;                   // null: closed
  std::unique_ptr<LineConversation> conversation_;  // destroyed first
};

class Lines final : public LineServer {
 public:
  Lines(async::Loop& loop, LineServerSettings settings, Converse converse)
      : loop_(loop), settings_(std::move(settings)), converse_(std::move(converse)) {}

  Result<> listen() {
    SIMPLEX_ASSIGN(listener_,
                   transport::listen_tcp(loop_, {.addresses = settings_.addresses, .keep_alive = {}},
                                         [this](transport::ChannelPtr channel) { accept(std::move(channel)); }));
    return {};
  }
  const std::vector<std::uint16_t>& ports() const override { return listener_->ports(); }
  LineServerCounters counters() const override {
    auto counted = counted_;
    counted.connections = connections_.size();
    return counted;
  }

  async::Loop& loop() { return loop_; }
  const LineServerSettings& settings() const { return settings_; }
  LineServerCounters& counted() { return counted_; }
  // Later, as it may be asked for in a call of the connection.
  void end(std::uint64_t number) {
    loop_.post([alive = std::weak_ptr(alive_), this, number] {
      if (!alive.expired()) connections_.erase(number);
    });
  }

 private:
  void accept(transport::ChannelPtr channel) {
    if (connections_.size() >= settings_.connections) {
      ++counted_.refused;
      return;
    }
    const auto number = next_++;
    const auto [place, added] =
        connections_.emplace(number, std::make_unique<LineConnection>(*this, number, std::move(channel), converse_()));
    place->second->start();
  }

  async::Loop& loop_;
  const LineServerSettings settings_;
  Converse converse_;
  std::uint64_t next_ = 1;
  LineServerCounters counted_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
  std::map<std::uint64_t, std::unique_ptr<LineConnection>> connections_;
  std::unique_ptr<transport::TcpListener> listener_;
};

LineConnection::LineConnection(Lines& lines, std::uint64_t number, transport::ChannelPtr channel,
                               std::unique_ptr<LineConversation> conversation)
    : lines_(lines), number_(number), channel_(std::move(channel)), conversation_(std::move(conversation)) {}

void LineConnection::start() {
  keep_awake();
  channel_->send(to_bytes(conversation_->greeting()));
  channel_->start({.data = [this](BytesView octets) { received(octets); },
                   .closed = [this](const Error&) { lines_.end(number_); },
                   .drained = [this] { next(); }});
}

void LineConnection::received(BytesView octets) {
  keep_awake();
  waiting_ += as_text(octets);
  next();
}

// One command at a time, and none while the answer before is not read.
void LineConnection::next() {
  while (!answering_ && channel_ && channel_->pending() < lines_.settings().waiting_octets) {
    const auto end = waiting_.find('\n');
    if (end == waiting_.npos || end > lines_.settings().line_octets) {
      if (waiting_.size() > lines_.settings().line_octets) {
        ++lines_.counted().too_long;
        channel_->send(to_bytes("error: the line is too long\n"));
        channel_->close();
        channel_.reset();
        lines_.end(number_);
        return;
      }
      break;
    }
    const auto line = waiting_.substr(0, end);
    waiting_.erase(0, end + 1);
    answering_ = true;
    giving_ = true;
    conversation_->receive(line, [this](std::string answer, bool close) {
      answering_ = false;
      keep_awake();
      if (!answer.empty()) channel_->send(to_bytes(answer));
      if (close) {
        channel_->close();
        channel_.reset();
        return lines_.end(number_);
      }
      // An answer that comes at once is seen by the loop that gave the line.
      if (giving_) return;
      lines_.loop().post([alive = std::weak_ptr(alive_), this] {
        if (!alive.expired()) next();
      });
    });
    giving_ = false;
  }
  if (!channel_) return;
  const bool pause = waiting_.size() > lines_.settings().waiting_octets;
  if (pause == paused_) return;
  paused_ = pause;
  if (paused_) {
    channel_->pause_reading();
  } else {
    channel_->resume_reading();
  }
}

void LineConnection::keep_awake() {
  idle_ = lines_.loop().after(lines_.settings().idle_timeout, [this] {
    ++lines_.counted().idle;
    lines_.end(number_);
  });
}

}  // namespace

Result<std::unique_ptr<LineServer>> LineServer::start(async::Loop& loop, LineServerSettings settings,
                                                      Converse converse) {
  auto made = std::make_unique<Lines>(loop, std::move(settings), std::move(converse));
  SIMPLEX_TRY(made->listen());
  return made;
}

}  // namespace simplex::server_kit
