// A relay's end of a WebSocket, against frames made by hand as a client makes them.
#include "simplex/transport/web_socket.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "simplex/transport/block_session.hpp"
#include "simplex/transport/channel_pair.hpp"
#include "simplex/transport/tls.hpp"
#include "raw_client.hpp"
#include "support.hpp"

namespace simplex::transport {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::uint8_t final_continuation = 0x80;
constexpr std::uint8_t text = 0x81;
constexpr std::uint8_t binary = 0x82;
constexpr std::uint8_t ping = 0x89;

std::string request(const std::string& fields = "Sec-WebSocket-Version: 13\r\n") {
  return "GET /any HTTP/1.1\r\nHost: relay.example\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         fields + "\r\n";
}
// RFC 6455, section 1.3.
constexpr std::string_view accepted =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

Bytes frame(std::uint8_t first, BytesView content, bool masked = true) {
  Bytes made{first};
  const std::uint8_t mask_bit = masked ? 0x80 : 0;
  if (content.size() < 126) {
    made.push_back(static_cast<std::uint8_t>(mask_bit | content.size()));
  } else {
    made.push_back(mask_bit | 126);
    made.push_back(static_cast<std::uint8_t>(content.size() >> 8));
    made.push_back(static_cast<std::uint8_t>(content.size()));
  }
  constexpr std::array<std::uint8_t, 4> mask{0x11, 0x22, 0x33, 0x44};
  if (masked) append(made, BytesView(mask));
  for (std::size_t i = 0; i < content.size(); ++i) {
    made.push_back(masked ? content[i] ^ mask[i % mask.size()] : content[i]);
  }
  return made;
}

class WebSocketTest : public ::testing::Test {
 protected:
  WebSocketTest() {
    auto [client, relay] = make_channel_pair(*loop_, *loop_, {}, {SessionId(Bytes(32, 1)), "smp/1", {}});
    client_ = std::move(client);
    client_->start({.data = [this](BytesView octets) { append(at_client_, octets); },
                    .closed = [this](const Error&) { client_closed_ = true; },
                    .drained = {}});
    channel_ = accept_web_socket(*loop_, std::move(relay));
    channel_->start({.data = [this](BytesView octets) { append(at_relay_, octets); },
                     .closed = [this](Error error) { relay_closed_ = std::move(error); },
                     .drained = {}});
  }

  void write(std::string_view octets) { client_->send(to_bytes(octets)); }
  void write(Bytes octets) { client_->send(std::move(octets)); }
  std::string client_text() const { return {at_client_.begin(), at_client_.end()}; }
  void upgrade() {
    write(request());
    ASSERT_TRUE(run_until(*loop_, [&] { return at_client_.size() >= accepted.size(); }));
    at_client_.erase(at_client_.begin(), at_client_.begin() + accepted.size());
  }
  // Everything that was sent has arrived.
  void settle() {
    for (int turn = 0; turn < 8; ++turn) {
      bool passed = false;
      loop_->post([&] { passed = true; });
      ASSERT_TRUE(run_until(*loop_, [&] { return passed; }));
    }
  }

  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  ChannelPtr client_;
  ChannelPtr channel_;
  Bytes at_client_;
  Bytes at_relay_;
  bool client_closed_ = false;
  std::optional<Error> relay_closed_;
};

TEST_F(WebSocketTest, TheUpgradeIsAnsweredAndWhatWaitedFollows) {
  const Bytes block(web_socket_message, 7);
  channel_->send(block);
  EXPECT_EQ(channel_->pending(), block.size());
  const auto asked = request();
  for (const char each : asked) write(std::string(1, each));
  ASSERT_TRUE(run_until(*loop_, [&] { return at_client_.size() > accepted.size() + block.size(); }));
  EXPECT_THAT(client_text(), StartsWith(std::string(accepted)));
  const Bytes rest(at_client_.begin() + accepted.size(), at_client_.end());
  EXPECT_EQ(rest, frame(binary, block, false));
  EXPECT_EQ(channel_->info().alpn, "smp/1");
}

TEST_F(WebSocketTest, OctetsOfMessagesFollowOneAnother) {
  write(request());
  const Bytes first(20'000, 1);
  const Bytes second(16'384, 2);
  auto octets = frame(0x02, BytesView(first).first(5'000));  // in two frames, a ping between them
  append(octets, frame(ping, to_bytes("hello")));
  append(octets, frame(final_continuation, BytesView(first).subspan(5'000)));
  append(octets, frame(binary, second));
  for (std::size_t at = 0; at < octets.size(); at += 777) {
    const BytesView rest = BytesView(octets).subspan(at);
    write(to_bytes(rest.first(std::min<std::size_t>(777, rest.size()))));
  }
  ASSERT_TRUE(run_until(*loop_, [&] { return at_relay_.size() == first.size() + second.size(); }));
  auto expected = first;
  append(expected, second);
  EXPECT_EQ(at_relay_, expected);
  EXPECT_THAT(client_text(), HasSubstr(std::string("\x8a\x05hello")));
}

TEST_F(WebSocketTest, TheFirstFrameMayComeWithTheRequest) {
  auto octets = to_bytes(request());
  append(octets, frame(binary, to_bytes("block")));
  write(octets);
  ASSERT_TRUE(run_until(*loop_, [&] { return at_relay_.size() == 5; }));
}

TEST_F(WebSocketTest, OtherRequestsAreRefused) {
  for (const auto& [asked, answer] : std::vector<std::pair<std::string, std::string>>{
           {"GET / HTTP/1.1\r\nHost: relay.example\r\n\r\n", "HTTP/1.1 426 "},
           {request("Sec-WebSocket-Version: 8\r\n"), "HTTP/1.1 426 "},
           {"POST " + request().substr(4), "HTTP/1.1 400 "},
           {request("Sec-WebSocket-Version: 13\r\nContent-Length: 5\r\n"), "HTTP/1.1 400 "},
           {"\x16\x03\x01 not HTTP\r\n\r\n", "HTTP/1.1 400 "},
           {"GET / HTTP/1.1\r\nX: " + std::string(9'000, 'x'), "HTTP/1.1 400 "}}) {
    auto [client, relay] = make_channel_pair(*loop_, *loop_, {}, {});
    std::string got;
    std::optional<Error> closed;
    client->start(
        {.data = [&](BytesView octets) { got.append(octets.begin(), octets.end()); }, .closed = {}, .drained = {}});
    auto channel = accept_web_socket(*loop_, std::move(relay));
    channel->start({.data = [](BytesView) { FAIL(); }, .closed = [&](Error error) { closed = error; }, .drained = {}});
    client->send(to_bytes(asked));
    ASSERT_TRUE(run_until(*loop_, [&] { return closed && !got.empty(); })) << asked.substr(0, 80);
    EXPECT_THAT(got, StartsWith(answer)) << asked.substr(0, 80);
  }
}

TEST_F(WebSocketTest, WhoBreaksTheRulesIsLeft) {
  struct Case {
    const char* what;
    Bytes octets;
  };
  for (const auto& [what, octets] : std::vector<Case>{{"no mask", frame(binary, to_bytes("block"), false)},
                                                      {"text", frame(text, to_bytes("block"))},
                                                      {"reserved bit", frame(0xc2, to_bytes("block"))},
                                                      {"long ping", frame(ping, Bytes(126, 0))},
                                                      {"close", frame(0x88, {})}}) {
    auto [client, relay] = make_channel_pair(*loop_, *loop_, {}, {});
    bool ended = false;
    std::optional<Error> closed;
    Bytes got;
    client->start({.data = {}, .closed = [&](const Error&) { ended = true; }, .drained = {}});
    auto channel = accept_web_socket(*loop_, std::move(relay));
    channel->start({.data = [&](BytesView arrived) { append(got, arrived); },
                    .closed = [&](Error error) { closed = std::move(error); },
                    .drained = {}});
    client->send(to_bytes(request()));
    client->send(octets);
    EXPECT_TRUE(run_until(*loop_, [&] { return closed && ended; })) << what;
    EXPECT_TRUE(got.empty()) << what;
  }
}

TEST_F(WebSocketTest, PingsOfWhoDoesNotReadEndIt) {
  upgrade();
  client_->pause_reading();
  for (int i = 0; i < 1'000 && !relay_closed_; ++i) {
    write(frame(ping, Bytes(125, 1)));
    settle();
  }
  ASSERT_TRUE(relay_closed_);
  EXPECT_EQ(relay_closed_->kind, ErrorKind::limit);
}

TEST_F(WebSocketTest, NothingComesWhileReadingIsPaused) {
  upgrade();
  channel_->pause_reading();
  write(frame(binary, to_bytes("one")));
  write(frame(binary, to_bytes("two")));
  settle();
  EXPECT_TRUE(at_relay_.empty());
  channel_->resume_reading();
  ASSERT_TRUE(run_until(*loop_, [&] { return at_relay_.size() == 6; }));
}

TEST_F(WebSocketTest, TheOwnerMayDropItInACallback) {
  upgrade();
  auto [client, relay] = make_channel_pair(*loop_, *loop_, {}, {});
  client->start({});
  auto channel = accept_web_socket(*loop_, std::move(relay));
  int calls = 0;
  channel->start({.data =
                      [&](BytesView) {
                        ++calls;
                        channel.reset();
                      },
                  .closed = [](const Error&) { FAIL(); },
                  .drained = {}});
  client->send(to_bytes(request()));
  auto octets = frame(binary, Bytes(10'000, 1));
  append(octets, frame(binary, Bytes(10'000, 2)));
  client->send(octets);
  ASSERT_TRUE(run_until(*loop_, [&] { return calls > 0; }));
  settle();
  EXPECT_EQ(calls, 1);
}

TEST_F(WebSocketTest, ARelayShakesHandsInATlsPortForWebSockets) {
  ListenSettings settings;
  settings.addresses = {{"127.0.0.1", 0, Serves::smp_in_web_sockets}};
  std::vector<ChannelPtr> channels;
  auto listener =
      listen_tls(*loop_, test_credentials(), std::move(settings),
                 {.accepted = [&](ChannelPtr channel) { channels.push_back(std::move(channel)); }, .refused = {}});
  ASSERT_TRUE(listener) << listener.error().message;
  std::atomic<bool> over = false;
  Bytes answer;
  Bytes hello;
  std::thread client([&, port = (*listener)->ports().at(0)] {
    RawTlsClient raw(port, {.alpn = "smp/1"});
    if (raw.connected()) {
      raw.write(to_bytes(request()));
      answer = raw.read(accepted.size());
      hello = raw.read(4 + block_size);
    }
    over = true;
  });
  std::unique_ptr<BlockSession> session;
  testing::SeededRandom random(1);
  ASSERT_TRUE(run_until(*loop_, [&] {
    if (!session && !channels.empty()) {
      session = BlockSession::as_server(*loop_, std::move(channels.front()), test_credentials(), {}, random, 20s, {});
    }
    return over.load();
  }));
  client.join();
  EXPECT_EQ(std::string(answer.begin(), answer.end()), accepted);
  ASSERT_EQ(hello.size(), 4 + block_size);
  EXPECT_EQ(hello[0], binary);
  EXPECT_TRUE(content_of_plain_block(BytesView(hello).subspan(4)));
}

}  // namespace
}  // namespace simplex::transport
