// What the vectors of the reference do not show: newer versions, and peers that do not follow the protocol.
#include "simplex/transport/smp_handshake.hpp"

#include <array>

#include "simplex/crypto/key_encoding.hpp"
#include "support.hpp"

namespace simplex::transport {
namespace {

struct Outcome {
  HandshakeStep client;
  HandshakeStep server;
};

Outcome shake_hands(ClientHandshakeSettings client_side, ServerHandshakeSettings server_side) {
  const auto [client_info, relay_info] = client_and_relay_info();
  SmpServerHandshake server(test_credentials(), relay_info, test_key(10), std::move(server_side));
  SmpClientHandshake client(std::move(client_side), client_info, test_key(11));
  Outcome outcome;
  outcome.client = client.receive(server.hello());
  if (outcome.client.send) outcome.server = server.receive(*outcome.client.send);
  if (outcome.server.send && !outcome.client.outcome) outcome.client = client.receive(*outcome.server.send);
  return outcome;
}

TEST(SmpHandshake, AgreesOnTheHighestVersionOfBoth) {
  for (std::uint16_t client_max = 6; client_max <= 20; ++client_max) {
    for (std::uint16_t relay_max = 6; relay_max <= 20; ++relay_max) {
      auto settings = client_settings();
      settings.versions.max = SmpVersion(client_max);
      const auto outcome = shake_hands(std::move(settings), {{SmpVersion(6), SmpVersion(relay_max)}, {}});
      const auto agreed = SmpVersion(std::min(client_max, relay_max));
      ASSERT_TRUE(outcome.client.outcome->has_value());
      ASSERT_TRUE(outcome.server.outcome->has_value());
      EXPECT_EQ((*outcome.client.outcome)->version, agreed);
      EXPECT_EQ((*outcome.server.outcome)->version, agreed);
      EXPECT_EQ((*outcome.server.outcome)->block_keys.has_value(), agreed >= encrypted_block_version);
    }
  }
}

TEST(SmpHandshake, ARelayFromTheFutureIsSpokenToInOurNewestVersion) {
  const auto outcome = shake_hands(client_settings(), {{SmpVersion(6), SmpVersion(99)}, {}});
  EXPECT_EQ((*outcome.client.outcome)->version, SmpVersion(20));
}

TEST(SmpHandshake, VersionsThatDoNotMeetNameTheOlderSide) {
  const auto old_relay = shake_hands({test_credentials().identity, {SmpVersion(12), SmpVersion(20)}, false, {}},
                                     {{SmpVersion(6), SmpVersion(8)}, {}});
  ASSERT_FALSE(old_relay.client.outcome->has_value());
  EXPECT_EQ(old_relay.client.outcome->error().code, TransportError::version);
  EXPECT_TRUE(contains(old_relay.client.outcome->error().error.message, "relay is too old"));

  const auto old_client = shake_hands(client_settings(), {{SmpVersion(30), SmpVersion(40)}, {}});
  EXPECT_TRUE(contains(old_client.client.outcome->error().error.message, "this program is too old"));
}

TEST(SmpHandshake, AMessagingServiceIsToldToRelaysFrom19) {
  for (const auto relay_max : std::to_array<std::uint16_t>({18, 19, 20})) {
    testing::SeededRandom random(5);
    auto own = make_credentials(SignatureAlgorithm::ed25519, SystemClock().wall(), random);
    auto settings = client_settings();
    settings.service = ClientServiceSettings{SmpServiceRole::messaging, own.chain, std::move(own.key),
                                             crypto::generate_ed25519(random)};
    auto [client_info, relay_info] = client_and_relay_info();
    relay_info.peer_certificates = own.chain;
    int asked = 0;
    SmpServerHandshake server(
        test_credentials(), relay_info, test_key(10),
        {{SmpVersion(6), SmpVersion(relay_max)},
         [&](SmpServiceRole, const CertificateChain&, const KeyHash& fingerprint) -> Result<ServiceId, TransportError> {
           ++asked;
           EXPECT_EQ(fingerprint, own.identity);
           return ServiceId(Bytes(24, 3));
         }});
    SmpClientHandshake client(std::move(settings), client_info, test_key(11));
    const auto step = client.receive(server.hello());
    EXPECT_TRUE(server.receive(*step.send).outcome->has_value());
    EXPECT_EQ(asked, relay_max >= 19 ? 1 : 0);
    EXPECT_EQ(step.outcome.has_value(), relay_max < 19);  // else it waits for the service id
  }
}

TEST(SmpHandshake, ARefusedServiceIsToldWhy) {
  testing::SeededRandom random(5);
  auto own = make_credentials(SignatureAlgorithm::ed25519, SystemClock().wall(), random);
  const auto try_with = [&](CertificateChain shown_in_tls, ServerHandshakeSettings server_side) {
    auto settings = client_settings();
    settings.service =
        ClientServiceSettings{SmpServiceRole::proxy, own.chain, own.clone().key, crypto::generate_ed25519(random)};
    auto [client_info, relay_info] = client_and_relay_info();
    relay_info.peer_certificates = std::move(shown_in_tls);
    SmpServerHandshake server(test_credentials(), relay_info, test_key(10), std::move(server_side));
    SmpClientHandshake client(std::move(settings), client_info, test_key(11));
    const auto at_server = server.receive(client.receive(server.hello()).send.value());
    EXPECT_FALSE(at_server.outcome->has_value());
    const auto at_client = client.receive(at_server.send.value());
    EXPECT_FALSE(at_client.outcome->has_value());
    EXPECT_EQ(at_client.outcome->error().code, at_server.outcome->error().code);
    return at_client.outcome->error().code;
  };
  EXPECT_EQ(try_with(own.chain, {}), TransportError::handshake_bad_service);
  EXPECT_EQ(try_with({}, {}), TransportError::handshake_bad_auth);
}

TEST(SmpHandshake, GarbageIsAParseErrorOnBothSides) {
  testing::SeededRandom random(6);
  for (int round = 0; round < 300; ++round) {
    const auto garbage = random.bytes(random.below(600));
    const auto [client_info, relay_info] = client_and_relay_info();
    SmpServerHandshake server(test_credentials(), relay_info, test_key(10));
    EXPECT_FALSE(server.receive(garbage).outcome->has_value());
    SmpClientHandshake client(client_settings(), client_info, test_key(11));
    const auto step = client.receive(garbage);
    EXPECT_FALSE(step.outcome->has_value());
    EXPECT_FALSE(step.send);
  }
}

TEST(SmpHandshake, AClientKeyOfLowOrderIsRefused) {
  const auto [client_info, relay_info] = client_and_relay_info();
  SmpServerHandshake server(test_credentials(), relay_info, test_key(10));
  SmpClientHello hello;
  hello.version = SmpVersion(20);
  hello.identity = to_bytes(test_credentials().identity.view());
  hello.key = crypto::X25519PublicKey();  // zeros
  const auto step = server.receive(encode(hello));
  ASSERT_FALSE(step.outcome->has_value());
  EXPECT_EQ(step.outcome->error().code, TransportError::handshake_bad_auth);
}

TEST(SmpHandshake, AServerKeyOfAnotherKindIsRefused) {
  const auto [client_info, relay_info] = client_and_relay_info();
  testing::SeededRandom random(8);
  const auto wrong = crypto::to_spki(crypto::generate_ed25519(random).public_key);
  const SmpServerHello hello{supported_smp_versions, relay_info.session_id,
                             CertifiedKey{test_credentials().chain, sign_key(test_credentials().key, wrong)}};
  SmpClientHandshake client(client_settings(), client_info, test_key(11));
  const auto step = client.receive(encode(hello));
  ASSERT_FALSE(step.outcome->has_value());
  EXPECT_EQ(step.outcome->error().code, TransportError::handshake_bad_auth);
}

}  // namespace
}  // namespace simplex::transport
