#include "simplex/crypto/x3dh.hpp"

#include <gtest/gtest.h>

#include "simplex/testing/random.hpp"

namespace simplex::crypto {
namespace {

using testing::SeededRandom;

constexpr E2eVersion v2{2};
constexpr E2eVersion v3{3};

void expect_agreement(const RatchetInitParams& one, const RatchetInitParams& other) {
  EXPECT_EQ(one.associated_data, other.associated_data);
  EXPECT_TRUE(one.root_key == other.root_key);
  EXPECT_TRUE(one.sending_header_key == other.sending_header_key);
  EXPECT_TRUE(one.receiving_next_header_key == other.receiving_next_header_key);
  EXPECT_EQ(one.kem_accepted.has_value(), other.kem_accepted.has_value());
}

TEST(X3dh, BothSidesAgreeInEveryVersionAndKemSetting) {
  SeededRandom random(1);
  for (const E2eVersion version : {v2, v3}) {
    for (const PqSupport alice_support : {PqSupport::off, PqSupport::on}) {
      for (const PqSupport bob_support : {PqSupport::off, PqSupport::on}) {
        const X3dhReceiver alice = generate_receiver_params(random, version, alice_support);
        const X3dhSender bob =
            generate_sender_params(random, version, kem_reply(version, alice.params.proposed_kem(), bob_support));
        const auto bob_init = x3dh_sender(bob.keys, alice.params);
        const auto alice_init = x3dh_receiver(alice.keys, bob.params);
        ASSERT_TRUE(alice_init && bob_init);
        expect_agreement(*alice_init, *bob_init);
        const bool accepted = version == v3 && alice_support == PqSupport::on && bob_support == PqSupport::on;
        EXPECT_EQ(alice_init->kem_accepted.has_value(), accepted);
        EXPECT_EQ(alice_init->kem_keys.has_value(), accepted);
        EXPECT_EQ(bob_init->kem_keys.has_value(), version == v3 && bob_support == PqSupport::on);
      }
    }
  }
}

TEST(X3dh, TheKemReplyFollowsVersionProposalAndSupport) {
  const std::optional proposed = KemPublicKey{};
  EXPECT_TRUE(std::holds_alternative<std::monostate>(kem_reply(v2, proposed, PqSupport::on)));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(kem_reply(v3, proposed, PqSupport::off)));
  EXPECT_TRUE(std::holds_alternative<KemPropose>(kem_reply(v3, std::nullopt, PqSupport::on)));
  EXPECT_TRUE(std::holds_alternative<KemAccept>(kem_reply(v3, proposed, PqSupport::on)));
}

TEST(X3dh, AcceptingWhatWasNotProposedIsRefused) {
  SeededRandom random(2);
  const X3dhReceiver with_kem = generate_receiver_params(random, v3, PqSupport::on);
  const X3dhReceiver without_kem = generate_receiver_params(random, v3, PqSupport::off);
  const X3dhSender bob =
      generate_sender_params(random, v3, kem_reply(v3, with_kem.params.proposed_kem(), PqSupport::on));
  const auto received = x3dh_receiver(without_kem.keys, bob.params);
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().kind, ErrorKind::conflict);
  const auto sent = x3dh_sender(bob.keys, without_kem.params);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, ErrorKind::conflict);
}

TEST(X3dh, KeysOfLowOrderAreRefused) {
  SeededRandom random(3);
  const X3dhReceiver alice = generate_receiver_params(random, v3, PqSupport::off);
  const X3dhSender bob = generate_sender_params(random, v3, {});
  for (const bool first : {true, false}) {
    E2eRatchetParams params = bob.params;
    (first ? params.key1 : params.key2) = X448PublicKey{};
    EXPECT_FALSE(x3dh_receiver(alice.keys, params));
    params = alice.params;
    (first ? params.key1 : params.key2) = X448PublicKey{};
    EXPECT_FALSE(x3dh_sender(bob.keys, params));
  }
}

TEST(X3dh, ParametersComeBackFromTheirOctetsAndNoPartOfThem) {
  SeededRandom random(4);
  const X3dhReceiver alice = generate_receiver_params(random, v3, PqSupport::on);
  const X3dhSender bob = generate_sender_params(random, v3, kem_reply(v3, alice.params.proposed_kem(), PqSupport::on));
  Writer writer;
  write_e2e_ratchet_params(writer, bob.params);
  Reader whole(writer.view());
  const auto read = read_e2e_ratchet_params(whole);
  ASSERT_TRUE(read && whole.finish());
  EXPECT_EQ(read->version, v3);
  EXPECT_EQ(read->key2, bob.params.key2);
  EXPECT_EQ(read->kem, bob.params.kem);
  EXPECT_EQ(read->proposed_kem(), std::nullopt);
  for (std::size_t size = 0; size < writer.size(); size += 7) {
    Reader part(writer.view().first(size));
    EXPECT_FALSE(read_e2e_ratchet_params(part)) << size;
  }
}

TEST(X3dh, ALinkCannotAcceptKem) {
  SeededRandom random(5);
  const X3dhReceiver alice = generate_receiver_params(random, v3, PqSupport::on);
  Writer proposed;
  write_e2e_ratchet_params_uri(proposed, with_versions(alice.params, supported_e2e_versions));
  Reader reader(proposed.view());
  const auto uri = read_e2e_ratchet_params_uri(reader);
  ASSERT_TRUE(uri && reader.finish());
  EXPECT_EQ(uri->kem, alice.params.proposed_kem());
  EXPECT_EQ(with_version(*uri, v3).kem, alice.params.kem);

  const std::size_t before_kem = proposed.size() - (1 + 1 + 2 + KemPublicKey::size_bytes);
  Writer accepted;
  accepted.raw(proposed.view().first(before_kem)).just();
  write_kem_params(accepted, KemAccepted{KemCiphertext{}, *alice.params.proposed_kem()});
  Reader refused(accepted.view());
  EXPECT_FALSE(read_e2e_ratchet_params_uri(refused));
  Writer unknown;
  unknown.raw(proposed.view().first(before_kem)).just().character('X');
  Reader unknown_reader(unknown.view());
  EXPECT_FALSE(read_e2e_ratchet_params_uri(unknown_reader));
}

}  // namespace
}  // namespace simplex::crypto
