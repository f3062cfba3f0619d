#include "simplex/transport/block_session.hpp"

#include <array>

#include "simplex/transport/channel_pair.hpp"
#include "simplex/transport/tls.hpp"
#include "support.hpp"

namespace simplex::transport {
namespace {

struct Side {
  std::unique_ptr<BlockSession> session;
  bool ready = false;
  std::vector<std::string> blocks;
  std::optional<Error> closed;
  int drained = 0;

  BlockSession::Handlers handlers() {
    return {.ready = [this] { ready = true; },
            .block = [this](BytesView content) { blocks.emplace_back(as_text(content)); },
            .closed = [this](Error error) { closed = std::move(error); },
            .drained = [this] { ++drained; },
            .unreadable = goes_on ? std::move_only_function<void()>([this] { ++unreadable; }) : nullptr};
  }
  bool goes_on = false;  // after blocks that do not open
  int unreadable = 0;
};

class Sessions : public ::testing::Test {
 protected:
  Sessions() { std::tie(client_info_, relay_info_) = client_and_relay_info(); }

  void connect(ClientHandshakeSettings client_side = client_settings(), ServerHandshakeSettings server_side = {},
               std::optional<crypto::X25519KeyPair> key = test_key(1)) {
    auto [a, b] = make_channel_pair(*loop_, *loop_, client_info_, relay_info_);
    client_.session =
        BlockSession::as_client(*loop_, std::move(a), std::move(client_side), std::move(key), 10s, client_.handlers());
    serve(std::move(b), std::move(server_side));
  }
  void serve(ChannelPtr channel, ServerHandshakeSettings settings = {}, Duration timeout = 10s) {
    relay_.session = BlockSession::as_server(*loop_, std::move(channel), test_credentials(), std::move(settings),
                                             random_, timeout, relay_.handlers());
  }
  // A relay, and a peer that is only a channel.
  ChannelPtr serve_raw(Duration timeout = 10s) {
    auto [a, b] = make_channel_pair(*loop_, *loop_, client_info_, relay_info_);
    serve(std::move(b), {}, timeout);
    a->start({.data = [this](BytesView octets) { append(raw_received_, octets); },
              .closed = [this](Error) { raw_closed_ = true; },
              .drained = {}});
    return std::move(a);
  }
  // The client's side of the handshake, by hand; nothing, when the relay does not get ready.
  std::optional<BlockKeys> shake_hands(Channel& raw) {
    if (!run_until(*loop_, [&] { return raw_received_.size() == block_size; })) return std::nullopt;
    SmpClientHandshake handshake(client_settings(), client_info_, test_key(5));
    auto step = handshake.receive(content_of_plain_block(raw_received_).value());
    raw.send(plain_block(*step.send).value());
    if (!run_until(*loop_, [&] { return relay_.ready; })) return std::nullopt;
    return std::move((*step.outcome)->block_keys);
  }
  bool both_ready() {
    return run_until(*loop_, [&] { return client_.ready && relay_.ready; });
  }

  void talk() {
    const std::string longest(client_.session->max_content(), 'l');
    EXPECT_TRUE(client_.session->send(as_bytes("first")));
    EXPECT_TRUE(client_.session->send(as_bytes(longest)));
    EXPECT_TRUE(client_.session->send({}));
    EXPECT_TRUE(relay_.session->send(as_bytes("answer")));
    ASSERT_TRUE(run_until(*loop_, [&] { return relay_.blocks.size() == 3 && client_.blocks.size() == 1; }));
    EXPECT_EQ(relay_.blocks, (std::vector<std::string>{"first", longest, ""}));
    EXPECT_EQ(client_.blocks[0], "answer");
    const auto too_long = client_.session->send(as_bytes(longest + "!"));
    ASSERT_FALSE(too_long);
    EXPECT_EQ(too_long.error().kind, ErrorKind::limit);
    // The refused block did not move the chain.
    EXPECT_TRUE(client_.session->send(as_bytes("still here")));
    ASSERT_TRUE(run_until(*loop_, [&] { return relay_.blocks.size() == 4; }));
    EXPECT_EQ(relay_.blocks[3], "still here");
  }

  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  testing::SeededRandom random_{1};
  ChannelInfo client_info_;
  ChannelInfo relay_info_;
  Side client_;
  Side relay_;
  Bytes raw_received_;
  bool raw_closed_ = false;
};

TEST_F(Sessions, TalkInEncryptedBlocks) {
  connect();
  EXPECT_FALSE(client_.session->send(as_bytes("too early")));
  ASSERT_TRUE(both_ready());
  EXPECT_EQ(client_.session->session().version, SmpVersion(20));
  EXPECT_EQ(client_.session->max_content(), max_encrypted_content);
  EXPECT_EQ(relay_.session->max_content(), max_encrypted_content);
  talk();
  EXPECT_GT(client_.drained, 0);
}

TEST_F(Sessions, TalkInPlainBlocksInOldVersionsAndWithoutAKey) {
  auto old = client_settings();
  old.versions.max = SmpVersion(10);
  connect(std::move(old));
  ASSERT_TRUE(both_ready());
  EXPECT_EQ(client_.session->max_content(), max_plain_content);
  talk();

  client_ = {};
  relay_ = {};
  connect(client_settings(), {}, std::nullopt);
  ASSERT_TRUE(both_ready());
  EXPECT_EQ(relay_.session->max_content(), max_plain_content);
  talk();
}

TEST_F(Sessions, TalkWithoutAlpnInVersion6) {
  client_info_.alpn.reset();
  relay_info_.alpn.reset();
  connect();
  ASSERT_TRUE(both_ready());
  EXPECT_EQ(relay_.session->session().version, SmpVersion(6));
  talk();
}

TEST_F(Sessions, AClientOfAnotherRelayIsToldNothingAndClosed) {
  auto wrong = client_settings();
  wrong.identity = KeyHash();
  wrong.versions = legacy_smp_versions;  // no key to check: the relay finds out
  connect(std::move(wrong), {legacy_smp_versions, {}});
  ASSERT_TRUE(run_until(*loop_, [&] { return client_.closed && relay_.closed; }));
  EXPECT_EQ(relay_.closed->kind, ErrorKind::authentication);
  EXPECT_FALSE(relay_.ready);
}

TEST_F(Sessions, NoCommonVersionEndsBothWithAReason) {
  auto future = client_settings();
  future.versions = {SmpVersion(30), SmpVersion(31)};
  connect(std::move(future));
  ASSERT_TRUE(run_until(*loop_, [&] { return client_.closed && relay_.closed; }));
  EXPECT_EQ(client_.closed->kind, ErrorKind::version);
  EXPECT_TRUE(contains(relay_.closed->message, "during the SMP handshake")) << relay_.closed->message;
}

TEST_F(Sessions, GarbageInsteadOfAHandshakeEndsTheSession) {
  for (const auto octet : std::to_array<std::uint8_t>({0x00, 0x47, 0xff})) {
    relay_ = {};
    raw_closed_ = false;
    const auto raw = serve_raw();
    raw->send(Bytes(block_size, octet));
    ASSERT_TRUE(run_until(*loop_, [&] { return relay_.closed && raw_closed_; }));
    EXPECT_FALSE(relay_.closed->message.empty());
    EXPECT_FALSE(relay_.ready);
  }
}

TEST_F(Sessions, AHalfSentBlockIsATimeoutInTheHandshake) {
  const auto raw = serve_raw(20ms);
  raw->send(Bytes(block_size / 2));
  ASSERT_TRUE(run_until(*loop_, [&] { return relay_.closed && raw_closed_; }));
  EXPECT_EQ(relay_.closed->kind, ErrorKind::timeout);
  EXPECT_EQ(raw_received_.size(), block_size);  // its hello
}

TEST_F(Sessions, AClientThatSaysNothingIsATimeoutAndOneThatTalksIsNot) {
  const auto raw = serve_raw(20ms);
  ASSERT_TRUE(run_until(*loop_, [&] { return relay_.closed.has_value(); }));
  EXPECT_EQ(relay_.closed->kind, ErrorKind::timeout);

  client_ = {};
  relay_ = {};
  connect();
  ASSERT_TRUE(both_ready());
  bool later = false;
  const auto timer = loop_->after(30ms, [&] { later = true; });
  ASSERT_TRUE(run_until(*loop_, [&] { return later; }));
  EXPECT_FALSE(relay_.closed);
}

// Handshakes by hand, then blocks of the test's choice.
TEST_F(Sessions, ABlockThatDoesNotDecryptEndsTheConnection) {
  const auto raw = serve_raw();
  auto keys = shake_hands(*raw);
  ASSERT_TRUE(keys);
  Bytes block(block_size);
  ASSERT_TRUE(crypto::encrypt_block(keys->send, as_bytes("good"), block));
  raw->send(block);
  raw->send(block);  // the same again: its key was used up
  ASSERT_TRUE(run_until(*loop_, [&] { return relay_.closed && raw_closed_; }));
  EXPECT_EQ(relay_.blocks, std::vector<std::string>{"good"});
  EXPECT_TRUE(contains(relay_.closed->message, "bad block")) << relay_.closed->message;
}

TEST_F(Sessions, AfterABlockThatDoesNotOpenTheNextOneDoes) {
  relay_.goes_on = true;
  const auto raw = serve_raw();
  auto keys = shake_hands(*raw);
  ASSERT_TRUE(keys);
  Bytes block(block_size);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(crypto::encrypt_block(keys->send, as_bytes("spoiled"), block));
    block[100] ^= 1;
    raw->send(block);
    ASSERT_TRUE(crypto::encrypt_block(keys->send, as_bytes("good"), block));
    raw->send(block);
  }
  ASSERT_TRUE(run_until(*loop_, [&] { return relay_.blocks.size() == 3; }));
  EXPECT_EQ(relay_.unreadable, 3);
  EXPECT_FALSE(relay_.closed);
}

TEST_F(Sessions, APlainBlockWithABadLengthEndsTheConnection) {
  relay_info_.alpn.reset();
  const auto raw = serve_raw();
  SmpClientHello hello;
  hello.version = SmpVersion(6);
  hello.identity = to_bytes(test_credentials().identity.view());
  raw->send(plain_block(encode(hello)).value());
  ASSERT_TRUE(run_until(*loop_, [&] { return relay_.ready; }));
  raw->send(Bytes(block_size, 0xff));
  ASSERT_TRUE(run_until(*loop_, [&] { return relay_.closed && raw_closed_; }));
  EXPECT_TRUE(contains(relay_.closed->message, "bad block"));
}

TEST_F(Sessions, ARefusedServiceGetsItsAnswerBeforeTheEnd) {
  auto own = make_credentials(SignatureAlgorithm::ed25519, loop_->wall(), random_);
  relay_info_.peer_certificates = own.chain;
  auto settings = client_settings();
  settings.service = ClientServiceSettings{SmpServiceRole::messaging, own.chain, std::move(own.key),
                                           crypto::generate_ed25519(random_)};
  connect(std::move(settings));
  ASSERT_TRUE(run_until(*loop_, [&] { return client_.closed && relay_.closed; }));
  EXPECT_TRUE(contains(client_.closed->message, "BAD_SERVICE")) << client_.closed->message;
}

TEST_F(Sessions, MayBeDestroyedInEachOfTheirCallbacks) {
  for (int which = 0; which < 3; ++which) {
    client_ = {};
    relay_ = {};
    auto [a, b] = make_channel_pair(*loop_, *loop_, client_info_, relay_info_);
    client_.session = BlockSession::as_client(*loop_, std::move(a), client_settings(), test_key(1), 10s,
                                              {.ready =
                                                   [&] {
                                                     client_.ready = true;
                                                     if (which == 0) client_.session.reset();
                                                   },
                                               .block =
                                                   [&](BytesView) {
                                                     if (which == 1) client_.session.reset();
                                                   },
                                               .closed = [&](const Error&) { client_.session.reset(); },
                                               .drained = {}});
    auto handlers = relay_.handlers();
    handlers.ready = [&] {
      relay_.ready = true;
      EXPECT_TRUE(relay_.session->send(as_bytes("1")));
      EXPECT_TRUE(relay_.session->send(as_bytes("2")));
      if (which == 2) relay_.session->close();
    };
    relay_.session =
        BlockSession::as_server(*loop_, std::move(b), test_credentials(), {}, random_, 10s, std::move(handlers));
    ASSERT_TRUE(run_until(*loop_, [&] { return !client_.session && client_.ready; })) << which;
  }
}

TEST_F(Sessions, TheOwnerHearsNothingAfterItsOwnClose) {
  connect();
  ASSERT_TRUE(both_ready());
  EXPECT_TRUE(client_.session->send(as_bytes("last")));
  client_.session->close();
  EXPECT_FALSE(client_.session->send(as_bytes("lost")));
  ASSERT_TRUE(run_until(*loop_, [&] { return relay_.closed.has_value(); }));
  EXPECT_EQ(relay_.blocks, std::vector<std::string>{"last"});
  EXPECT_FALSE(client_.closed);
}

class TlsSessions : public Sessions {
 protected:
  void SetUp() override {
    ListenSettings settings;
    settings.addresses = {{"127.0.0.1", 0}};
    listener_ = listen_tls(*loop_, test_credentials(), settings,
                           {.accepted = [this](ChannelPtr channel) { serve(std::move(channel)); }, .refused = {}})
                    .value();
  }
  void connect_tls(ClientHandshakeSettings settings, TlsConnectorSettings tls = {},
                   std::vector<std::string> alpn = {"smp/1"}) {
    const auto connector = make_tls_connector(tls);
    const auto attempt = connector->connect(
        *loop_, {{{"127.0.0.1", listener_->ports().at(0)}}, test_credentials().identity, std::move(alpn), 10s},
        [&](Result<ChannelPtr> made) {
          ASSERT_TRUE(made) << made.error().message;
          client_.session = BlockSession::as_client(*loop_, std::move(*made), std::move(settings), test_key(1), 10s,
                                                    client_.handlers());
        });
    ASSERT_TRUE(both_ready());
  }

  std::unique_ptr<TlsListener> listener_;
};

TEST_F(TlsSessions, TalkOverBothVersionsOfTls) {
  for (const auto versions : {TlsVersions{true, false}, TlsVersions{false, true}}) {
    client_ = {};
    relay_ = {};
    connect_tls(client_settings(), {.keep_alive = {}, .versions = versions});
    EXPECT_EQ(relay_.session->max_content(), max_encrypted_content);
    EXPECT_EQ(client_.session->session().session_id, relay_.session->session().session_id);
    talk();
  }
}

TEST_F(TlsSessions, TalkWithoutAlpnInVersion6) {
  connect_tls(client_settings(), {}, {});
  EXPECT_EQ(relay_.session->session().version, SmpVersion(6));
  talk();
}

TEST_F(TlsSessions, ManyBlocksArriveInOrder) {
  connect_tls(client_settings());
  constexpr std::size_t count = 500;
  for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(client_.session->send(as_bytes(std::to_string(i))));
  ASSERT_TRUE(run_until(*loop_, [&] { return relay_.blocks.size() == count; }));
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(relay_.blocks[i], std::to_string(i));
}

}  // namespace
}  // namespace simplex::transport
