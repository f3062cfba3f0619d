// Encrypted layers: blocks, delivery to the recipient, messages of clients, private routing.
#include <gtest/gtest.h>

#include "simplex/smp/block_codec.hpp"
#include "simplex/smp/client_message.hpp"
#include "simplex/smp/message_body.hpp"
#include "simplex/smp/proxy_layers.hpp"
#include "simplex/smp/transmission.hpp"
#include "simplex/testing/random.hpp"

namespace simplex::smp {
namespace {

using simplex::testing::SeededRandom;

crypto::BoxKey some_key(SeededRandom& random) { return crypto::box_key(crypto::random_secret_box_key(random)); }

TEST(BlockCodec, BothWaysManyTimes) {
  SeededRandom random(1);
  const auto agreed = *crypto::X25519Secret::from(random.bytes(32));
  const Bytes session_id = random.bytes(32);
  BlockCodec client(Side::client, agreed, session_id);
  BlockCodec relay(Side::relay, agreed, session_id);
  EXPECT_TRUE(client.encrypted());
  for (std::size_t i = 0; i < 20; ++i) {
    const Bytes content = random.bytes(i * 100);
    Bytes block = client.encode(content).value();
    EXPECT_EQ(block.size(), protocol::block_size);
    EXPECT_EQ(to_bytes(relay.decode(block).value()), content);
    block = relay.encode(content).value();
    EXPECT_EQ(to_bytes(client.decode(block).value()), content);
  }
  EXPECT_TRUE(client.encode(Bytes(protocol::batch_limit + 1)));
  EXPECT_EQ(client.encode(Bytes(protocol::batch_limit + 2)).error().kind, ErrorKind::limit);
}

TEST(BlockCodec, RepeatedLostOrChangedBlocksAreRefused) {
  SeededRandom random(2);
  const auto agreed = *crypto::X25519Secret::from(random.bytes(32));
  const Bytes session_id = random.bytes(32);
  BlockCodec client(Side::client, agreed, session_id);
  const Bytes first = client.encode(as_bytes("1")).value();
  const Bytes second = client.encode(as_bytes("2")).value();
  const auto received = [&](std::initializer_list<Bytes> blocks) {
    BlockCodec relay(Side::relay, agreed, session_id);
    bool good = true;
    for (Bytes block : blocks) good = relay.decode(block).has_value();
    return good;
  };
  EXPECT_TRUE(received({first, second}));
  EXPECT_FALSE(received({second}));
  EXPECT_FALSE(received({first, first}));
  Bytes changed = first;
  changed[5000] ^= 1;
  EXPECT_FALSE(received({changed}));
  EXPECT_FALSE(received({Bytes(protocol::block_size - 1)}));
  BlockCodec padding_only;
  EXPECT_FALSE(padding_only.encrypted());
  Bytes block = padding_only.encode(as_bytes("abc")).value();
  EXPECT_EQ(as_text(padding_only.decode(block).value()), "abc");
}

TEST(MessageBody, TheLongestFits) {
  SeededRandom random(3);
  const auto key = some_key(random);
  const MessageId id(random.bytes(24));
  const Bytes body = random.bytes(max_stored_message_length);
  const QueueMessage message = MessageBody{from_seconds_since_epoch(1'700'000'000), {true}, Content(body)};
  Bytes encrypted = encrypt_queue_message(key, id, message).value();
  EXPECT_EQ(encrypted.size(), encrypted_message_size);
  EXPECT_EQ(decrypt_queue_message(key, id, encrypted).value(), message);
  const Bytes too_long(padded_message_size);
  EXPECT_EQ(encrypt_queue_message(key, id, MessageBody{{}, {}, Content(too_long)}).error().kind, ErrorKind::limit);
}

TEST(MessageBody, IsTheSameWrittenInPlace) {
  SeededRandom random(5);
  const auto key = some_key(random);
  const MessageId id(random.bytes(24));
  const Bytes session_id = random.bytes(32);
  const Bytes queue = random.bytes(24);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1'000}, max_stored_message_length}) {
    const Bytes body = random.bytes(size);
    for (const QueueMessage& message :
         {QueueMessage(MessageBody{from_seconds_since_epoch(1'700'000'000), {true}, Content(body)}),
          QueueMessage(QuotaExceeded{from_seconds_since_epoch(1'700'000'000)})}) {
      const Bytes encrypted = encrypt_queue_message(key, id, message).value();
      for (const int version : {6, 7, 20}) {
        const SessionParams session{SmpVersion(static_cast<std::uint16_t>(version)), session_id};
        for (const CorrId& corr_id : {CorrId(), CorrId::generate(random)}) {
          Writer writer;
          writer.raw("before");
          ASSERT_TRUE(write_message_transmission(writer, session, corr_id, queue, key, id, message));
          EXPECT_EQ(to_bytes(writer.view().subspan(6)),
                    encode_broker_transmission(session, corr_id, queue, broker::Msg{id, Content(encrypted)}));
          EXPECT_EQ(writer.size() - 6, message_transmission_size(session, corr_id, queue, id.view()));
        }
      }
    }
  }
  Writer writer;
  const Bytes too_long(max_stored_message_length + 1);
  EXPECT_EQ(write_encrypted_message(writer, key, id, MessageBody{{}, {}, Content(too_long)}).error().kind,
            ErrorKind::limit);
  EXPECT_EQ(writer.size(), 0U);
}

TEST(MessageBody, AnotherIdOrKeyIsRefused) {
  SeededRandom random(4);
  const auto key = some_key(random);
  const MessageId id(random.bytes(24));
  const Bytes encrypted = encrypt_queue_message(key, id, QuotaExceeded{}).value();
  Bytes copy = encrypted;
  EXPECT_EQ(decrypt_queue_message(key, MessageId(random.bytes(24)), copy).error().kind, ErrorKind::authentication);
  copy = encrypted;
  EXPECT_FALSE(decrypt_queue_message(some_key(random), id, copy));
  copy = encrypted;
  EXPECT_TRUE(decrypt_queue_message(key, id, copy));
}

TEST(MessageBody, NewerFlagsAreIgnoredAndJunkRefused) {
  Writer writer;
  writer.i64(5).raw("Tnew body");
  const auto message = std::get<MessageBody>(read_queue_message(writer.view()).value());
  EXPECT_TRUE(message.flags.notification);
  EXPECT_EQ(as_text(message.body.bytes), "body");
  using namespace std::string_view_literals;
  for (const auto bad :
       {""sv, "QUOTA"sv, "QUOTA 1234567"sv, "QUOTA 123456789"sv, "1234567"sv, "\0\0\0\0\0\0\0\0X body"sv})
    EXPECT_FALSE(read_queue_message(as_bytes(bad))) << bad;
  Writer far;
  far.i64(INT64_MAX).raw("T body");
  EXPECT_FALSE(read_queue_message(far.view()));
}

TEST(MessageBody, NotificationsMayGrow) {
  SeededRandom random(5);
  const auto key = some_key(random);
  const auto nonce = crypto::random_nonce(random);
  Writer plain;
  plain.short_string("id").i64(7).raw("later");
  const Bytes encrypted = crypto::seal_padded(key, nonce, plain.view(), padded_notification_size).value();
  const auto meta = decrypt_notification(key, nonce, encrypted).value();
  EXPECT_EQ(as_text(meta.message_id.view()), "id");
  EXPECT_EQ(meta.received, from_seconds_since_epoch(7));
  EXPECT_FALSE(decrypt_notification(key, nonce, Bytes(10)));
}

TEST(ClientMessage, ConfirmationAndMessage) {
  SeededRandom random(6);
  const auto key = some_key(random);
  const auto nonce = crypto::random_nonce(random);
  const Bytes body = random.bytes(1000);
  const ClientMessage confirmation{crypto::generate_x25519(random).public_key, Content(body)};
  const PublicHeader with_key{SmpClientVersion(4), crypto::generate_x25519(random).public_key};
  const Bytes sent = seal_client_message(key, nonce, with_key, confirmation).value();
  EXPECT_EQ(sent.size(), 2U + 1 + 45 + 24 + 16 + padded_confirmation_size);
  const auto envelope = decode_client_message_envelope(sent).value();
  EXPECT_EQ(envelope.header, with_key);
  const Bytes plain = open_client_message(key, envelope).value();
  EXPECT_EQ(decode_client_message(plain).value(), confirmation);

  const ClientMessage message{std::nullopt, Content(body)};
  const Bytes sent_message = seal_client_message(key, nonce, {SmpClientVersion(4), std::nullopt}, message).value();
  EXPECT_EQ(sent_message.size(), 2U + 1 + 24 + 16 + padded_client_message_size);
  EXPECT_LE(sent_message.size(), max_message_length(SmpVersion(20)));
  const Bytes too_long(padded_client_message_size);
  EXPECT_EQ(seal_client_message(key, nonce, with_key, {std::nullopt, Content(too_long)}).error().kind,
            ErrorKind::limit);
}

TEST(ClientMessage, JunkIsRefused) {
  EXPECT_FALSE(decode_client_message({}));
  EXPECT_FALSE(decode_client_message(as_bytes("X")));
  EXPECT_FALSE(decode_client_message(as_bytes("K")));
  EXPECT_TRUE(decode_client_message(as_bytes("_")));
  EXPECT_FALSE(decode_client_message_envelope({}));
  EXPECT_FALSE(decode_client_message_envelope(Bytes(20, '0')));
  EXPECT_FALSE(
      decode_client_message_envelope(as_bytes("\1\1"
                                              "2")));
}

TEST(ProxyLayers, OnlyOneTransmissionIsForwarded) {
  SeededRandom random(7);
  const auto key = some_key(random);
  const auto nonce = crypto::random_nonce(random);
  Bytes sealed = seal_forwarded(key, nonce, as_bytes("transmission")).value();
  EXPECT_EQ(sealed.size(), padded_forwarded_size + crypto::box_tag_size);
  EXPECT_EQ(as_text(open_forwarded(key, nonce, sealed).value()), "transmission");
  protocol::Batch two;
  ASSERT_TRUE(two.add(as_bytes("a")) && two.add(as_bytes("b")));
  Bytes sealed_two = crypto::seal_padded(key, nonce, two.take(), padded_forwarded_size).value();
  EXPECT_FALSE(open_forwarded(key, nonce, sealed_two));
  EXPECT_FALSE(seal_forwarded(key, nonce, Bytes(padded_forwarded_size)));
}

TEST(ProxyLayers, DamageIsRefused) {
  SeededRandom random(8);
  const auto key = some_key(random);
  const auto nonce = crypto::random_nonce(random);
  const CorrId corr_id = CorrId::generate(random);
  const ForwardedTransmission forwarded{corr_id, SmpVersion(9), crypto::generate_x25519(random).public_key,
                                        Content(as_bytes("inner"))};
  Bytes sealed = seal_rfwd(key, nonce, forwarded);
  sealed.back() ^= 1;
  EXPECT_FALSE(open_rfwd(key, nonce, sealed));
  Bytes answer = seal_rres(key, nonce, {corr_id, Content(as_bytes("inner"))});
  EXPECT_FALSE(open_rres(key, crypto::reversed(nonce), answer));
  Bytes nothing = crypto::seal(key, nonce, {});
  EXPECT_FALSE(open_rfwd(key, nonce, nothing));
}

}  // namespace
}  // namespace simplex::smp
