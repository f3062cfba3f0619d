// Clients that are not ours, of good and of bad will, at our listener.
#include <atomic>
#include <thread>

#include "simplex/transport/tls.hpp"
#include "raw_client.hpp"
#include "support.hpp"

namespace simplex::transport {
namespace {

class Guests : public ::testing::Test {
 protected:
  std::uint16_t listen(ListenSettings settings = {}) {
    settings.addresses = {{"127.0.0.1", 0}};
    listener_ = listen_tls(*loop_, test_credentials(), std::move(settings),
                           {.accepted = [this](ChannelPtr channel) { accepted_.push_back(std::move(channel)); },
                            .refused = [this](const Error& error) { refused_.push_back(error); }})
                    .value();
    return listener_->ports().at(0);
  }

  // Runs the guest on a thread beside the loop, until it is done and the condition holds.
  template <class Guest, class F>
  void visit(Guest guest, F&& holds) {
    std::atomic<bool> done = false;
    std::thread thread([&] {
      guest();
      done = true;
    });
    EXPECT_TRUE(run_until(*loop_, [&] { return holds() && done; }));
    thread.join();
  }

  // The relay still serves others.
  void expect_alive(std::uint16_t port) {
    accepted_.clear();
    const auto connector = make_tls_connector();
    std::optional<Result<ChannelPtr>> result;
    const auto attempt =
        connector->connect(*loop_, {{{"127.0.0.1", port}}, test_credentials().identity, {"smp/1"}, 10s},
                           [&](Result<ChannelPtr> made) { result = std::move(made); });
    EXPECT_TRUE(run_until(*loop_, [&] { return result.has_value() && !accepted_.empty(); }));
    EXPECT_TRUE(result && result->has_value());
  }

  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  std::unique_ptr<TlsListener> listener_;
  std::vector<ChannelPtr> accepted_;
  std::vector<Error> refused_;
};

TEST_F(Guests, PlainOpensslGetsTheSameSessionIdInBothVersions) {
  const auto port = listen();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const char* group : {"X25519", "X448"}) {
      for (const char* alpn : {"", "smp/1"}) {
        accepted_.clear();
        Bytes finished;
        bool connected = false;
        visit(
            [&] {
              RawTlsClient client(port, {.version = version, .alpn = alpn, .groups = group});
              connected = client.connected();
              finished = client.finished();
            },
            [&] { return !accepted_.empty(); });
        ASSERT_TRUE(connected);
        EXPECT_EQ(accepted_[0]->info().session_id, SessionId(finished));
        EXPECT_EQ(accepted_[0]->info().alpn.has_value(), *alpn != '\0');
      }
    }
  }
}

TEST_F(Guests, OtherSuitesGroupsAndVersionsAreRefused) {
  const auto port = listen();
  const RawTlsOptions bad[] = {
      {.version = TLS1_3_VERSION, .alpn = "smp/1", .suites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256"},
      {.version = TLS1_2_VERSION, .alpn = "smp/1", .ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"},
      {.version = TLS1_3_VERSION, .alpn = "smp/1", .groups = "P-256"},
      {.version = TLS1_1_VERSION, .alpn = "smp/1", .ciphers = "DEFAULT:@SECLEVEL=0"},
  };
  for (const auto& options : bad) {
    refused_.clear();
    bool connected = true;
    visit([&] { connected = RawTlsClient(port, options).connected(); }, [&] { return !refused_.empty(); });
    EXPECT_FALSE(connected);
    ASSERT_EQ(refused_.size(), 1U);
    EXPECT_TRUE(contains(refused_[0].message, "not one that SimpleX uses")) << refused_[0].message;
  }
  expect_alive(port);
}

TEST_F(Guests, APortScannerIsRefusedQuietly) {
  const auto port = listen();
  visit(
      [&] {
        for (int i = 0; i < 20; ++i) RawSocket scanner(port);
      },
      [&] { return refused_.size() == 20; });
  EXPECT_TRUE(contains(refused_[0].message, "closed the connection")) << refused_[0].message;
  EXPECT_EQ(listener_->counters().handshakes, 0U);
  expect_alive(port);
}

TEST_F(Guests, AnHttpClientIsRefusedAndNamed) {
  const auto port = listen();
  visit(
      [&] {
        const RawSocket client(port);
        client.write("GET / HTTP/1.1\r\nHost: relay.example\r\n\r\n");
        (void)client.read_all();
      },
      [&] { return !refused_.empty(); });
  EXPECT_TRUE(contains(refused_[0].message, "HTTP client")) << refused_[0].message;
  expect_alive(port);
}

TEST_F(Guests, GarbageIsRefused) {
  const auto port = listen();
  testing::SeededRandom random(9);
  for (int i = 0; i < 20; ++i) {
    refused_.clear();
    const auto garbage = random.bytes(5 + random.below(3'000));
    visit(
        [&] {
          const RawSocket client(port);
          client.write(as_text(garbage));
          ::shutdown(client.descriptor(), SHUT_WR);
          (void)client.read_all();
        },
        [&] { return !refused_.empty(); });
  }
  expect_alive(port);
}

TEST_F(Guests, ASilentClientIsDroppedAfterTheTimeout) {
  ListenSettings settings;
  settings.handshake_timeout = 30ms;
  const auto port = listen(settings);
  visit(
      [&] {
        const RawSocket client(port);
        EXPECT_TRUE(client.read_all().empty());  // until the relay closes
      },
      [&] { return !refused_.empty(); });
  EXPECT_EQ(refused_[0].kind, ErrorKind::timeout);
  EXPECT_EQ(listener_->counters().timed_out, 1U);
  expect_alive(port);
}

// What waits for it is here, where it is counted and bounded, and not in the kernel.
TEST_F(Guests, TheKernelHoldsLittleForAClientThatDoesNotRead) {
  ListenSettings settings;
  settings.send_buffer = 64 * 1'024;
  const auto port = listen(settings);
  std::unique_ptr<RawTlsClient> client;
  visit(
      [&] { client = std::make_unique<RawTlsClient>(port, RawTlsOptions{.version = TLS1_3_VERSION, .alpn = "smp/1"}); },
      [&] { return !accepted_.empty(); });
  ASSERT_TRUE(client->connected());
  auto& channel = *accepted_[0];
  channel.start({.data = {}, .closed = {}, .drained = {}});
  constexpr std::size_t size = 16UL * 1'024 * 1'024;
  channel.send(Bytes(size));
  std::size_t left = 0;
  int unchanged = 0;
  ASSERT_TRUE(run_until(*loop_, [&] {
    unchanged = std::exchange(left, channel.pending()) == left ? unchanged + 1 : 0;
    return unchanged == 20;
  }));
  EXPECT_GT(left, size - 1'024 * 1'024) << "with what the client's side of the kernel takes";
  EXPECT_LT(left, size);
  expect_alive(port);
}

TEST_F(Guests, PastTheBoundOfHandshakesTheOldestGivesWay) {
  ListenSettings settings;
  settings.max_handshakes = 5;
  const auto port = listen(settings);
  std::vector<std::unique_ptr<RawSocket>> silent;
  visit(
      [&] {
        for (int i = 0; i < 12; ++i) silent.push_back(std::make_unique<RawSocket>(port));
      },
      [&] { return listener_->counters().connections == 12; });
  EXPECT_EQ(listener_->counters().handshakes, 5U);
  EXPECT_EQ(refused_.size(), 7U);
  EXPECT_EQ(refused_[0].kind, ErrorKind::limit);
  EXPECT_TRUE(silent[0]->read_all().empty());  // closed by the relay
  expect_alive(port);
}

TEST_F(Guests, AResetInTheMiddleIsAnEndLikeOthers) {
  const auto port = listen();
  std::optional<Error> closed;
  std::size_t received = 0;
  visit(
      [&] {
        RawTlsClient client(port, {.alpn = "smp/1"});
        client.write(Bytes(10'000));
        const linger reset{1, 0};
        ::setsockopt(client.socket().descriptor(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      },
      [&] { return !accepted_.empty(); });
  accepted_[0]->start({.data = [&](BytesView octets) { received += octets.size(); },
                       .closed = [&](Error error) { closed = std::move(error); },
                       .drained = {}});
  accepted_[0]->send(Bytes(100'000));
  ASSERT_TRUE(run_until(*loop_, [&] { return closed.has_value(); }));
  EXPECT_EQ(closed->kind, ErrorKind::network);
  EXPECT_FALSE(closed->message.empty());
  expect_alive(port);
}

TEST_F(Guests, AClientThatClosesItsHalfStillGetsWhatIsQueued) {
  const auto port = listen();
  Bytes got;
  bool started = false;
  std::optional<Error> closed;
  visit(
      [&] {
        RawTlsClient client(port, {.alpn = "smp/1"});
        SSL_shutdown(client.ssl());
        got = client.read(20'000'000);
      },
      [&] {
        if (!accepted_.empty() && !std::exchange(started, true)) {
          accepted_[0]->start({.data = {}, .closed = [&](Error error) { closed = std::move(error); }, .drained = {}});
          accepted_[0]->send(Bytes(20'000'000, 'y'));
        }
        return closed.has_value();
      });
  EXPECT_EQ(got.size(), 20'000'000U);
}

}  // namespace
}  // namespace simplex::transport
