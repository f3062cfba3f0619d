#include "simplex/smp/broker_message.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "simplex/encoding/base64.hpp"
#include "generate.hpp"

namespace simplex::smp {
namespace {

template <class F>
void for_all_versions(F&& check) {
  for (std::uint16_t v = initial_version.value(); v <= current_version.value(); ++v) check(SmpVersion(v));
}

TEST(BrokerMessage, EachComesBackInEachVersion) {
  EXPECT_TRUE(rc::check("messages", [](std::uint64_t seed) {
    testing::Generator generate(seed);
    for (std::size_t kind = 0; kind < std::variant_size_v<BrokerMessage>; ++kind) {
      const BrokerMessage message = generate.message(kind);
      RC_ASSERT(message.index() == kind);
      for_all_versions([&](SmpVersion version) {
        const Bytes bytes = encode(message, version);
        const auto decoded = decode_message(bytes, version);
        RC_ASSERT(decoded.has_value());
        RC_ASSERT(encode(*decoded, version) == bytes);
        if (version == current_version) {
          RC_ASSERT(*decoded == message);
        }
      });
    }
  }));
}

TEST(BrokerMessage, EveryCutIsAnErrorOrAShorterBody) {
  testing::Generator generate(6);
  for (std::size_t kind = 0; kind < std::variant_size_v<BrokerMessage>; ++kind) {
    const BrokerMessage message = generate.message(kind);
    for_all_versions([&](SmpVersion version) {
      const Bytes bytes = encode(message, version);
      const std::size_t step = bytes.size() > 1000 ? 97 : 1;
      for (std::size_t size = 0; size < bytes.size(); size += step) {
        const auto cut = decode_message(BytesView(bytes).first(size), version);
        if (cut) {
          EXPECT_EQ(encode(*cut, version).size(), size) << name_of(message);
        }
      }
    });
  }
}

TEST(BrokerMessage, ServiceAnswersFrom19) {
  IdsHash hash;
  hash.mutable_view()[15] = 0x01;
  const std::string count = "0000000000003039";
  const std::string hash_text = "1000000000000000000000000000000001";
  EXPECT_EQ(hex(encode(broker::Soks{{12345, hash}}, SmpVersion(18))), "534f4b5320" + count);
  EXPECT_EQ(hex(encode(broker::Soks{{12345, hash}}, SmpVersion(19))), "534f4b5320" + count + hash_text);
  EXPECT_EQ(hex(encode(broker::Ends{{12345, hash}}, SmpVersion(20))), "454e445320" + count + hash_text);
  EXPECT_EQ(as_text(encode(broker::Alls{}, SmpVersion(19))), "ALLS");
}

TEST(BrokerMessage, IdsHashIsItsOwnInverse) {
  testing::Generator generate(7);
  const IdsHash a = *IdsHash::from(generate.bytes(16));
  const IdsHash b = *IdsHash::from(generate.bytes(16));
  EXPECT_EQ(combine(combine(a, b), b), a);
  EXPECT_EQ(combine(a, IdsHash()), a);
}

TEST(BrokerMessage, NameRecordsToleratesWhatIsNew) {
  const std::string json =
      R"(RNAME { "resolver":"0x1","owner":"0x2","name":"a.simplex","nickname":"","website":"","location":"",)"
      R"("simplexContact":["l1","l2"],"simplexChannel":[],"eth":null,"new":{"x":[1]}})";
  const auto record = std::get<broker::Rname>(decode_message(as_bytes(json), current_version).value()).record;
  EXPECT_EQ(record.name, "a.simplex");
  EXPECT_EQ(record.simplex_contact.size(), 2);
  EXPECT_FALSE(record.eth);
  EXPECT_FALSE(record.btc);
  EXPECT_FALSE(decode_message(as_bytes("RNAME {}"), current_version));
  EXPECT_FALSE(decode_message(as_bytes("RNAME " + std::string(5000, '[')), current_version));
  EXPECT_FALSE(decode_message(as_bytes("INFO []"), current_version));
}

TEST(BrokerMessage, EntityIdsWhereTheyBelong) {
  EXPECT_TRUE(check_credentials(broker::Ids{}, false));
  EXPECT_TRUE(check_credentials(broker::Err{}, false));
  EXPECT_TRUE(check_credentials(broker::Err{}, true));
  EXPECT_EQ(check_credentials(broker::Ok{}, false).error(), CommandError::no_entity);
  EXPECT_EQ(check_credentials(broker::Msg{}, false).error(), CommandError::no_entity);
  EXPECT_EQ(check_credentials(broker::Pong{}, true).error(), CommandError::has_auth);
  EXPECT_EQ(check_credentials(broker::Alls{}, true).error(), CommandError::has_auth);
  EXPECT_TRUE(check_credentials(broker::Pkey{}, false));
}

}  // namespace
}  // namespace simplex::smp
