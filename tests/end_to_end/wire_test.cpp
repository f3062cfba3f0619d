// Clients that speak TLS, but not as they should, against the running relay.
#include <gtest/gtest.h>

#include "simplex/smp/transmission.hpp"
#include "stage.hpp"
#include "wire.hpp"

namespace simplex::end_to_end {
namespace {

using smp::client::Client;
using smp::client::Failure;
using smp::client::Outcome;

class WireTest : public ::testing::Test {
 protected:
  void SetUp() override {
    relay_.start();
    address_ = *protocol::parse_server_address(relay_.address());
  }
  void TearDown() override {
    // Whatever the test did, the relay serves the next client.
    std::optional<SmpVersion> version;
    wire_.run([&] {
      connect(address_, {}, [&](Outcome<std::unique_ptr<Client>> made) {
        if (made) version = (*made)->session().version;
        kept_ = made ? std::move(*made) : nullptr;
        wire_.finish();
      });
    });
    kept_.reset();
    EXPECT_EQ(version, SmpVersion(20));
    EXPECT_TRUE(relay_.running());
  }

  void connect(const protocol::ServerAddress& address, smp::client::Options options,
               smp::client::Done<std::unique_ptr<Client>> done) {
    attempt_ = Client::connect(wire_.dependencies(), address, options, {}, std::move(done));
  }
  // The outcome of connecting.
  Outcome<SmpVersion> try_connecting(const protocol::ServerAddress& address, smp::client::Options options = {}) {
    std::optional<Outcome<SmpVersion>> outcome;
    wire_.run([&] {
      connect(address, options, [&](Outcome<std::unique_ptr<Client>> made) {
        if (made) {
          outcome.emplace((*made)->session().version);
          kept_ = std::move(*made);
        } else {
          outcome.emplace(std::unexpected(made.error()));
        }
        wire_.finish();
      });
    });
    kept_.reset();
    return *outcome;
  }

  // Opens a session, sends what `act` sends, and waits until the relay closes it or sends a block.
  std::string reaction_to(const std::function<void(transport::BlockSession&)>& act) {
    std::unique_ptr<transport::Connector::Attempt> attempt;
    std::unique_ptr<transport::BlockSession> session;
    std::string reaction;
    wire_.run([&] {
      attempt = wire_.connector().connect(
          wire_.loop(), Wire::options(address_, {"smp/1"}), [&](Result<transport::ChannelPtr> channel) {
            ASSERT_TRUE(channel) << channel.error().message;
            transport::ClientHandshakeSettings settings;
            settings.identity = *transport::KeyHash::from(address_.key_hash.view());
            session = transport::BlockSession::as_client(
                wire_.loop(), std::move(*channel), std::move(settings), crypto::generate_x25519(wire_.random()),
                std::chrono::seconds(20),
                {.ready = [&] { act(*session); },
                 .block =
                     [&](BytesView content) {
                       const auto transmissions = protocol::split_batch(content);
                       ASSERT_TRUE(transmissions);
                       const auto message = smp::decode_broker_transmission(
                           {session->session().version, session->session().session_id.view()}, transmissions->front());
                       ASSERT_TRUE(message);
                       const auto* error = std::get_if<smp::broker::Err>(&message->message);
                       reaction = error != nullptr ? smp::wire_text(error->error, smp::current_version)
                                                   : std::string(smp::name_of(message->message));
                       wire_.finish();
                     },
                 .closed =
                     [&](const Error&) {
                       reaction = "closed";
                       wire_.finish();
                     },
                 .drained = [] {}});
          });
    });
    session.reset();
    return reaction;
  }

  Stage stage_;
  RelayProgram relay_{stage_.folder() / "relay"};
  protocol::ServerAddress address_;
  Wire wire_;
  std::unique_ptr<Client::Attempt> attempt_;
  std::unique_ptr<Client> kept_;
};

TEST_F(WireTest, WithoutAlpnTheLegacyVersionIsSpoken) {
  std::unique_ptr<transport::Connector::Attempt> attempt;
  std::unique_ptr<transport::BlockSession> session;
  std::optional<SmpVersion> version;
  wire_.run([&] {
    attempt = wire_.connector().connect(
        wire_.loop(), Wire::options(address_, {}), [&](Result<transport::ChannelPtr> channel) {
          ASSERT_TRUE(channel) << channel.error().message;
          EXPECT_EQ((*channel)->info().alpn, std::nullopt);
          transport::ClientHandshakeSettings settings;
          settings.identity = *transport::KeyHash::from(address_.key_hash.view());
          session =
              transport::BlockSession::as_client(wire_.loop(), std::move(*channel), std::move(settings),
                                                 crypto::generate_x25519(wire_.random()), std::chrono::seconds(20),
                                                 {.ready =
                                                      [&] {
                                                        version = session->session().version;
                                                        wire_.finish();
                                                      },
                                                  .block = [](BytesView) {},
                                                  .closed =
                                                      [&](const Error& error) {
                                                        ADD_FAILURE() << error.message;
                                                        wire_.finish();
                                                      },
                                                  .drained = [] {}});
        });
  });
  EXPECT_EQ(version, SmpVersion(6));
}

TEST_F(WireTest, WrongFingerprintIsFoundOut) {
  protocol::ServerAddress wrong = address_;
  wrong.key_hash = protocol::KeyHash(Bytes(32, 7));
  const auto outcome = try_connecting(wrong);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Failure::Kind::untrusted) << outcome.error().error.message;
}

TEST_F(WireTest, EveryVersionRangeThatOverlapsIsServed) {
  for (const std::uint16_t version : std::initializer_list<std::uint16_t>{6, 7, 10, 11, 16, 20}) {
    smp::client::Options options;
    options.versions = {SmpVersion(6), SmpVersion(version)};
    EXPECT_EQ(try_connecting(address_, options), SmpVersion(version));
  }
  smp::client::Options options;
  options.versions = {SmpVersion(21), SmpVersion(30)};
  const auto outcome = try_connecting(address_, options);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, Failure::Kind::version) << outcome.error().error.message;
}

TEST_F(WireTest, GarbageInABlock) {
  for (const Bytes& content : {Bytes{}, Bytes(100, 0xFF), Bytes(16'000, 0), Bytes{1, 0, 0}, Bytes{2, 0, 1, 'x'}}) {
    const std::string reaction =
        reaction_to([&](transport::BlockSession& session) { ASSERT_TRUE(session.send(content)); });
    EXPECT_TRUE(reaction == "closed" || reaction == "BLOCK") << reaction;
  }
}

TEST_F(WireTest, CommandsThatAreNone) {
  const auto reaction = [&](std::string_view command, bool entity) {
    return reaction_to([&](transport::BlockSession& session) {
      const auto corr_id = smp::CorrId::generate(wire_.random());
      const Bytes body =
          protocol::transmission_body(corr_id, entity ? BytesView(Bytes(24, 1)) : BytesView(), as_bytes(command));
      protocol::Batch batch;
      ASSERT_TRUE(
          batch.add(protocol::encode_transmission(smp::transmission_format(smp::current_version), {}, {}, {}, body)));
      ASSERT_TRUE(session.send(batch.take()));
    });
  };
  EXPECT_EQ(reaction("HELO", true), "CMD UNKNOWN");
  EXPECT_EQ(reaction("ping", false), "CMD UNKNOWN");
  EXPECT_EQ(reaction("PING now", false), "CMD SYNTAX");
  EXPECT_EQ(reaction("SUB", true), "CMD NO_AUTH");
  EXPECT_EQ(reaction("SEND F hello", true), "AUTH");
  EXPECT_EQ(reaction("PING", false), "PONG");
}

TEST_F(WireTest, UnencryptedOctetsInsideTls) {
  std::unique_ptr<transport::Connector::Attempt> attempt;
  transport::ChannelPtr raw;
  wire_.run([&] {
    attempt = wire_.connector().connect(
        wire_.loop(), Wire::options(address_, {"smp/1"}), [&](Result<transport::ChannelPtr> channel) {
          ASSERT_TRUE(channel) << channel.error().message;
          raw = std::move(*channel);
          raw->start({.data = [](BytesView) {}, .closed = [&](const Error&) { wire_.finish(); }, .drained = [] {}});
          raw->send(Bytes(3 * 16'384, 0xFF));
        });
  });
  raw.reset();
}

TEST_F(WireTest, WhatWasQueuedGoesBeforeTheClientCloses) {
  std::unique_ptr<Client> recipient;
  std::unique_ptr<Client> sender;
  std::unique_ptr<Client::Attempt> attempts[2];
  const auto pair = crypto::generate_ed25519(wire_.random());
  const crypto::AuthPrivateKey key = pair.private_key.clone();
  std::size_t arrived = 0;
  wire_.run([&] {
    smp::client::Handlers handlers;
    handlers.pushed = [&](const smp::EntityId&, const smp::BrokerMessage& message) {
      EXPECT_TRUE(std::holds_alternative<smp::broker::Msg>(message));
      ++arrived;
      wire_.finish();
    };
    attempts[0] = Client::connect(
        wire_.dependencies(), address_, {}, std::move(handlers), [&](Outcome<std::unique_ptr<Client>> made) {
          ASSERT_TRUE(made);
          recipient = std::move(*made);
          smp::command::New request;
          request.recipient_key = pair.public_key;
          request.recipient_dh_key = crypto::generate_x25519(wire_.random()).public_key;
          recipient->create_queue(request, key, [&](Outcome<smp::broker::Ids> ids) {
            ASSERT_TRUE(ids) << ids.error().error.message;
            attempts[1] = Client::connect(wire_.dependencies(), address_, {}, {},
                                          [&, queue = ids->sender_id](Outcome<std::unique_ptr<Client>> second) {
                                            ASSERT_TRUE(second);
                                            sender = std::move(*second);
                                            sender->send_message(queue, nullptr, {}, Bytes(16'000, 'x'),
                                                                 [](const Outcome<>&) { FAIL() << "nobody listens"; });
                                            sender.reset();
                                          });
          });
        });
  });
  EXPECT_EQ(arrived, 1U);
}

}  // namespace
}  // namespace simplex::end_to_end
