#include "event_encoding.hpp"

#include <gtest/gtest.h>

#include "integrity.hpp"

namespace simplex::agent {
namespace {

const ConnectionId connection{{1, 2, 3}};

EventBody again(const EventBody& event) {
  const auto encoded = encode_event(event);
  EXPECT_TRUE(encoded);
  EXPECT_EQ(encoded->connection, connection);
  auto decoded = decode_event(encoded->kind, connection, encoded->payload);
  EXPECT_TRUE(decoded);
  return *decoded;
}

TEST(EventEncodingTest, DurableEventsComeBackAsTheyWere) {
  EXPECT_EQ(std::get<InvitationReady>(again(InvitationReady{connection, "simplex:/x"})).link, "simplex:/x");
  const auto both = std::get<InvitationReady>(again(InvitationReady{connection, "simplex:/x", "https://y/i#z"}));
  EXPECT_EQ(both.link, "simplex:/x");
  EXPECT_EQ(both.short_link, "https://y/i#z");
  // As programs before short links stored it.
  const auto old = decode_event(EventKind::invitation_ready, connection, as_bytes("simplex:/x"));
  ASSERT_TRUE(old);
  EXPECT_EQ(std::get<InvitationReady>(*old).link, "simplex:/x");
  EXPECT_EQ(std::get<InvitationReady>(*old).short_link, "");
  (void)std::get<Joined>(again(Joined{connection}));
  const auto confirmation =
      std::get<ConfirmationReceived>(again(ConfirmationReceived{connection, ConfirmationId(7), {1, 2}, true}));
  EXPECT_EQ(confirmation.confirmation, ConfirmationId(7));
  EXPECT_EQ(confirmation.peer_info, (Bytes{1, 2}));
  EXPECT_TRUE(confirmation.pq_support);
  const auto request = std::get<RequestReceived>(again(RequestReceived{connection, RequestId(6), {4}, true}));
  EXPECT_EQ(request.request, RequestId(6));
  EXPECT_EQ(request.peer_info, Bytes{4});
  EXPECT_TRUE(request.pq_support);
  EXPECT_EQ(std::get<PeerInfoReceived>(again(PeerInfoReceived{connection, {3}, false})).peer_info, Bytes{3});
  EXPECT_TRUE(std::get<Connected>(again(Connected{connection, true})).pq_encryption);
  EXPECT_EQ(std::get<MessageSent>(again(MessageSent{connection, MessageId(9)})).message, MessageId(9));
  EXPECT_EQ(std::get<MessageSent>(again(MessageSent{connection, MessageId(9)})).proxy, "");
  EXPECT_EQ(std::get<MessageSent>(again(MessageSent{connection, MessageId(9), "smp://a@b"})).proxy, "smp://a@b");
  const Error error{ErrorKind::limit, "too much", Advice::ask_user};
  const auto failed = std::get<MessageFailed>(again(MessageFailed{connection, MessageId(4), Failure::quota, error}));
  EXPECT_EQ(failed.error, error);
  EXPECT_EQ(failed.failure, Failure::quota);
  EXPECT_EQ(std::get<ConnectionFailed>(again(ConnectionFailed{connection, Failure::version, error})).error, error);
  EXPECT_EQ(std::get<ReceptionFailed>(again(ReceptionFailed{connection, Failure::encryption, error})).error, error);
  const auto delivered =
      std::get<MessageDelivered>(again(MessageDelivered{connection, MessageId(8), ReceiptStatus::bad_hash}));
  EXPECT_EQ(delivered.message, MessageId(8));
  EXPECT_EQ(delivered.status, ReceiptStatus::bad_hash);
  EXPECT_EQ(std::get<RatchetSyncChanged>(again(RatchetSyncChanged{connection, RatchetSyncState::agreed})).state,
            RatchetSyncState::agreed);
  const auto switched =
      std::get<QueueSwitched>(again(QueueSwitched{connection, QueueDirection::sending, SwitchPhase::secured}));
  EXPECT_EQ(switched.direction, QueueDirection::sending);
  EXPECT_EQ(switched.phase, SwitchPhase::secured);
  (void)std::get<LinkDataSet>(again(LinkDataSet{connection}));
  (void)std::get<LinkDeleted>(again(LinkDeleted{connection}));
  const auto gone = std::get<QueueLost>(again(QueueLost{connection, QueueDirection::sending, "smp://relay"}));
  EXPECT_EQ(gone.direction, QueueDirection::sending);
  EXPECT_EQ(gone.relay, "smp://relay");
  EXPECT_EQ(std::get<LinkFailed>(again(LinkFailed{connection, Failure::version, error})).error, error);
  (void)std::get<ConnectionDeleted>(again(ConnectionDeleted{connection}));
  MessageReceived received;
  received.connection = connection;
  received.message = MessageId(5);
  EXPECT_EQ(std::get<MessageReceived>(again(received)).message, MessageId(5));
}

TEST(EventEncodingTest, SomeConcernNoConnection) {
  const auto encoded = encode_event(DatabaseRestored{});
  ASSERT_TRUE(encoded);
  const auto decoded = decode_event(encoded->kind, encoded->connection, encoded->payload);
  EXPECT_TRUE(decoded && std::holds_alternative<DatabaseRestored>(*decoded));
  const auto gone = encode_event(UserDeleted{UserId(7)});
  ASSERT_TRUE(gone);
  const auto read = decode_event(gone->kind, gone->connection, gone->payload);
  ASSERT_TRUE(read);
  EXPECT_EQ(std::get<UserDeleted>(*read).user, UserId(7));
}

TEST(EventEncodingTest, PassingEventsAreNotStored) {
  EXPECT_FALSE(encode_event(RelayUp{"relay", {connection}}));
  EXPECT_FALSE(encode_event(SubscriptionEnded{connection}));
}

TEST(EventEncodingTest, DamageIsAnError) {
  EXPECT_FALSE(decode_event(EventKind::message_sent, connection, Bytes{1, 2}));
  EXPECT_FALSE(decode_event(EventKind::joined, connection, Bytes{1}));
  EXPECT_FALSE(decode_event(static_cast<EventKind>(99), connection, {}));
}

Integrity stored(const Integrity& integrity) {
  Writer writer;
  write_integrity(writer, integrity);
  Reader reader(writer.view());
  return *read_integrity(reader);
}

TEST(IntegrityTest, NumbersAndHashesOfThePeer) {
  const MessageHash hash(Bytes(32, 1));
  const MessageHash other(Bytes(32, 2));
  const auto check = [&](std::int64_t previous, std::int64_t number, const MessageHash& stated) {
    return stored(check_integrity(SenderMessageId(previous), SenderMessageId(number), hash, stated));
  };
  EXPECT_TRUE(std::holds_alternative<IntegrityOk>(check(4, 5, hash)));
  EXPECT_TRUE(std::holds_alternative<IntegrityBadHash>(check(4, 5, other)));
  EXPECT_TRUE(std::holds_alternative<IntegrityDuplicate>(check(4, 4, hash)));
  EXPECT_EQ(std::get<IntegrityBadId>(check(4, 2, hash)).previous, SenderMessageId(2));
  const auto skipped = std::get<IntegritySkipped>(check(4, 9, other));
  EXPECT_EQ(skipped.from, SenderMessageId(5));
  EXPECT_EQ(skipped.to, SenderMessageId(8));
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  EXPECT_TRUE(std::holds_alternative<IntegrityDuplicate>(check(most, most, hash)));
  EXPECT_TRUE(std::holds_alternative<IntegritySkipped>(check(-1, most, hash)));
}

}  // namespace
}  // namespace simplex::agent
