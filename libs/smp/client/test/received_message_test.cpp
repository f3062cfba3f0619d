#include "simplex/smp/client/received_message.hpp"

#include <gtest/gtest.h>

#include "simplex/smp/message_body.hpp"
#include "simplex/testing/random.hpp"

namespace simplex::smp::client {
namespace {

class ReceivedMessageTest : public ::testing::Test {
 protected:
  testing::SeededRandom random_{1};
  crypto::BoxKey key_ = crypto::box_key(crypto::random_secret_box_key(random_));
  MessageId id_{random_.bytes(24)};
};

TEST_F(ReceivedMessageTest, OpensAMessageAndAQuotaNotice) {
  const auto sealed = encrypt_queue_message(
      key_, id_,
      MessageBody{from_seconds_since_epoch(1'700'000'000), {.notification = true}, Content(as_bytes("hello"))});
  ASSERT_TRUE(sealed);
  const auto opened = open_message(key_, {id_, Content(*sealed)});
  ASSERT_TRUE(opened);
  const auto& message = std::get<QueueMessageReceived>(*opened);
  EXPECT_EQ(message.id, id_);
  EXPECT_EQ(seconds_since_epoch(message.received), 1'700'000'000);
  EXPECT_TRUE(message.flags.notification);
  EXPECT_EQ(as_text(message.body), "hello");

  const auto full = encrypt_queue_message(key_, id_, QuotaExceeded{from_seconds_since_epoch(5)});
  ASSERT_TRUE(full);
  const auto notice = open_message(key_, {id_, Content(*full)});
  ASSERT_TRUE(notice);
  EXPECT_EQ(seconds_since_epoch(std::get<QueueWasFull>(*notice).received), 5);
}

TEST_F(ReceivedMessageTest, ChangedMessageIsRefused) {
  auto sealed = encrypt_queue_message(key_, id_, MessageBody{{}, {}, Content(as_bytes("hello"))});
  ASSERT_TRUE(sealed);
  (*sealed)[100] ^= 1;
  const auto opened = open_message(key_, {id_, Content(*sealed)});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::authentication);
  EXPECT_FALSE(open_message(key_, {id_, Content(BytesView(*sealed).first(10))}));
  EXPECT_FALSE(open_message(key_, {id_, Content()}));
}

}  // namespace
}  // namespace simplex::smp::client
