#include "simplex/protocol/transmission.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "simplex/testing/random.hpp"

namespace simplex::protocol {
namespace {

constexpr TransmissionFormat formats[] = {{true, false}, {false, false}, {false, true}, {true, true}};

TEST(CorrId, At24OctetsMost) {
  EXPECT_TRUE(CorrId().empty());
  EXPECT_EQ(CorrId::from(Bytes(24, 7))->view().size(), 24);
  EXPECT_EQ(CorrId::from(as_bytes("short"))->view().size(), 5);
  EXPECT_FALSE(CorrId::from(Bytes(25)));
  testing::SeededRandom random(1);
  const CorrId a = CorrId::generate(random);
  EXPECT_EQ(a.view().size(), 24);
  EXPECT_NE(a, CorrId::generate(random));
  EXPECT_EQ(std::hash<CorrId>()(a), std::hash<CorrId>()(*CorrId::from(a.view())));
}

TEST(Transmission, ComesBackInEveryFormat) {
  EXPECT_TRUE(
      rc::check("transmission", [](const Bytes& auth, const Bytes& entity, const Bytes& command, std::uint64_t seed) {
        RC_PRE(auth.size() <= 255U && entity.size() <= 255U);
        testing::SeededRandom random(seed);
        const Bytes session_id = random.bytes(32);
        const Bytes signature = random.bytes(64);
        const CorrId corr_id = CorrId::generate(random);
        const Bytes body = transmission_body(corr_id, entity, command);
        for (const TransmissionFormat format : formats) {
          const bool signed_by_service = format.service_signatures && !auth.empty();
          const Bytes sent = encode_transmission(format, session_id, auth, BytesView(signature), body);
          const auto raw = parse_transmission(sent, format).value();
          RC_ASSERT(to_bytes(raw.authenticator) == auth);
          RC_ASSERT(raw.service_signature.has_value() == signed_by_service);
          RC_ASSERT(raw.is_of_session(session_id, format));
          RC_ASSERT(raw.is_of_session(Bytes(32), format) == !format.sends_session_id);
          RC_ASSERT(CorrId::from(raw.corr_id) == corr_id);
          RC_ASSERT(to_bytes(raw.entity_id) == entity);
          RC_ASSERT(to_bytes(raw.command) == command);
          RC_ASSERT(authorized_bytes(session_id, raw.body_after_session_id) == authorized_bytes(session_id, body));
        }
      }));
}

TEST(Transmission, CutShortIsMalformed) {
  const Bytes session_id(32, 3);
  const Bytes body = transmission_body(*CorrId::from(Bytes(24, 1)), Bytes(24, 2), {});
  const BytesView signature = session_id;
  for (const TransmissionFormat format : formats) {
    const Bytes sent = encode_transmission(format, session_id, Bytes(80, 4), std::nullopt, body);
    ASSERT_TRUE(parse_transmission(sent, format));
    for (std::size_t size = 0; size < sent.size(); ++size)
      EXPECT_FALSE(parse_transmission(BytesView(sent).first(size), format)) << size;
    // A service's signature has 64 octets.
    if (format.service_signatures) {
      EXPECT_FALSE(parse_transmission(encode_transmission(format, session_id, Bytes(80), signature, body), format));
    }
  }
}

TEST(Transmission, LongCorrelationIdIsMalformed) {
  Writer writer;
  writer.u8(0).short_string(Bytes(25)).short_string(Bytes()).raw("PING");
  EXPECT_FALSE(parse_transmission(writer.view(), {}));
}

}  // namespace
}  // namespace simplex::protocol
