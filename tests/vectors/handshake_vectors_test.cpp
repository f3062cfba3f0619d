// Handshakes that the reference made, both sides, its rejections too. (The file handshakes of handshake.json belong to
// the XFTP room.)
#include <gtest/gtest.h>

#include "simplex/crypto/hash.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/testing/vectors.hpp"
#include "simplex/transport/block.hpp"
#include "simplex/transport/smp_handshake.hpp"

namespace simplex::transport {
namespace {

using testing::Case;
using testing::run_vectors;
using testing::unhex;

std::string text_of(const boost::json::value& value) { return std::string(value.as_string()); }

// Chains by the names that handshake cases have for them: "ed25519-2" is the case "ed25519, 2 certificates".
ServerCredentials chain_named(std::string_view name) {
  const auto dash = name.find('-');
  const auto start = std::string(name.substr(0, dash)) + ", " + std::string(name.substr(dash + 1)) + " certificates";
  for (const auto& value : testing::vector_cases("handshake.json")) {
    const Case c(value.as_object());
    if (c.text("op") != "certificate_chain" || !c.text("name").starts_with(start)) continue;
    CertificateChain chain;
    for (const auto& der : c.array("der")) chain.push_back(unhex(text_of(der)));
    auto identity = identity_of(chain).value();
    return {std::move(chain), signature_key_from_pem(text_of(c.array("keys_pem").at(0))).value(), identity};
  }
  throw std::runtime_error("no chain " + std::string(name));
}

ServerCredentials service_chain() {
  for (const auto& value : testing::vector_cases("handshake.json")) {
    const Case c(value.as_object());
    if (c.text("op") != "certificate_chain" || !c.text("name").starts_with("client service")) continue;
    CertificateChain chain{unhex(text_of(c.array("der").at(0)))};
    auto identity = identity_of(chain).value();
    return {std::move(chain), signature_key_from_pem(text_of(c.array("keys_pem").at(0))).value(), identity};
  }
  throw std::runtime_error("no service chain");
}

crypto::X25519KeyPair x25519_pair(const Case& key) {
  auto pair = crypto::pair_of(crypto::X25519PrivateKey::from(key.bytes("priv_raw")).value());
  EXPECT_EQ(to_bytes(pair.public_key.view()), key.bytes("pub_raw"));
  return pair;
}

SmpVersionRange versions(std::string_view text) { return parse_version_range<SmpVersionTag>(text).value(); }

void expect_block(const Case& block, const Bytes& content) {
  EXPECT_EQ(hex(content), hex(block.bytes("content")));
  const auto padded = plain_block(content).value();
  EXPECT_EQ(padded.size(), static_cast<std::size_t>(block.number("block_len")));
  EXPECT_EQ(hex(crypto::sha256(padded).view()), block.text("block_sha256"));
  EXPECT_EQ(to_bytes(content_of_plain_block(padded).value()), content);
}

std::string error_name(TransportError error) {
  switch (error) {
    case TransportError::version: return "TEVersion";
    case TransportError::session: return "TEBadSession";
    case TransportError::handshake_parse: return "TEHandshake {handshakeErr = PARSE}";
    case TransportError::handshake_identity: return "TEHandshake {handshakeErr = IDENTITY}";
    case TransportError::handshake_bad_auth: return "TEHandshake {handshakeErr = BAD_AUTH}";
    default: return std::string(wire_text(error));
  }
}

void expect_result(const Case& result, const std::optional<Result<SmpSession, HandshakeError>>& outcome) {
  ASSERT_TRUE(outcome);
  if (result.has("error")) {
    ASSERT_FALSE(outcome->has_value());
    EXPECT_EQ(error_name(outcome->error().code), result.text("error"));
    EXPECT_FALSE(outcome->error().error.message.empty());
    return;
  }
  ASSERT_TRUE(outcome->has_value()) << outcome->error().error.message;
  const auto& session = **outcome;
  EXPECT_EQ(session.version.value(), result.number("version"));
  EXPECT_EQ(session.block_keys.has_value(), result.boolean("block_encryption"));
  EXPECT_EQ(session.implies_session_id(), result.boolean("imply_session_id"));
  EXPECT_EQ(session.has_service_signature(), result.boolean("service_auth"));
  EXPECT_EQ(format_version_range(session.relay_versions), result.text("server_versions_after_agreement"));
}

TEST(HandshakeVectors, CertificateChain) {
  run_vectors("handshake.json", "certificate_chain", 4, [](const Case& c) {
    CertificateChain chain;
    std::string pem;
    for (const auto& der : c.array("der")) chain.push_back(unhex(text_of(der)));
    for (const auto& one : c.array("pem")) pem += text_of(one);
    EXPECT_EQ(certificates_from_pem(pem).value(), chain);
    for (std::size_t i = 0; i < chain.size(); ++i) {
      EXPECT_EQ(certificate_to_pem(chain[i]), text_of(c.array("pem").at(i)));
      const auto key = signature_key_from_pem(text_of(c.array("keys_pem").at(i))).value();
      EXPECT_EQ(certified_key(chain[i]).value(), crypto::public_key(key));
    }

    const auto identity = identity_of(chain).value();
    EXPECT_EQ(hex(identity.view()), c.text("fingerprint"));
    EXPECT_EQ(base64url(identity.view()), c.text("fingerprint_str"));
    EXPECT_EQ(identity, fingerprint(chain.at(static_cast<std::size_t>(c.number("identity_index")))));

    // The chain and an empty signed key, as they lie in a handshake.
    Writer writer;
    write_certified_key(writer, {chain, {}});
    auto expected = c.bytes("chain_smp_bytes");
    expected.insert(expected.end(), {0, 0});
    EXPECT_EQ(hex(writer.view()), hex(expected));
    Reader reader(expected);
    EXPECT_EQ(read_certified_key(reader).value().chain, chain);

    const auto in_force = from_seconds_since_epoch(1'800'000'000);
    if (chain.size() == 1) {
      EXPECT_TRUE(verify_service_chain(chain, in_force));
    } else {
      const auto verified = verify_relay_chain(chain, identity, in_force);
      EXPECT_TRUE(verified) << verified.error().message;
      EXPECT_TRUE(verify_service_chain(chain, in_force));
      EXPECT_FALSE(verify_relay_chain(chain, fingerprint(chain[0]), in_force));
    }
  });
}

TEST(HandshakeVectors, SmpHandshake) {
  run_vectors("handshake.json", "smp_handshake", 24, [](const Case& c) {
    const auto name = c.text("name");
    const auto credentials = chain_named(c.text("chain"));
    const auto alpn = c.boolean("alpn_smp1") ? std::optional<std::string>("smp/1") : std::nullopt;
    const SessionId session_id(c.bytes("session_id"));
    const bool is_service = c.boolean("service");

    ChannelInfo at_relay{session_id, alpn, {}};
    ChannelInfo at_client{session_id, alpn, credentials.chain};
    ClientHandshakeSettings settings;
    settings.identity = KeyHash::from(c.bytes("key_hash")).value();
    settings.versions = versions(c.text("client_versions"));
    settings.proxy = c.boolean("proxy_server");
    if (is_service) {
      auto own = service_chain();
      at_relay.peer_certificates = own.chain;
      auto key = crypto::pair_of(crypto::Ed25519PrivateKey::from(c.object("service_key").bytes("priv_raw")).value());
      EXPECT_EQ(hex(own.identity.view()), c.text("service_certificate_fingerprint"));
      // The version that made the vectors told every relay from 16 on.
      settings.service = ClientServiceSettings{SmpServiceRole::messaging, own.chain, std::move(own.key), std::move(key),
                                               service_version};
    }
    if (name.find("another fingerprint") != name.npos) settings.identity = fingerprint(credentials.chain[0]);
    if (name.find("session ids differ") != name.npos) at_client.session_id = SessionId(Bytes(32, 1));
    if (name.find("different from the TLS one") != name.npos)
      at_client.peer_certificates = chain_named("ed25519-3").chain;

    ServerHandshakeSettings server_settings;
    server_settings.versions = versions(c.text("server_versions"));
    server_settings.service = [&](SmpServiceRole role, const CertificateChain&,
                                  const KeyHash&) -> Result<ServiceId, TransportError> {
      EXPECT_EQ(role, SmpServiceRole::messaging);
      return ServiceId(c.bytes("service_id"));
    };
    SmpServerHandshake server(credentials, at_relay, x25519_pair(c.object("server_dh_key")), server_settings);
    SmpClientHandshake client(
        std::move(settings), at_client,
        c.boolean("client_sends_key") ? std::optional(x25519_pair(c.object("client_dh_key"))) : std::nullopt);

    const auto& server_blocks = c.array("server_blocks");
    const auto& client_blocks = c.array("client_blocks");
    expect_block(Case(server_blocks.at(0).as_object()), server.hello());

    auto client_step = client.receive(server.hello());
    if (client_blocks.empty()) {
      EXPECT_FALSE(client_step.send);
      expect_result(c.object("client_result"), client_step.outcome);
      return;
    }
    ASSERT_TRUE(client_step.send);
    expect_block(Case(client_blocks.at(0).as_object()), *client_step.send);

    auto server_step = server.receive(*client_step.send);
    expect_result(c.object("server_result"), server_step.outcome);
    ASSERT_EQ(server_step.send.has_value(), server_blocks.size() == 2);
    if (server_step.send) {
      EXPECT_FALSE(client_step.outcome);
      expect_block(Case(server_blocks.at(1).as_object()), *server_step.send);
      client_step = client.receive(*server_step.send);
    }
    expect_result(c.object("client_result"), client_step.outcome);
    if (!client_step.outcome->has_value() || !server_step.outcome->has_value()) return;

    const auto& at_a = **client_step.outcome;
    const auto& at_b = **server_step.outcome;
    EXPECT_EQ(at_a.secret, at_b.secret);
    EXPECT_EQ(at_b.proxy, c.boolean("proxy_server") && at_b.version >= proxy_flag_version);
    if (at_a.block_keys) {
      EXPECT_EQ(at_a.block_keys->send, at_b.block_keys->receive);
      EXPECT_EQ(at_a.block_keys->receive, at_b.block_keys->send);
    }
    EXPECT_EQ(at_a.peer_key.has_value(), at_a.version >= session_key_version);
    ASSERT_EQ(at_b.service.has_value(), is_service && at_b.version >= service_version);
    if (at_b.service) {
      EXPECT_EQ(at_a.service->id, at_b.service->id);
      EXPECT_EQ(at_a.service->key, at_b.service->key);
      EXPECT_EQ(hex(at_b.service->fingerprint.view()), c.text("service_certificate_fingerprint"));
    }
  });
}

TEST(HandshakeVectors, ServerReadsClientHandshake) {
  run_vectors("handshake.json", "smp_server_reads_client_handshake", 10, [](const Case& c) {
    const auto credentials = chain_named("ed25519-2");
    EXPECT_EQ(to_bytes(credentials.identity.view()), c.bytes("key_hash"));
    ServerHandshakeSettings settings;
    settings.versions = versions(c.text("server_versions"));
    const Bytes secret(32, 7);
    SmpServerHandshake server(credentials, {SessionId(Bytes(32, 9)), "smp/1", {}},
                              crypto::pair_of(crypto::X25519PrivateKey::from(secret).value()), settings);
    const auto step = server.receive(c.bytes("client_block_content"));
    EXPECT_FALSE(step.send);
    ASSERT_TRUE(step.outcome);
    if (c.has("error")) {
      ASSERT_FALSE(step.outcome->has_value());
      EXPECT_EQ(error_name(step.outcome->error().code), c.text("error"));
      return;
    }
    ASSERT_TRUE(step.outcome->has_value()) << step.outcome->error().error.message;
    EXPECT_EQ((*step.outcome)->version.value(), c.number("version"));
    EXPECT_EQ((*step.outcome)->block_keys.has_value(), c.boolean("block_encryption"));
  });
}

}  // namespace
}  // namespace simplex::transport
