// smp_commands.json: commands, messages and errors of SMP 6..18, authorization, batches, encrypted blocks, delivery and
// the layers of private routing.
#include <gtest/gtest.h>

#include "simplex/crypto/hash.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/smp/block_codec.hpp"
#include "simplex/smp/message_body.hpp"
#include "simplex/smp/proxy_layers.hpp"
#include "simplex/smp/transmission.hpp"
#include "simplex/testing/vectors.hpp"
#include "smp_commands_named.hpp"

namespace simplex::smp {
namespace {

using testing::run_vectors;

TEST(SmpCommandsVectors, Keys) {
  run_vectors(file, "keys", 1, [](const Case&) { EXPECT_EQ(material().fixed.size(), 100); });
}

// Every version of every group of a case.
void for_each_version(const Case& c, const std::function<void(SmpVersion, const Case&)>& check) {
  for (const auto& group : c.array("by_version")) {
    const Case one(group.as_object());
    for (const auto& version : one.array("versions"))
      check(SmpVersion(version.to_number<std::uint16_t>()), one.object("result"));
  }
}

TEST(SmpCommandsVectors, ClientCommand) {
  run_vectors(file, "client_command", 36, [](const Case& c) {
    const ClientCommand command = command_named(c.text("name"));
    for_each_version(c, [&](SmpVersion version, const Case& result) {
      SCOPED_TRACE("version " + std::to_string(version.value()));
      const Bytes bytes = result.bytes("bytes");
      EXPECT_EQ(hex(encode(command, version)), hex(bytes));
      const auto decoded = decode_command(bytes, version);
      ASSERT_TRUE(decoded);
      EXPECT_EQ(hex(encode(*decoded, version)) == hex(bytes), result.boolean("reencoded_same"));
      if (version >= new_ntf_creds_version) {
        EXPECT_EQ(*decoded, command);
      }
    });
  });
}

TEST(SmpCommandsVectors, BrokerMessage) {
  run_vectors(file, "broker_message", 63, [](const Case& c) {
    for_each_version(c, [&](SmpVersion version, const Case& result) {
      SCOPED_TRACE("version " + std::to_string(version.value()));
      const Bytes bytes = result.bytes("bytes");
      const BrokerMessage message = broker_message_named(c.text("name"), bytes);
      EXPECT_EQ(hex(encode(message, version)), hex(bytes));
      const auto decoded = decode_message(bytes, version);
      ASSERT_TRUE(decoded);
      EXPECT_EQ(hex(encode(*decoded, version)) == hex(bytes), result.boolean("reencoded_same"));
      if (version >= client_notices_version && c.text("name").find("NETWORK") == std::string::npos) {
        EXPECT_EQ(*decoded, message);
      }
    });
  });
}

TEST(SmpCommandsVectors, ClientCommandParse) {
  run_vectors(file, "client_command_parse", 30, [](const Case& c) {
    const Bytes input = c.bytes("input");
    for_each_version(c, [&](SmpVersion version, const Case& result) {
      const auto decoded = decode_command(input, version);
      ASSERT_EQ(decoded.has_value(), !result.has("error"));
      if (decoded) {
        EXPECT_EQ(hex(encode(*decoded, version)), result.text("reencoded"));
      } else {
        EXPECT_EQ(hex(as_bytes(wire_text(decoded.error(), version))), result.text("error_bytes"));
      }
    });
  });
}

TEST(SmpCommandsVectors, BrokerMessageParse) {
  run_vectors(file, "broker_message_parse", 23, [](const Case& c) {
    const Bytes input = c.bytes("input");
    for_each_version(c, [&](SmpVersion version, const Case& result) {
      const auto decoded = decode_message(input, version);
      ASSERT_EQ(decoded.has_value(), !result.has("error"));
      if (decoded) {
        EXPECT_EQ(*decoded, message_shown(result.text("shows")));
      } else {
        EXPECT_EQ(ErrorType(decoded.error()), error_shown(result.text("error")));
      }
    });
  });
}

TEST(SmpCommandsVectors, CheckCredentials) {
  run_vectors(file, "check_credentials", 68, [](const Case& c) {
    const auto checked =
        check_credentials(command_named(c.text("command")), c.boolean("has_auth"), c.boolean("has_entity"));
    const std::string result = c.text("result");
    ASSERT_EQ(checked.has_value(), result == "ok") << c.text("command");
    if (!checked) {
      EXPECT_EQ(ErrorType(checked.error()), error_shown(result));
    }
  });
}

SessionParams session_of(const Case& c, const Bytes& session_id) {
  return {SmpVersion(static_cast<std::uint16_t>(c.number("version"))), session_id};
}

TEST(SmpCommandsVectors, Transmission) {
  run_vectors(file, "transmission", 42, [](const Case& c) {
    const Bytes session_id = c.bytes("session_id");
    const Bytes entity_id = c.bytes("entity_id");
    const SessionParams session = session_of(c, session_id);
    const CorrId corr_id = *CorrId::from(c.bytes("corr_id_and_nonce"));
    const std::string word = c.text("command");
    const bool authorized = c.text("auth_key") != "none";
    const auto relay_key = private_from<crypto::X25519PrivateKey>(c.object("server_auth_dh_key"));

    // The same octets.
    ClientAuth auth;
    if (authorized) auth.key = &material().private_keys.at(word + ' ' + c.text("auth_key"));
    auth.relay_key = crypto::public_key(relay_key);
    const ClientCommand command = command_named(word == "SEND" ? "SEND no notification" : word);
    const auto sent = encode_client_transmission(session, auth, corr_id, entity_id, command);
    ASSERT_TRUE(sent);
    EXPECT_EQ(hex(*sent), c.text("sent_transmission"));
    const Bytes body = protocol::transmission_body(corr_id, entity_id, encode(command, session.version));
    EXPECT_EQ(hex(protocol::authorized_bytes(session_id, body)), c.text("authorized_bytes"));

    protocol::Batch batch;
    EXPECT_TRUE(batch.add(*sent));
    const Bytes content = batch.take();
    EXPECT_EQ(hex(content), c.text("batch"));
    const Bytes block = protocol::pad_block(content).value();
    EXPECT_EQ(block.size(), static_cast<std::size_t>(c.number("block_len")));
    EXPECT_EQ(hex(BytesView(block).first(2)), c.text("block_first_2"));
    EXPECT_EQ(hex(BytesView(block).last(16)), c.text("block_last_16"));
    EXPECT_EQ(hex(crypto::sha256(block).view()), c.text("block_sha256"));

    // And back.
    const auto transmissions = protocol::split_batch(protocol::unpad_block(block).value());
    ASSERT_TRUE(transmissions);
    const auto received = decode_client_transmission(session, transmissions->front());
    ASSERT_TRUE(received);
    EXPECT_EQ(received->corr_id, corr_id);
    EXPECT_EQ(hex(received->entity_id), c.text("entity_id"));
    EXPECT_EQ(hex(received->authorization), c.text("authenticator_or_signature"));
    EXPECT_EQ(received->command, command);
    if (!authorized) return;
    const crypto::AuthPublicKey key = crypto::public_key(*auth.key);
    EXPECT_TRUE(verify(session, *received, key, &relay_key));
    const Bytes other_session_id(32, 1);
    EXPECT_FALSE(verify({session.version, other_session_id}, *received, key, &relay_key));
    EXPECT_FALSE(verify(session, *received, material().ntf_auth, &relay_key));
    EXPECT_FALSE(verify_nothing(session, *received, &relay_key));
  });
}

TEST(SmpCommandsVectors, TransmissionWithServiceKey) {
  run_vectors(file, "transmission_with_service_key", 2, [](const Case& c) {
    const Bytes session_id = c.bytes("session_id");
    const Bytes cert_hash = c.bytes("service_cert_hash");
    const SessionParams session = session_of(c, session_id);
    const crypto::AuthPrivateKey key = private_from<crypto::Ed25519PrivateKey>(c.object("entity_key"));
    const auto service_key = private_from<crypto::Ed25519PrivateKey>(c.object("service_key"));
    const CorrId corr_id = *CorrId::from(c.bytes("corr_id_and_nonce"));
    const ClientAuth auth{.key = &key, .relay_key = {}, .service_key = &service_key, .service_cert_hash = cert_hash};
    const auto sent =
        encode_client_transmission(session, auth, corr_id, c.bytes("entity_id"), command_named(c.text("command")));
    ASSERT_TRUE(sent);
    EXPECT_EQ(hex(*sent), c.text("sent_transmission"));

    const auto received = decode_client_transmission(session, *sent);
    ASSERT_TRUE(received);
    EXPECT_EQ(hex(received->authorization), c.text("entity_signature"));
    ASSERT_TRUE(received->service_signature);
    EXPECT_EQ(hex(*received->service_signature), c.text("service_signature"));
    EXPECT_TRUE(verify(session, *received, crypto::public_key(key), nullptr, cert_hash));
    EXPECT_FALSE(verify(session, *received, crypto::public_key(key), nullptr));
    EXPECT_TRUE(verify_service_signature(session, *received, crypto::public_key(service_key)));
    EXPECT_FALSE(verify_service_signature(session, *received, material().rcv_ed25519));
  });
}

TEST(SmpCommandsVectors, Batch) {
  run_vectors(file, "batch", 6, [](const Case& c) {
    const Bytes session_id = c.bytes("session_id");
    const SessionParams session = session_of(c, session_id);
    const crypto::AuthPublicKey key = public_from<crypto::Ed25519PublicKey>(c.object("key"));
    std::vector<Bytes> contents;
    if (c.has("blocks")) {
      for (const auto& block : c.array("blocks")) contents.push_back(Case(block.as_object()).bytes("content"));
    }
    // In large cases there is the content of the last block only.
    if (c.has("first_block_gzip")) {
      const Bytes block = c.bytes("first_block");
      EXPECT_EQ(protocol::pad_block(contents.front()).value(), block);
    }
    if (c.has("last_block_content")) {
      contents.push_back(c.bytes("last_block_content"));
      const Bytes block = protocol::pad_block(contents.back()).value();
      EXPECT_EQ(hex(crypto::sha256(block).view()), std::string(c.array("block_sha256").back().get_string()));
    }

    const auto& counts = c.array("transmission_counts_per_block");
    std::vector<Bytes> all;
    for (const Bytes& content : contents) {
      const auto transmissions = protocol::split_batch(content);
      ASSERT_TRUE(transmissions);
      EXPECT_TRUE(std::ranges::any_of(
          counts, [&](const auto& n) { return n.template to_number<std::size_t>() == transmissions->size(); }));
      protocol::Batch again;
      for (const BytesView transmission : *transmissions) {
        const auto received = decode_client_transmission(session, transmission);
        ASSERT_TRUE(received);
        EXPECT_TRUE(verify(session, *received, key, nullptr));
        EXPECT_TRUE(again.add(transmission));
        all.push_back(to_bytes(transmission));
      }
      EXPECT_EQ(again.take(), content);
    }
    // A full block takes no more, and our own batches are as few.
    const auto total = static_cast<std::size_t>(c.number("transmissions"));
    while (all.size() < total) all.push_back(all.front());
    all.resize(total);
    const auto batches = protocol::batch_transmissions(all);
    ASSERT_TRUE(batches);
    EXPECT_EQ(batches->size(), counts.size());
  });
}

TEST(SmpCommandsVectors, EncryptedBlock) {
  run_vectors(file, "encrypted_block", 2, [](const Case& c) {
    const auto client_key = private_from<crypto::X25519PrivateKey>(c.object("client_session_key"));
    const auto relay_key = private_from<crypto::X25519PrivateKey>(c.object("server_auth_dh_key"));
    const auto agreed = crypto::dh(crypto::public_key(relay_key), client_key);
    ASSERT_TRUE(agreed);
    EXPECT_EQ(hex(agreed->reveal()), c.text("dh_secret"));
    const Bytes session_id = c.bytes("session_id");
    BlockCodec client(Side::client, *agreed, session_id);
    BlockCodec relay(Side::relay, *agreed, session_id);

    const Bytes client_content = c.bytes("client_block_content");
    Bytes block = client.encode(client_content).value();
    EXPECT_EQ(block, c.bytes("client_block_1"));
    EXPECT_EQ(hex(crypto::sha256(block).view()), c.text("client_block_1_sha256"));
    EXPECT_EQ(to_bytes(relay.decode(block).value()), client_content);
    block = client.encode(client_content).value();
    EXPECT_EQ(hex(crypto::sha256(block).view()), c.text("client_block_2_same_content_sha256"));
    EXPECT_EQ(to_bytes(relay.decode(block).value()), client_content);

    const Bytes relay_content = c.bytes("server_block_content");
    block = relay.encode(relay_content).value();
    EXPECT_EQ(block, c.bytes("server_block_1"));
    EXPECT_EQ(hex(crypto::sha256(block).view()), c.text("server_block_1_sha256"));
    EXPECT_EQ(to_bytes(client.decode(block).value()), relay_content);
  });
}

// Made by both sides: the relay with its own key, the recipient with theirs.
void expect_delivery(const Case& c, const QueueMessage& message) {
  const MessageId id(c.bytes("msg_id_and_nonce"));
  const auto relay_private = private_from<crypto::X25519PrivateKey>(c.object("server_dh_key"));
  const auto recipient_private = private_from<crypto::X25519PrivateKey>(c.object("recipient_dh_key"));
  const auto relay = crypto::box_key(crypto::public_key(recipient_private), relay_private);
  const auto recipient = crypto::box_key(crypto::public_key(relay_private), recipient_private);
  ASSERT_TRUE(relay && recipient);

  Bytes encrypted = encrypt_queue_message(*relay, id, message).value();
  EXPECT_EQ(encrypted.size(), static_cast<std::size_t>(c.number("encrypted_len")));
  EXPECT_EQ(encrypted.size(), encrypted_message_size);
  if (c.has("encrypted") || c.has("encrypted_gzip")) {
    EXPECT_EQ(encrypted, c.bytes("encrypted"));
  }
  if (c.has("encrypted_sha256")) {
    EXPECT_EQ(hex(crypto::sha256(encrypted).view()), c.text("encrypted_sha256"));
  }
  EXPECT_EQ(decrypt_queue_message(*recipient, id, encrypted).value(), message);
}

TEST(SmpCommandsVectors, RcvMessageBody) {
  run_vectors(file, "rcv_message_body", 4, [](const Case& c) {
    const Bytes body =
        c.has("body") ? c.bytes("body") : testing::pattern(static_cast<std::size_t>(c.number("body_pattern_len")));
    // Time and flag are in the plain text's first octets only.
    const Bytes plain =
        c.has("plain_before_padding") ? c.bytes("plain_before_padding") : c.bytes("plain_before_padding_first_64");
    Reader reader(plain);
    const std::int64_t seconds = reader.i64().value();
    const MessageFlags flags = read_message_flags(reader).value();
    const QueueMessage message = MessageBody{from_seconds_since_epoch(seconds), flags, Content(body)};
    Writer writer;
    write_queue_message(writer, message);
    if (c.has("plain_before_padding")) {
      EXPECT_EQ(hex(writer.view()), hex(plain));
    } else {
      EXPECT_EQ(hex(crypto::sha256(writer.view()).view()), c.text("plain_before_padding_sha256"));
    }
    expect_delivery(c, message);
  });
}

TEST(SmpCommandsVectors, RcvMessageQuota) {
  run_vectors(file, "rcv_message_quota", 1, [](const Case& c) {
    const Bytes plain = c.bytes("plain_before_padding");
    const QueueMessage message = read_queue_message(plain).value();
    ASSERT_TRUE(std::holds_alternative<QuotaExceeded>(message));
    Writer writer;
    write_queue_message(writer, message);
    EXPECT_EQ(hex(writer.view()), hex(plain));
    expect_delivery(c, message);
  });
}

TEST(SmpCommandsVectors, NmsgMeta) {
  run_vectors(file, "nmsg_meta", 2, [](const Case& c) {
    const auto key = crypto::box_key(public_from<crypto::X25519PublicKey>(c.object("recipient_ntf_dh_key")),
                                     private_from<crypto::X25519PrivateKey>(c.object("server_ntf_dh_key")));
    ASSERT_TRUE(key);
    const crypto::CbNonce nonce = crypto::cb_nonce(c.bytes("nonce"));
    const NotificationMeta meta{MessageId(c.bytes("msg_id")), from_seconds_since_epoch(c.number("ts"))};
    const Bytes encrypted = encrypt_notification(*key, nonce, meta).value();
    EXPECT_EQ(hex(encrypted), c.text("encrypted"));
    EXPECT_EQ(decrypt_notification(*key, nonce, encrypted).value(), meta);
    EXPECT_EQ(hex(encode(broker::Nmsg{nonce, Content(encrypted)}, SmpVersion(18))), c.text("nmsg_command"));
  });
}

void expect_octets(const Case& c, const std::string& name, BytesView octets) {
  SCOPED_TRACE(name);
  EXPECT_EQ(octets.size(), static_cast<std::size_t>(c.number(name + "_len")));
  EXPECT_EQ(hex(crypto::sha256(octets).view()), c.text(name + "_sha256"));
}

TEST(SmpCommandsVectors, ProxyLayers) {
  run_vectors(file, "proxy_layers", 5, [](const Case& c) {
    const SmpVersion version(static_cast<std::uint16_t>(c.number("forwarded_version")));
    const Bytes relay_session_id = c.bytes("relay_session_id");
    const SessionParams session{version, relay_session_id};
    const auto relay_private = private_from<crypto::X25519PrivateKey>(c.object("relay_key"));
    const auto command_private = private_from<crypto::X25519PrivateKey>(c.object("client_command_key"));
    const auto proxy_private = private_from<crypto::X25519PrivateKey>(c.object("proxy_session_key"));
    const crypto::AuthPrivateKey sender_key = private_from<crypto::X25519PrivateKey>(c.object("sender_auth_key"));
    const CorrId corr_id = *CorrId::from(c.bytes("corr_id_and_nonce"));
    const crypto::CbNonce nonce = crypto::cb_nonce(corr_id.view());
    const crypto::CbNonce proxy_nonce = crypto::cb_nonce(c.bytes("proxy_corr_id_and_nonce"));

    const Bytes authorized = c.bytes("authorized_bytes");
    const Bytes batch_plain = c.bytes("batch_plain");
    const BytesView transmission = protocol::split_batch(batch_plain).value().front();
    const auto command = decode_client_transmission(session, transmission);
    ASSERT_TRUE(command);
    EXPECT_EQ(hex(protocol::authorized_bytes(relay_session_id, command->body_after_session_id)), hex(authorized));

    // Client: the transmission as for the relay, in the client's layer.
    ClientAuth auth;
    if (!c.text("authenticator").empty()) auth.key = &sender_key;
    auth.relay_key = crypto::public_key(relay_private);
    const auto sent = encode_client_transmission(session, auth, corr_id, command->entity_id, command->command);
    ASSERT_TRUE(sent);
    EXPECT_EQ(hex(*sent), hex(transmission));
    const auto client_secret = crypto::dh(crypto::public_key(relay_private), command_private);
    ASSERT_TRUE(client_secret);
    EXPECT_EQ(hex(client_secret->reveal()), c.text("cmd_secret"));
    const crypto::BoxKey client_box = crypto::box_key(*client_secret);
    Bytes client_layer = seal_forwarded(client_box, nonce, *sent).value();
    expect_octets(c, "enc_transmission", client_layer);
    const crypto::X25519PublicKey command_key = crypto::public_key(command_private);
    const Bytes pfwd = encode(command::Pfwd{version, command_key, Content(client_layer)}, version);
    expect_octets(c, "pfwd_command", pfwd);

    // Proxy: its own layer.
    const auto proxy_secret = crypto::dh(crypto::public_key(relay_private), proxy_private);
    ASSERT_TRUE(proxy_secret);
    const auto session_secret = crypto::X25519Secret::from(c.bytes("session_secret_proxy_relay"));
    ASSERT_TRUE(session_secret);
    const crypto::BoxKey proxy_box = crypto::box_key(*session_secret);
    Bytes proxy_layer = seal_rfwd(proxy_box, proxy_nonce, {corr_id, version, command_key, Content(client_layer)});
    expect_octets(c, "enc_fwd_transmission", proxy_layer);
    const Bytes rfwd = encode(command::Rfwd{Content(proxy_layer)}, version);
    EXPECT_EQ(hex(crypto::sha256(rfwd).view()), c.text("rfwd_command_sha256"));

    // Relay: both layers off.
    const auto forwarded = open_rfwd(proxy_box, proxy_nonce, proxy_layer);
    ASSERT_TRUE(forwarded);
    EXPECT_EQ(*forwarded, (ForwardedTransmission{corr_id, version, command_key, Content(client_layer)}));
    Bytes inner = to_bytes(forwarded->encrypted.bytes);
    EXPECT_EQ(hex(open_forwarded(client_box, nonce, inner).value()), hex(*sent));

    // And the answer.
    const Bytes response_plain = c.bytes("response_batch_plain");
    const BytesView response = protocol::split_batch(response_plain).value().front();
    EXPECT_EQ(hex(encode_broker_transmission(session, corr_id, command->entity_id, broker::Ok{})), hex(response));
    EXPECT_EQ(hex(crypto::reversed(nonce).view()), c.text("reversed_nonce"));
    Bytes answer = seal_forwarded(client_box, crypto::reversed(nonce), response).value();
    expect_octets(c, "enc_response", answer);
    Bytes proxy_answer = seal_rres(proxy_box, proxy_nonce, {corr_id, Content(answer)});
    expect_octets(c, "enc_fwd_response", proxy_answer);
    EXPECT_EQ(open_rres(proxy_box, proxy_nonce, proxy_answer).value(), (ForwardedResponse{corr_id, Content(answer)}));
    EXPECT_EQ(hex(open_forwarded(client_box, crypto::reversed(nonce), answer).value()), hex(response));
  });
}

}  // namespace
}  // namespace simplex::smp
