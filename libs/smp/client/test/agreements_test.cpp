#include "agreements.hpp"

#include <gtest/gtest.h>

#include "simplex/crypto/authenticator.hpp"
#include "simplex/testing/random.hpp"

namespace simplex::smp::client {
namespace {

class AgreementsTest : public ::testing::Test {
 protected:
  crypto::AuthPrivateKey key() { return crypto::generate_x25519(random_).private_key; }
  static EntityId entity(std::uint8_t number) { return EntityId(Bytes(24, number)); }
  Bytes made(const crypto::BoxKey& box) {
    return to_bytes(crypto::authenticate(box, crypto::cb_nonce(Bytes(24, 7)), as_bytes("command")).view());
  }
  Bytes expected(const crypto::AuthPrivateKey& key) {
    return *crypto::authorize(key, relay_.public_key, crypto::cb_nonce(Bytes(24, 7)), as_bytes("command"));
  }

  testing::SeededRandom random_{1};
  crypto::X25519KeyPair relay_ = crypto::generate_x25519(random_);
  Agreements agreements_{relay_.public_key};
  const ClientCommand send_ = command::Send{{}, Content()};
};

TEST_F(AgreementsTest, AuthorizeWhatTheKeyWould) {
  const auto one = key();
  const auto other = key();
  for (const auto* each : {&one, &one, &other, &one}) {
    const auto* box = agreements_.find(entity(1), *each, send_);
    ASSERT_NE(box, nullptr);
    EXPECT_EQ(made(*box), expected(*each));
  }
  EXPECT_EQ(agreements_.size(), 1U);
}

TEST_F(AgreementsTest, OnlyOfKeysThatAgreeAndCommandsThatComeAgain) {
  EXPECT_EQ(agreements_.find(entity(1), crypto::generate_ed25519(random_).private_key, send_), nullptr);
  EXPECT_EQ(agreements_.find(entity(1), key(), command::Sub{}), nullptr);
  EXPECT_EQ(agreements_.size(), 0U);
}

TEST_F(AgreementsTest, AreBounded) {
  const auto one = key();
  for (std::size_t i = 0; i <= Agreements::most_kept; ++i) {
    Bytes id(24, 0);
    id[0] = static_cast<std::uint8_t>(i);
    id[1] = static_cast<std::uint8_t>(i >> 8);
    ASSERT_NE(agreements_.find(EntityId(id), one, send_), nullptr);
    ASSERT_LE(agreements_.size(), Agreements::most_kept);
  }
}

}  // namespace
}  // namespace simplex::smp::client
