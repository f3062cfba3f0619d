// States are the JSON text that the reference stores; they are read into RatchetState here and compared field by field.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "simplex/crypto/dh.hpp"
#include "simplex/crypto/key_encoding.hpp"
#include "simplex/crypto/ratchet.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/testing/random.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex::crypto {
namespace {

using testing::Case;
using testing::run_vectors;
using testing::SeededRandom;
using testing::vector_cases;

template <class T, class E>
T value_of(std::expected<T, E> result, const char* what) {
  if (!result) throw std::runtime_error(std::string("vector case: ") + what);
  return std::move(*result);
}

template <class T>
T value_of(std::optional<T> found, const char* what) {
  if (!found) throw std::runtime_error(std::string("vector case: ") + what);
  return std::move(*found);
}

Bytes octets(const boost::json::value& text) {
  return value_of(from_base64url(std::string_view(text.as_string())), "base64url");
}

template <class Value>
Value fixed(const boost::json::value& text) {
  return value_of(Value::from(octets(text)), "size of a field");
}

X448PublicKey public_key_of(const boost::json::value& text) {
  return value_of(from_spki<X448PublicKey>(octets(text)), "SPKI");
}

// base64url of base64url of PKCS #8
X448KeyPair private_key_of(const boost::json::value& text) {
  const Bytes inner = octets(text);
  const Bytes der = value_of(from_base64url(as_text(inner)), "base64url inside base64url");
  return pair_of(value_of(from_pkcs8<X448PrivateKey>(der), "PKCS #8"));
}

PqEncryption encryption_of(const boost::json::value& value) {
  return value.as_bool() ? PqEncryption::on : PqEncryption::off;
}

const boost::json::object* present(const boost::json::object& object, std::string_view field) {
  const auto* found = object.if_contains(field);
  return found == nullptr || found->is_null() ? nullptr : &found->as_object();
}

RatchetState state_of(std::string_view json) {
  const boost::json::value parsed = boost::json::parse(json);
  const boost::json::object& fields = parsed.as_object();
  const auto number = [&](const char* name) { return fields.at(name).to_number<std::uint32_t>(); };
  const auto& versions = fields.at("rcVersion").as_array();
  RatchetState state;
  state.versions = {E2eVersion(versions.at(0).to_number<std::uint16_t>()),
                    E2eVersion(versions.at(1).to_number<std::uint16_t>())};
  state.associated_data = fixed<RatchetAssociatedData>(fields.at("rcAD"));
  state.dh_key = private_key_of(fields.at("rcDHRs"));
  if (const auto* kem = present(fields, "rcKEM")) {
    const auto& keys = kem->at("rcPQRs").as_array();
    state.kem = RatchetState::Kem{{fixed<KemPublicKey>(keys.at(0)), fixed<KemSecretKey>(keys.at(1))}, std::nullopt};
    if (const auto* accepted = present(*kem, "rcKEMs")) {
      state.kem->accepted =
          KemAgreement{fixed<KemPublicKey>(accepted->at("rcPQRr")), fixed<KemSharedSecret>(accepted->at("rcPQRss")),
                       fixed<KemCiphertext>(accepted->at("rcPQRct"))};
    }
  }
  state.pq_support = to_support(encryption_of(fields.at("rcSupportKEM")));
  state.pq_enabled = encryption_of(fields.at("rcEnableKEM"));
  state.sending_kem = encryption_of(fields.at("rcSndKEM"));
  state.receiving_kem = encryption_of(fields.at("rcRcvKEM"));
  state.root_key = fixed<RootKey>(fields.at("rcRK"));
  if (const auto* sending = present(fields, "rcSnd")) {
    state.sending =
        RatchetState::Sending{public_key_of(sending->at("rcDHRr")), fixed<RatchetChainKey>(sending->at("rcCKs")),
                              fixed<HeaderKey>(sending->at("rcHKs"))};
  }
  if (const auto* receiving = present(fields, "rcRcv")) {
    state.receiving = RatchetState::Receiving{fixed<RatchetChainKey>(receiving->at("rcCKr")),
                                              fixed<HeaderKey>(receiving->at("rcHKr"))};
  }
  state.sent = number("rcNs");
  state.received = number("rcNr");
  state.sent_previous = number("rcPN");
  state.next_sending_header_key = fixed<HeaderKey>(fields.at("rcNHKs"));
  state.next_receiving_header_key = fixed<HeaderKey>(fields.at("rcNHKr"));
  return state;
}

void expect_same(const RatchetState& got, const RatchetState& expected) {
  EXPECT_EQ(got.versions, expected.versions);
  EXPECT_EQ(got.associated_data, expected.associated_data);
  EXPECT_TRUE(got.dh_key == expected.dh_key);
  ASSERT_EQ(got.kem.has_value(), expected.kem.has_value());
  if (got.kem) {
    EXPECT_EQ(got.kem->keys.public_key, expected.kem->keys.public_key);
    EXPECT_TRUE(got.kem->keys.secret_key == expected.kem->keys.secret_key);
    ASSERT_EQ(got.kem->accepted.has_value(), expected.kem->accepted.has_value());
    if (got.kem->accepted) {
      EXPECT_EQ(got.kem->accepted->their_key, expected.kem->accepted->their_key);
      EXPECT_TRUE(got.kem->accepted->shared_secret == expected.kem->accepted->shared_secret);
      EXPECT_EQ(got.kem->accepted->ciphertext, expected.kem->accepted->ciphertext);
    }
  }
  EXPECT_EQ(got.pq_support, expected.pq_support);
  EXPECT_EQ(got.pq_enabled, expected.pq_enabled);
  EXPECT_EQ(got.sending_kem, expected.sending_kem);
  EXPECT_EQ(got.receiving_kem, expected.receiving_kem);
  EXPECT_TRUE(got.root_key == expected.root_key);
  ASSERT_EQ(got.sending.has_value(), expected.sending.has_value());
  if (got.sending) {
    EXPECT_EQ(got.sending->their_key, expected.sending->their_key);
    EXPECT_TRUE(got.sending->chain_key == expected.sending->chain_key);
    EXPECT_TRUE(got.sending->header_key == expected.sending->header_key);
  }
  ASSERT_EQ(got.receiving.has_value(), expected.receiving.has_value());
  if (got.receiving) {
    EXPECT_TRUE(got.receiving->chain_key == expected.receiving->chain_key);
    EXPECT_TRUE(got.receiving->header_key == expected.receiving->header_key);
  }
  EXPECT_EQ(got.sent, expected.sent);
  EXPECT_EQ(got.received, expected.received);
  EXPECT_EQ(got.sent_previous, expected.sent_previous);
  EXPECT_TRUE(got.next_sending_header_key == expected.next_sending_header_key);
  EXPECT_TRUE(got.next_receiving_header_key == expected.next_receiving_header_key);
}

// What the database would bring back.
RatchetState stored_and_loaded(const RatchetState& state) {
  return value_of(RatchetState::decode(state.encode().reveal()), "stored state");
}

RatchetError error_of(const std::string& text) {
  const auto space = text.find(' ');
  const std::string name = text.substr(0, space);
  const auto count = [&] { return static_cast<std::uint32_t>(std::stoul(text.substr(space + 1))); };
  if (name == "CERatchetState") return {RatchetErrorKind::not_ready};
  if (name == "CryptoLargeMsgError") return {RatchetErrorKind::too_large};
  if (name == "CERatchetHeader") return {RatchetErrorKind::header};
  if (name == "CryptoHeaderError") return {RatchetErrorKind::malformed};
  if (name == "AESDecryptError") return {RatchetErrorKind::body};
  if (name == "CERatchetDuplicateMessage") return {RatchetErrorKind::duplicate};
  if (name == "CERatchetEarlierMessage") return {RatchetErrorKind::earlier, count()};
  if (name == "CERatchetTooManySkipped") return {RatchetErrorKind::too_many_skipped, count()};
  throw std::runtime_error("vector case: unknown error " + text);
}

X448KeyPair key_pair_of(const Case& key) {
  auto pair = pair_of(value_of(X448PrivateKey::from(key.bytes("priv_raw")), "X448 key"));
  EXPECT_EQ(to_bytes(pair.public_key.view()), key.bytes("pub_raw"));
  return pair;
}

std::optional<KemPrivateParams> kem_private_params(const Case& c, const char* field) {
  if (!c.has(field)) return std::nullopt;
  const Bytes encoded = c.bytes(field);
  Reader reader(encoded);
  auto params = value_of(read_kem_private_params(reader), field);
  EXPECT_TRUE(reader.finish());
  Writer writer;
  write_kem_private_params(writer, params);
  EXPECT_EQ(to_bytes(writer.view()), encoded);
  return params;
}

E2eRatchetParams params_of(const Case& c, const char* field) {
  const Bytes encoded = c.bytes(field);
  Reader reader(encoded);
  auto params = value_of(read_e2e_ratchet_params(reader), field);
  EXPECT_TRUE(reader.finish());
  Writer writer;
  write_e2e_ratchet_params(writer, params);
  EXPECT_EQ(to_bytes(writer.view()), encoded);
  return params;
}

void expect_init(const RatchetInitParams& params, const Case& expected) {
  EXPECT_EQ(to_bytes(params.associated_data.view()), expected.bytes("assoc_data"));
  EXPECT_EQ(to_bytes(params.root_key.reveal()), expected.bytes("ratchet_key"));
  EXPECT_EQ(to_bytes(params.sending_header_key.reveal()), expected.bytes("snd_header_key"));
  EXPECT_EQ(to_bytes(params.receiving_next_header_key.reveal()), expected.bytes("rcv_next_header_key"));
  EXPECT_EQ(params.kem_accepted.has_value(), expected.boolean("kem_accepted"));
}

TEST(RatchetVectors, X3dh) {
  run_vectors("ratchet.json", "x3dh", 6, [](const Case& c) {
    const E2eVersion version(static_cast<std::uint16_t>(c.number("e2e_version")));
    const RatchetVersions versions{version, supported_e2e_versions.max};

    X3dhReceiverKeys alice{key_pair_of(c.object("alice_key_1")), key_pair_of(c.object("alice_key_2")), std::nullopt};
    if (auto kem = kem_private_params(c, "alice_kem_private_params_smp")) {
      alice.kem = std::move(std::get<KemKeyPair>(*kem));
    }
    const E2eRatchetParams alice_params = params_of(c, "alice_params_smp");
    EXPECT_EQ(alice_params.version, version);
    const E2eRatchetParams from_keys = public_params(alice, version);
    EXPECT_EQ(from_keys.key1, alice_params.key1);
    EXPECT_EQ(from_keys.key2, alice_params.key2);
    EXPECT_EQ(from_keys.kem, alice_params.kem);

    const Bytes encoded_uri = c.bytes("alice_params_uri_2_3_smp");
    Reader uri_reader(encoded_uri);
    const auto uri = value_of(read_e2e_ratchet_params_uri(uri_reader), "URI parameters");
    EXPECT_TRUE(uri_reader.finish());
    EXPECT_EQ(uri.versions, supported_e2e_versions);
    EXPECT_EQ(uri.kem, alice_params.proposed_kem());
    Writer uri_writer;
    write_e2e_ratchet_params_uri(uri_writer, with_versions(alice_params, supported_e2e_versions));
    EXPECT_EQ(to_bytes(uri_writer.view()), encoded_uri);
    EXPECT_EQ(with_version(uri, version).kem, alice_params.kem);

    const X3dhSenderKeys bob{key_pair_of(c.object("bob_key_1")), key_pair_of(c.object("bob_key_2")),
                             kem_private_params(c, "bob_kem_private_params_smp")};
    const E2eRatchetParams bob_params = params_of(c, "bob_params_smp");
    EXPECT_EQ(bob_params.key1, bob.key1.public_key);
    EXPECT_EQ(bob_params.key2, bob.key2.public_key);

    const auto agreed = [](const X448KeyPair& one, const X448KeyPair& other) {
      return to_bytes(value_of(dh(other.public_key, one.private_key), "agreement").reveal());
    };
    EXPECT_EQ(agreed(alice.key1, bob.key2), c.bytes("dh1_alice1_bob2"));
    EXPECT_EQ(agreed(alice.key2, bob.key1), c.bytes("dh2_alice2_bob1"));
    EXPECT_EQ(agreed(alice.key2, bob.key2), c.bytes("dh3_alice2_bob2"));

    auto alice_init = value_of(x3dh_receiver(alice, bob_params), "receiver");
    auto bob_init = value_of(x3dh_sender(bob, alice_params), "sender");
    expect_init(alice_init, c.object("alice_init"));
    expect_init(bob_init, c.object("bob_init"));

    // Alice's support is an input: without keys in her invitation she still has it where Bob's reply proposes.
    const bool proposed_in_reply = c.text("bob_kem") == "proposed";
    const auto support = c.boolean("alice_pq_support") || proposed_in_reply ? PqSupport::on : PqSupport::off;
    const auto alice_state = RatchetState::init_receiving(versions, alice.key2.clone(), std::move(alice_init), support);
    expect_same(alice_state, state_of(c.text("alice_rcv_ratchet_json")));
    const auto bob_state =
        value_of(RatchetState::init_sending(versions, alice.key2.public_key, key_pair_of(c.object("bob_ratchet_key_3")),
                                            std::move(bob_init)),
                 "sending ratchet");
    expect_same(bob_state, state_of(c.text("bob_snd_ratchet_json")));
    EXPECT_EQ(alice_state.associated_data_hash(), bob_state.associated_data_hash());
  });
}

std::optional<PqEncryption> pq_parameter(const Case& c) {
  const std::string text = c.text("pq_parameter");
  if (text == "on") return PqEncryption::on;
  if (text == "off") return PqEncryption::off;
  EXPECT_EQ(text, "unchanged");
  return std::nullopt;
}

void check_send(const Case& c) {
  const RatchetState before = state_of(c.text("sender_state_before"));
  const Bytes plaintext = c.bytes("plaintext");
  const auto padded_length = static_cast<std::size_t>(c.number("padded_len"));
  // Scripts of version 2 keep their version until a message asks for PQ; the state says what its owner supports.
  const E2eVersion max_supported = before.versions.max_supported;
  RatchetState state = stored_and_loaded(before);
  const auto sent = state.encrypt(plaintext, padded_length, pq_parameter(c), max_supported);
  if (c.has("error")) {
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error(), error_of(c.text("error")));
    expect_same(state, before);
    return;
  }
  ASSERT_TRUE(sent);
  EXPECT_EQ(*sent, c.bytes("ciphertext"));
  expect_same(state, state_of(c.text("sender_state_after")));
  EXPECT_EQ(state.sending_kem == PqEncryption::on, c.boolean("snd_kem_used"));

  // In two parts, with the key stored between them.
  RatchetState again = before.clone();
  const auto key = again.encrypt_header(pq_parameter(c), max_supported);
  ASSERT_TRUE(key);
  Writer writer;
  write_message_encrypt_key(writer, *key);
  EXPECT_EQ(to_bytes(writer.view()), c.bytes("msg_encrypt_key_smp"));
  Reader reader(writer.view());
  const auto loaded = read_message_encrypt_key(reader);
  ASSERT_TRUE(loaded && reader.finish());
  EXPECT_EQ(value_of(loaded->encrypt(plaintext, padded_length), "body"), c.bytes("ciphertext"));
}

// The new keys that the reference drew, taken from its state after the step.
class RecordedKeys final : public RatchetKeySource {
 public:
  explicit RecordedKeys(const RatchetState& after) : after_(after) {}
  X448KeyPair dh_key() override { return after_.dh_key.clone(); }
  KemKeyPair kem_keys() override { return after_.kem.value().keys.clone(); }
  KemEncapsulation encapsulate(const KemPublicKey& their_key) override {
    const KemAgreement& accepted = after_.kem.value().accepted.value();
    EXPECT_EQ(their_key, accepted.their_key);
    return {accepted.ciphertext, accepted.shared_secret.clone()};
  }

 private:
  const RatchetState& after_;
};

class NoKeys final : public RatchetKeySource {
 public:
  X448KeyPair dh_key() override { throw std::logic_error("a new DH key was wanted"); }
  KemKeyPair kem_keys() override { throw std::logic_error("new KEM keys were wanted"); }
  KemEncapsulation encapsulate(const KemPublicKey&) override { throw std::logic_error("an encapsulation was wanted"); }
};

SkippedMessageKey skipped_key_of(const Case& key) {
  const Bytes encoded = key.bytes("message_key_len32_then_iv_len16");
  Reader reader(encoded);
  auto message_key = value_of(read_message_key(reader), "message key");
  Writer writer;
  write_message_key(writer, message_key);
  EXPECT_EQ(to_bytes(writer.view()), encoded);
  return {value_of(HeaderKey::from(key.bytes("header_key")), "header key"),
          static_cast<std::uint32_t>(key.number("msg_number")), std::move(message_key)};
}

void expect_change(const SkippedKeysChange& change, const Case& c) {
  if (c.at("skipped_change").is_string()) {
    EXPECT_EQ(c.text("skipped_change"), "no change");
    EXPECT_TRUE(std::holds_alternative<SkippedKeysUnchanged>(change));
    return;
  }
  const Case expected = c.object("skipped_change");
  if (!expected.has("added")) {
    const auto* removed = std::get_if<SkippedKeyRemoved>(&change);
    ASSERT_NE(removed, nullptr);
    EXPECT_EQ(to_bytes(removed->header_key.reveal()), expected.bytes("removed_header_key"));
    EXPECT_EQ(removed->number, expected.number("removed_msg_number"));
    return;
  }
  const auto* added = std::get_if<SkippedKeysAdded>(&change);
  ASSERT_NE(added, nullptr);
  const auto& keys = expected.array("added");
  ASSERT_EQ(added->keys.size(), keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const SkippedMessageKey key = skipped_key_of(Case(keys[i].as_object()));
    EXPECT_TRUE(added->keys[i].header_key == key.header_key);
    EXPECT_EQ(added->keys[i].number, key.number);
    EXPECT_TRUE(added->keys[i].message_key == key.message_key);
  }
}

Bytes received_ciphertext(const std::string& file, const Case& c) {
  if (c.has("ciphertext") || c.has("ciphertext_gzip")) return c.bytes("ciphertext");
  for (const auto& value : vector_cases(file)) {
    const Case other(value.as_object());
    if (other.text("op") == "send" && !other.has("error") && other.text("script") == c.text("script") &&
        other.number("message") == c.number("message")) {
      return other.bytes("ciphertext");
    }
  }
  throw std::runtime_error("vector case: no step that sends the message");
}

void check_receive(const std::string& file, const Case& c) {
  const RatchetState before = state_of(c.text("receiver_state_before"));
  const Bytes message = received_ciphertext(file, c);
  SkippedKeysInMemory skipped;
  for (const auto& key : c.array("skipped_before")) skipped.add(skipped_key_of(Case(key.as_object())));

  RatchetState state = stored_and_loaded(before);
  if (c.has("error")) {
    EXPECT_TRUE(c.boolean("state_unchanged"));
    NoKeys no_keys;
    const Decrypted got = state.decrypt(message, no_keys, skipped);
    ASSERT_FALSE(got.plaintext);
    EXPECT_EQ(got.plaintext.error(), error_of(c.text("error")));
    EXPECT_FALSE(got.state_changed);
    EXPECT_TRUE(std::holds_alternative<SkippedKeysUnchanged>(got.skipped));
    expect_same(state, before);
    return;
  }
  const RatchetState after = state_of(c.text("receiver_state_after"));
  RecordedKeys recorded(after);
  const Decrypted got = state.decrypt(message, recorded, skipped);
  if (c.has("error_inner")) {
    ASSERT_FALSE(got.plaintext);
    EXPECT_EQ(got.plaintext.error(), error_of(c.text("error_inner")));
  } else {
    ASSERT_TRUE(got.plaintext);
    EXPECT_EQ(*got.plaintext, c.bytes("plaintext"));
  }
  expect_same(state, after);
  expect_change(got.skipped, c);
  EXPECT_EQ(state.receiving_kem == PqEncryption::on, c.boolean("rcv_kem_used"));

  // With keys of our own the rest is the same, up to what the new keys go into.
  SeededRandom random(7);
  RatchetState drawn = before.clone();
  const Decrypted with_drawn = drawn.decrypt(message, random, skipped);
  EXPECT_EQ(with_drawn.plaintext, got.plaintext);
  EXPECT_EQ(with_drawn.state_changed, got.state_changed);
  EXPECT_EQ(drawn.versions, after.versions);
  EXPECT_EQ(drawn.received, after.received);
  EXPECT_EQ(drawn.kem.has_value(), after.kem.has_value());
  EXPECT_EQ(drawn.sending_kem, after.sending_kem);
  ASSERT_EQ(drawn.receiving.has_value(), after.receiving.has_value());
  if (after.receiving) EXPECT_TRUE(drawn.receiving->chain_key == after.receiving->chain_key);
}

void check_receive_skipping(const Case& c) {
  RatchetState state = state_of(c.text("receiver_state_before"));
  NoKeys no_keys;
  const Decrypted got = state.decrypt(c.bytes("ciphertext"), no_keys, SkippedKeysInMemory());
  if (c.has("error_inner")) {
    ASSERT_FALSE(got.plaintext);
    EXPECT_EQ(got.plaintext.error(), error_of(c.text("error_inner")));
    EXPECT_TRUE(std::holds_alternative<SkippedKeysUnchanged>(got.skipped));
    expect_same(state, state_of(c.text("receiver_state_before")));
    return;
  }
  ASSERT_TRUE(got.plaintext);
  EXPECT_EQ(*got.plaintext, c.bytes("plaintext"));
  expect_same(state, state_of(c.text("receiver_state_after")));
  const auto* added = std::get_if<SkippedKeysAdded>(&got.skipped);
  ASSERT_NE(added, nullptr);
  EXPECT_EQ(added->keys.size(), static_cast<std::size_t>(c.number("skipped_added")));
}

TEST(RatchetVectors, SendWithoutPq) { run_vectors("ratchet.json", "send", 40, check_send); }
TEST(RatchetVectors, SendWithPq) { run_vectors("ratchet_pq.json", "send", 14, check_send); }
TEST(RatchetVectors, SendSwitchingPq) { run_vectors("ratchet_pq_switch.json", "send", 23, check_send); }

TEST(RatchetVectors, ReceiveWithoutPq) {
  run_vectors("ratchet.json", "receive", 46, [](const Case& c) { check_receive("ratchet.json", c); });
}
TEST(RatchetVectors, ReceiveWithPq) {
  run_vectors("ratchet_pq.json", "receive", 14, [](const Case& c) { check_receive("ratchet_pq.json", c); });
}
TEST(RatchetVectors, ReceiveSwitchingPq) {
  run_vectors("ratchet_pq_switch.json", "receive", 23,
              [](const Case& c) { check_receive("ratchet_pq_switch.json", c); });
}
TEST(RatchetVectors, ReceiveSkipping) { run_vectors("ratchet.json", "receive_skipping", 3, check_receive_skipping); }

}  // namespace
}  // namespace simplex::crypto
