// How many transmissions share a block: the numbers that clients and relays of each version count on.
#include <gmock/gmock.h>

#include "simplex/smp/message_body.hpp"
#include "simplex/smp/transmission.hpp"
#include "generate.hpp"

namespace simplex::smp {
namespace {

using ::testing::ElementsAre;

class Batching : public ::testing::Test {
 protected:
  [[nodiscard]] SessionParams params(SmpVersion version) const { return {version, session_id_}; }
  Bytes subscription(SmpVersion version) {
    ClientAuth auth;
    auth.key = &key_;
    return encode_client_transmission(params(version), auth, CorrId::generate(random_), random_.bytes(24),
                                      command::Sub{})
        .value();
  }
  Bytes message(SmpVersion version, std::size_t octets) {
    const auto body = random_.bytes(octets);
    ClientAuth auth;
    auth.key = &key_;
    return encode_client_transmission(params(version), auth, CorrId::generate(random_), random_.bytes(24),
                                      command::Send{{}, Content(body)})
        .value();
  }
  Bytes from_relay(const BrokerMessage& message, bool answer) {
    return encode_broker_transmission(params(current_version), answer ? CorrId::generate(random_) : CorrId(),
                                      random_.bytes(24), message);
  }
  // How many are in each block.
  static std::vector<std::size_t> blocks(const std::vector<Bytes>& transmissions) {
    const auto made = protocol::batch_transmissions(transmissions);
    EXPECT_TRUE(made);
    std::vector<std::size_t> counts;
    for (const auto& each : made.value_or(std::vector<Bytes>())) {
      EXPECT_LE(each.size(), protocol::block_size - 2);
      counts.push_back(protocol::split_batch(each)->size());
    }
    return counts;
  }
  template <class Make>
  static std::vector<Bytes> many(std::size_t count, Make make) {
    std::vector<Bytes> made;
    for (std::size_t i = 0; i < count; ++i) made.push_back(make());
    return made;
  }

  simplex::testing::SeededRandom random_{3};
  Bytes session_id_ = random_.bytes(32);
  crypto::AuthPrivateKey key_ = crypto::generate_ed25519(random_).private_key;
};

TEST_F(Batching, SubscriptionsOfTheFirstVersionFill106ToABlock) {
  EXPECT_THAT(blocks(many(250, [&] { return subscription(initial_version); })), ElementsAre(106, 106, 38));
}

TEST_F(Batching, SubscriptionsOfTheCurrentVersionFill135ToABlock) {
  EXPECT_THAT(blocks(many(300, [&] { return subscription(current_version); })), ElementsAre(135, 135, 30));
}

TEST_F(Batching, AMessageAmongSubscriptionsTakesNoBlockOfItsOwn) {
  for (const auto version : {initial_version, current_version}) {
    auto all = many(60, [&] { return subscription(version); });
    all.push_back(message(version, 8'000));
    for (auto& each : many(40, [&] { return subscription(version); })) all.push_back(std::move(each));
    const auto counts = blocks(all);
    ASSERT_EQ(counts.size(), 2u) << version.value();
    EXPECT_EQ(counts[0] + counts[1], 101u);
    EXPECT_GT(counts[1], 1u);
  }
}

TEST_F(Batching, WhatFitsInNoBlockIsRefusedAndSpoilsNoOther) {
  for (const auto version : {initial_version, current_version}) {
    const auto large = message(version, 17'000);
    EXPECT_FALSE(protocol::batch_transmissions(std::vector{subscription(version), large}));
    protocol::Batch batch;
    EXPECT_TRUE(batch.add(subscription(version)));
    EXPECT_FALSE(batch.add(large));
    EXPECT_TRUE(batch.add(subscription(version)));
    EXPECT_EQ(protocol::split_batch(batch.take())->size(), 2u);
  }
}

TEST_F(Batching, EndsOfSubscriptionsFill255ToABlock) {
  EXPECT_THAT(blocks(many(300, [&] { return from_relay(broker::End{}, false); })), ElementsAre(255, 45));
}

TEST_F(Batching, NotificationsFill80ToABlock) {
  const auto box =
      crypto::box_key(crypto::generate_x25519(random_).public_key, crypto::generate_x25519(random_).private_key)
          .value();
  const auto notification = [&] {
    const auto nonce = crypto::cb_nonce(random_.bytes(24));
    const auto meta = encrypt_notification(box, nonce, {MessageId(random_.bytes(24)), WallTime()}).value();
    return from_relay(broker::Nmsg{nonce, Content(meta)}, false);
  };
  EXPECT_THAT(blocks(many(200, notification)), ElementsAre(80, 80, 40));
}

// A relay puts a message into the block of up to four answers, where there is room: messages are all of one size, and
// three answers fit beside them.
TEST_F(Batching, AMessageSharesItsBlockWithAFewAnswers) {
  const auto blocks_of = [&](std::size_t answers, std::size_t body) {
    const Bytes octets(body, 1);
    auto all = many(answers, [&] { return from_relay(broker::Sok{}, true); });
    all.push_back(from_relay(broker::Msg{MessageId(random_.bytes(24)), Content(octets)}, false));
    return blocks(all).size();
  };
  EXPECT_EQ(blocks_of(3, encrypted_message_size), 1u);
  EXPECT_EQ(blocks_of(4, encrypted_message_size), 2u);
  EXPECT_EQ(blocks_of(4, max_message_length(current_version)), 1u);
  EXPECT_EQ(blocks_of(5, max_message_length(current_version)), 2u);
}

}  // namespace
}  // namespace simplex::smp
