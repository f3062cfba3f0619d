#include "simplex/transport/handshake_messages.hpp"

#include <array>

#include "simplex/crypto/key_encoding.hpp"
#include "support.hpp"

namespace simplex::transport {
namespace {

CertifiedKey certified() {
  return {test_credentials().chain, sign_key(test_credentials().key, crypto::to_spki(test_key(2).public_key))};
}

SmpClientHello client_hello(std::uint16_t version) {
  SmpClientHello hello;
  hello.version = SmpVersion(version);
  hello.identity = to_bytes(test_credentials().identity.view());
  hello.key = test_key(3).public_key;
  hello.service = SmpClientService{SmpServiceRole::notifier, certified()};
  return hello;
}

TEST(HandshakeMessages, TheFieldsOfAClientHelloAppearByVersion) {
  for (std::uint16_t version = 6; version <= 20; ++version) {
    auto content = encode(client_hello(version));
    append(content, "a field of the future");
    const auto read = decode_client_hello(content);
    ASSERT_TRUE(read) << version;
    EXPECT_EQ(read->key.has_value(), version >= 7) << version;
    EXPECT_EQ(read->service.has_value(), version >= 16) << version;
    if (read->service) EXPECT_EQ(read->service->role, SmpServiceRole::notifier);
    if (read->service) EXPECT_EQ(read->service->key, certified());
  }
}

TEST(HandshakeMessages, EveryTruncationOfAClientHelloIsAnErrorUntilItsLastField) {
  const auto content = encode(client_hello(20));
  for (std::size_t size = 0; size < content.size(); ++size) {
    EXPECT_FALSE(decode_client_hello(BytesView(content).first(size))) << size;
  }
}

TEST(HandshakeMessages, AServerHelloHasItsKeyFromVersion7) {
  for (const auto max : std::to_array<std::uint16_t>({6, 7, 20})) {
    auto content = encode(SmpServerHello{{SmpVersion(6), SmpVersion(max)}, SessionId(Bytes(32, 1)), certified()});
    append(content, "more");
    const auto read = decode_server_hello(content);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->key.has_value(), max >= 7);
    EXPECT_EQ(read->session_id, SessionId(Bytes(32, 1)));
  }
}

TEST(HandshakeMessages, AReversedVersionRangeIsMalformed) {
  EXPECT_FALSE(decode_server_hello(Bytes{0, 9, 0, 6, 1, 'x'}));
}

TEST(HandshakeMessages, TransportErrorsHaveTheirNames) {
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(TransportError::handshake_bad_service); ++i) {
    const auto error = static_cast<TransportError>(i);
    EXPECT_EQ(parse_transport_error(as_bytes(wire_text(error))).value(), error);
    const auto answer = decode_service_answer(encode(SmpServiceAnswer(error)));
    EXPECT_EQ(std::get<TransportError>(answer.value()), error);
  }
  EXPECT_FALSE(parse_transport_error(as_bytes("HANDSHAKE")));
  EXPECT_FALSE(parse_transport_error({}));
  EXPECT_FALSE(decode_service_answer({}));
  EXPECT_FALSE(decode_service_answer(as_bytes("X")));
}

TEST(SignedKey, EveryChangedOctetIsFound) {
  const auto signer = crypto::public_key(test_credentials().key);
  const auto spki = crypto::to_spki(test_key(4).public_key);
  const auto made = sign_key(test_credentials().key, spki);
  EXPECT_TRUE(std::ranges::equal(verify_signed_key(signer, made).value(), spki));
  for (std::size_t i = 0; i < made.size(); ++i) {
    auto changed = made;
    changed[i] ^= 1;
    EXPECT_FALSE(verify_signed_key(signer, changed)) << i;
    EXPECT_FALSE(verify_signed_key(signer, BytesView(made).first(i))) << i;
  }
  auto longer = made;
  longer.push_back(0);
  EXPECT_FALSE(verify_signed_key(signer, longer));
}

}  // namespace
}  // namespace simplex::transport
