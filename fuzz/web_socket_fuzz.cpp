// rooms: transport
// What a client says where a relay expects a WebSocket, cut into pieces as the input says: it gets one status line,
// nothing arrives before the upgrade, and what arrives is no more than what was said.
#include "simplex/transport/web_socket.hpp"

#include <deque>

#include "allocation_bound.hpp"
#include "require.hpp"

namespace {

using namespace simplex;             // NOLINT: one file, no header
using namespace simplex::transport;  // NOLINT
using fuzz::require;

class TurnLoop final : public async::Loop {
 public:
  void post(async::Task task) override { tasks_.push_back(std::move(task)); }
  async::Timer after(Duration, async::Task) override { return {}; }
  bool on_loop_thread() const noexcept override { return true; }
  Instant now() const override { return {}; }
  WallTime wall() const override { return {}; }
  void run() {
    while (!tasks_.empty()) {
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }

 private:
  std::deque<async::Task> tasks_;
};

// What the client's end of the connection sees and does.
struct Client {
  Channel::Handlers relay;
  Bytes got;
  bool closed = false;
};

class Inside final : public Channel {
 public:
  explicit Inside(Client& client) : client_(client) {}
  void start(Handlers handlers) override { client_.relay = std::move(handlers); }
  void send(Bytes octets) override { append(client_.got, octets); }
  std::size_t pending() const override { return 0; }
  void pause_reading() override {}
  void resume_reading() override {}
  void close() override { client_.closed = true; }
  void abort() override { client_.closed = true; }
  const ChannelInfo& info() const override { return info_; }

 private:
  Client& client_;
  ChannelInfo info_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::AllocationBound bound(256 * 1'024 + 64 * size);
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 64 == 0 ? size : data[0] % 64;
  BytesView input(data + 1, size - 1);
  TurnLoop loop;
  Client client;
  std::size_t arrived = 0;
  int ended = 0;
  bool pauses = (data[0] & 0x80) != 0;
  auto channel = accept_web_socket(loop, std::make_unique<Inside>(client));
  channel->start({.data =
                      [&](BytesView octets) {
                        require(ended == 0 && as_text(client.got).starts_with("HTTP/1.1 101 "));
                        arrived += octets.size();
                        if (pauses) channel->pause_reading();
                      },
                  .closed = [&](const Error& error) { require(++ended == 1 && !error.message.empty()); },
                  .drained = {}});
  while (!input.empty() && !client.closed) {
    const auto octets = input.first(std::min(piece, input.size()));
    input = input.subspan(octets.size());
    if (client.relay.data) client.relay.data(octets);
    channel->resume_reading();
    loop.run();
  }
  require(arrived < size);
  require(client.got.empty() || as_text(client.got).starts_with("HTTP/1.1 "));
  require(client.closed == (ended == 1));
  channel.reset();
  loop.run();
  return 0;
}
