#include "simplex/smp/transmission.hpp"

#include <gtest/gtest.h>

#include "generate.hpp"

namespace simplex::smp {
namespace {

struct Session {
  simplex::testing::SeededRandom random{1};
  Bytes session_id = random.bytes(32);
  crypto::X25519KeyPair relay = crypto::generate_x25519(random);
  CorrId corr_id = CorrId::generate(random);
  Bytes entity_id = random.bytes(24);

  [[nodiscard]] SessionParams params(std::uint16_t version) const { return {SmpVersion(version), session_id}; }
  [[nodiscard]] Bytes sent(std::uint16_t version, const crypto::AuthPrivateKey* key,
                           const ClientCommand& command) const {
    ClientAuth auth;
    auth.key = key;
    auth.relay_key = relay.public_key;
    return encode_client_transmission(params(version), auth, corr_id, entity_id, command).value();
  }
};

TEST(SmpTransmission, EachKindOfKeyInEachVersion) {
  Session s;
  const crypto::AuthPrivateKey keys[] = {crypto::generate_ed25519(s.random).private_key,
                                         crypto::generate_ed448(s.random).private_key,
                                         crypto::generate_x25519(s.random).private_key};
  const crypto::AuthPublicKey other = crypto::generate_x25519(s.random).public_key;
  for (std::uint16_t version = 6; version <= 20; ++version) {
    for (const auto& key : keys) {
      const Bytes sent = s.sent(version, &key, command::Sub{});
      const auto received = decode_client_transmission(s.params(version), sent);
      ASSERT_TRUE(received);
      EXPECT_TRUE(verify(s.params(version), *received, crypto::public_key(key), &s.relay.private_key));
      EXPECT_FALSE(verify(s.params(version), *received, other, &s.relay.private_key));
      for (std::size_t at = 1; at < sent.size(); at += 7) {
        Bytes changed = sent;
        changed[at] ^= 1;
        const auto damaged = decode_client_transmission(s.params(version), changed);
        if (damaged) {
          EXPECT_FALSE(verify(s.params(version), *damaged, crypto::public_key(key), &s.relay.private_key));
        }
      }
    }
  }
}

TEST(SmpTransmission, AnAuthenticatorNeedsTheRelaysKey) {
  Session s;
  const crypto::AuthPrivateKey key = crypto::generate_x25519(s.random).private_key;
  ClientAuth auth;
  auth.key = &key;
  const auto sent = encode_client_transmission(s.params(6), auth, s.corr_id, s.entity_id, command::Sub{});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, ErrorKind::version);
}

template <class Refused>
void expect_refused(const Refused& refused, const CorrId& corr_id, const ErrorType& error) {
  EXPECT_EQ(refused.corr_id, corr_id);
  EXPECT_EQ(refused.error, error);
}

TEST(SmpTransmission, RefusedWithTheProtocolsError) {
  Session s;
  const auto refused = [&](std::uint16_t version, BytesView transmission) {
    return decode_client_transmission(s.params(version), transmission).error();
  };
  expect_refused(refused(20, {}), CorrId(), errors::Block{});
  expect_refused(refused(20, Bytes(100, 0xFF)), CorrId(), errors::Block{});

  // Another session's, where the id is sent.
  const Bytes sent = s.sent(6, nullptr, command::Ping{});
  const Bytes other_session(32, 9);
  expect_refused(decode_client_transmission({SmpVersion(6), other_session}, sent).error(), s.corr_id,
                 errors::Session{});

  const auto raw = [&](std::size_t auth_size, BytesView entity, std::string_view command) {
    return protocol::encode_transmission({}, {}, Bytes(auth_size, 1), std::nullopt,
                                         protocol::transmission_body(s.corr_id, entity, as_bytes(command)));
  };
  expect_refused(refused(15, raw(63, s.entity_id, "SUB")), s.corr_id, errors::Block{});
  expect_refused(refused(15, raw(64, s.entity_id, "NOPE")), s.corr_id, CommandError::unknown);
  expect_refused(refused(15, raw(64, s.entity_id, "SUB x")), s.corr_id, CommandError::syntax);
  expect_refused(refused(15, raw(0, s.entity_id, "SUB")), s.corr_id, CommandError::no_auth);
  expect_refused(refused(15, raw(64, {}, "SUB")), s.corr_id, CommandError::no_auth);
  expect_refused(refused(15, raw(0, s.entity_id, "PING")), s.corr_id, CommandError::has_auth);
  expect_refused(refused(15, raw(0, {}, "SEND F x")), s.corr_id, CommandError::no_entity);
  EXPECT_TRUE(decode_client_transmission(s.params(15), raw(114, s.entity_id, "SUB")));
  EXPECT_TRUE(decode_client_transmission(s.params(15), raw(80, s.entity_id, "SUB")));
}

TEST(SmpTransmission, MessagesComeBack) {
  Session s;
  testing::Generator generate(3);
  for (std::uint16_t version = 6; version <= 20; ++version) {
    const Bytes sent = encode_broker_transmission(s.params(version), s.corr_id, s.entity_id, broker::Ok{});
    const auto received = decode_broker_transmission(s.params(version), sent);
    ASSERT_TRUE(received);
    EXPECT_EQ(received->corr_id, s.corr_id);
    EXPECT_EQ(to_bytes(received->entity_id), s.entity_id);
    EXPECT_EQ(received->message, BrokerMessage(broker::Ok{}));
  }
  const Bytes event = encode_broker_transmission(s.params(20), {}, s.entity_id, broker::End{});
  EXPECT_TRUE(decode_broker_transmission(s.params(20), event)->corr_id.empty());
}

TEST(SmpTransmission, MessagesThatAClientDoesNotUnderstand) {
  Session s;
  const auto raw = [&](BytesView entity, std::string_view message) {
    return protocol::encode_transmission({}, {}, {}, std::nullopt,
                                         protocol::transmission_body(s.corr_id, entity, as_bytes(message)));
  };
  const auto refused = [&](BytesView transmission) {
    return decode_broker_transmission(s.params(20), transmission).error();
  };
  expect_refused(refused(raw(s.entity_id, "NEWS")), s.corr_id, CommandError::unknown);
  expect_refused(refused(raw({}, "OK")), s.corr_id, CommandError::no_entity);
  expect_refused(refused(Bytes{1}), CorrId(), errors::Block{});
}

}  // namespace
}  // namespace simplex::smp
