// Envelopes, agent messages and their layers, as the reference makes them.
#include <gtest/gtest.h>

#include "simplex/agent/agent_message.hpp"
#include "simplex/crypto/box.hpp"
#include "simplex/crypto/hash.hpp"
#include "simplex/crypto/key_encoding.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/smp/client_message.hpp"
#include "simplex/smp/version.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex::agent {
namespace {

using testing::Case;
using testing::run_vectors;

constexpr auto file = "agent_messages.json";

template <class Fixed>
Fixed fixed(BytesView bytes) {
  auto made = Fixed::from(bytes);
  EXPECT_TRUE(made) << "wrong size";
  return made ? std::move(*made) : Fixed();
}

TEST(AgentMessagesVectors, Envelopes) {
  run_vectors(file, "agent_envelope", 12, [](const Case& c) {
    const auto bytes = c.bytes("bytes");
    const auto envelope = decode_envelope(bytes);
    ASSERT_TRUE(envelope) << envelope.error().message;
    EXPECT_EQ(hex(encode(*envelope)), hex(bytes));
  });
}

TEST(AgentMessagesVectors, EnvelopesToDecode) {
  run_vectors(file, "agent_envelope_decode", 9, [](const Case& c) {
    const auto bytes = c.bytes("bytes");
    const auto envelope = decode_envelope(bytes);
    ASSERT_EQ(envelope.has_value(), !c.has("error"));
    if (envelope) EXPECT_EQ(encode(*envelope), c.bytes("reencoded"));
  });
}

TEST(AgentMessagesVectors, Messages) {
  run_vectors(file, "agent_message", 28, [](const Case& c) {
    const auto bytes = c.bytes("bytes");
    const auto content = decode_ratchet_content(bytes);
    ASSERT_TRUE(content) << content.error().message;
    EXPECT_EQ(hex(encode(*content)), hex(bytes));
  });
}

TEST(AgentMessagesVectors, MessagesToDecode) {
  run_vectors(file, "agent_message_decode", 10, [](const Case& c) {
    const auto bytes = c.bytes("bytes");
    const auto content = decode_ratchet_content(bytes);
    ASSERT_EQ(content.has_value(), !c.has("error"));
    if (content) EXPECT_EQ(encode(*content), c.bytes("reencoded"));
  });
}

TEST(AgentMessagesVectors, PaddedLengths) {
  run_vectors(file, "padded_lengths", 12, [](const Case& c) {
    const AgentVersion version(static_cast<std::uint16_t>(c.number("agent_version")));
    const auto pq = c.boolean("pq_support") ? crypto::PqSupport::on : crypto::PqSupport::off;
    EXPECT_EQ(padded_info_size(version, pq), static_cast<std::size_t>(c.number("connection_info")));
    EXPECT_EQ(padded_message_size(version, pq), static_cast<std::size_t>(c.number("agent_message")));
  });
}

TEST(AgentMessagesVectors, PaddedLengthsOfTheQueueLayer) {
  run_vectors(file, "padded_lengths_queue_layer", 1, [](const Case& c) {
    EXPECT_EQ(smp::padded_confirmation_size, static_cast<std::size_t>(c.number("confirmation")));
    EXPECT_EQ(smp::padded_client_message_size, static_cast<std::size_t>(c.number("message")));
    for (const auto& value : c.array("max_smp_message_by_version")) {
      const Case limit(value.as_object());
      const SmpVersion version(static_cast<std::uint16_t>(limit.number("version")));
      EXPECT_EQ(smp::max_message_length(version), static_cast<std::size_t>(limit.number("max")));
    }
  });
}

TEST(AgentMessagesVectors, HashChain) {
  run_vectors(file, "prev_msg_hash_chain", 1, [](const Case& c) {
    MessageHash previous;
    for (const auto& value : c.array("messages")) {
      const Case sent(value.as_object());
      const auto bytes = sent.bytes("sent_bytes");
      const auto content = decode_ratchet_content(bytes);
      ASSERT_TRUE(content);
      const auto& message = std::get<AgentMessage>(*content);
      EXPECT_EQ(message.number.value(), sent.number("snd_msg_id"));
      EXPECT_EQ(message.previous, previous);
      EXPECT_EQ(message.previous.view().size(), sent.bytes("prev_msg_hash").size());
      previous = hash_of(bytes);
      EXPECT_EQ(to_bytes(previous.view()), sent.bytes("hash_of_this"));
    }
  });
}

TEST(AgentMessagesVectors, QueueLayer) {
  run_vectors(file, "queue_e2e", 12, [](const Case& c) {
    const auto sender = fixed<crypto::X25519PrivateKey>(c.object("sender_dh_key").bytes("priv_raw"));
    const auto recipient = fixed<crypto::X25519PrivateKey>(c.object("recipient_dh_key").bytes("priv_raw"));
    const auto agreed = crypto::dh(crypto::public_key(recipient), sender);
    ASSERT_TRUE(agreed);
    EXPECT_EQ(to_bytes(agreed->reveal()), c.bytes("dh_secret"));
    const auto key = crypto::box_key(*agreed);

    const auto plain = c.bytes("client_message_plain");
    const auto message = smp::decode_client_message(plain);
    ASSERT_TRUE(message);
    smp::PublicHeader header{SmpClientVersion(static_cast<std::uint16_t>(c.number("client_version"))), std::nullopt};
    if (static_cast<std::size_t>(c.number("padded_len")) == smp::padded_confirmation_size) {
      header.dh_key = crypto::public_key(sender);
    }
    const auto sealed = smp::seal_client_message(key, fixed<crypto::CbNonce>(c.bytes("nonce")), header, *message);
    ASSERT_TRUE(sealed);
    EXPECT_EQ(sealed->size(), static_cast<std::size_t>(c.number("envelope_len")));
    EXPECT_EQ(hex(crypto::sha256(*sealed).view()), hex(c.bytes("envelope_sha256")));

    const auto envelope = smp::decode_client_message_envelope(*sealed);
    ASSERT_TRUE(envelope);
    EXPECT_EQ(envelope->header, header);
    const auto opened = smp::open_client_message(key, *envelope);
    ASSERT_TRUE(opened);
    EXPECT_EQ(hex(*opened), hex(plain));
    const auto envelope_inside = decode_envelope(message->body.bytes);
    EXPECT_TRUE(envelope_inside);
  });
}

// The whole of what SEND carries, from the recipient's side: queue layer, envelope, agent message.
TEST(AgentMessagesVectors, CompleteSendBody) {
  run_vectors(file, "complete_send_body", 2, [](const Case& c) {
    const auto body = c.bytes("smp_message_body");
    const auto recipient = fixed<crypto::X25519PrivateKey>(c.object("recipient_dh_key").bytes("priv_raw"));
    const auto sender = fixed<crypto::X25519PrivateKey>(c.object("sender_dh_key").bytes("priv_raw"));
    const auto key = crypto::box_key(crypto::public_key(sender), recipient);
    ASSERT_TRUE(key);
    const auto envelope = smp::decode_client_message_envelope(body);
    ASSERT_TRUE(envelope);
    EXPECT_FALSE(envelope->header.dh_key);
    const auto plain = smp::open_client_message(*key, *envelope);
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->size(), static_cast<std::size_t>(c.number("client_message_len")));
    const auto message = smp::decode_client_message(*plain);
    ASSERT_TRUE(message);
    EXPECT_FALSE(message->sender_key);
    const auto inside = decode_envelope(message->body.bytes);
    ASSERT_TRUE(inside);
    const auto encrypted = std::get<AgentMessageEnvelope>(*inside).encrypted_message.bytes;
    EXPECT_EQ(encrypted.size(), static_cast<std::size_t>(c.number("ratchet_encrypted_len")));
    EXPECT_EQ(hex(crypto::sha256(encrypted).view()), hex(c.bytes("ratchet_encrypted_sha256")));

    const auto sealed =
        smp::seal_client_message(*key, fixed<crypto::CbNonce>(c.bytes("nonce")), envelope->header, *message);
    ASSERT_TRUE(sealed);
    EXPECT_EQ(hex(crypto::sha256(*sealed).view()), hex(crypto::sha256(body).view()));

    const auto text = c.bytes("agent_message");
    const auto agent_message = decode_ratchet_content(text);
    ASSERT_TRUE(agent_message);
    EXPECT_TRUE(std::holds_alternative<message::User>(std::get<AgentMessage>(*agent_message).message));
    EXPECT_EQ(padded_message_size(AgentVersion(7), c.boolean("pq") ? crypto::PqSupport::on : crypto::PqSupport::off),
              static_cast<std::size_t>(c.number("ratchet_padded_len")));
  });
}

}  // namespace
}  // namespace simplex::agent
