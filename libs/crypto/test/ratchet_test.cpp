#include "simplex/crypto/ratchet.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>

#include "simplex/testing/random.hpp"
#include "ratchet_kdf.hpp"
#include "ratchet_message.hpp"

namespace simplex::crypto {
namespace {

using testing::SeededRandom;

constexpr E2eVersion v2{2};
constexpr E2eVersion v3{3};
constexpr std::size_t padded_length = 200;

// One side, with its database: every change goes through the stored form.
struct Party {
  SecretBytes stored;
  SkippedKeysInMemory skipped;

  [[nodiscard]] RatchetState load() const {
    auto state = RatchetState::decode(stored.reveal());
    if (!state) throw std::runtime_error(state.error().message);
    return std::move(*state);
  }
  std::expected<Bytes, RatchetError> send(const Bytes& text, std::optional<PqEncryption> pq = std::nullopt,
                                          E2eVersion max_supported = v3) {
    RatchetState state = load();
    auto sent = state.encrypt(text, padded_length, pq, max_supported);
    if (sent) stored = state.encode();
    return sent;
  }
  std::expected<Bytes, RatchetError> receive(const Bytes& message, Random& random) {
    RatchetState state = load();
    Decrypted got = state.decrypt(message, random, skipped);
    if (got.state_changed) stored = state.encode();
    skipped.apply(got.skipped);
    return std::move(got.plaintext);
  }
};

// Bob joins alice's invitation.
struct Pair {
  Party alice;
  Party bob;
};

Pair make_pair(Random& random, E2eVersion version, PqSupport alice_support, PqSupport bob_support,
               E2eVersion max_supported = v3) {
  const X3dhReceiver alice = generate_receiver_params(random, version, alice_support);
  const X3dhSender bob =
      generate_sender_params(random, version, kem_reply(version, alice.params.proposed_kem(), bob_support));
  auto bob_init = x3dh_sender(bob.keys, alice.params);
  auto alice_init = x3dh_receiver(alice.keys, bob.params);
  if (!bob_init || !alice_init) throw std::runtime_error("no agreement");
  const RatchetVersions versions{version, max_supported};
  auto bob_state = RatchetState::init_sending(versions, alice.params.key2, generate_x448(random), std::move(*bob_init));
  if (!bob_state) throw std::runtime_error("no ratchet");
  const PqSupport support = version >= e2e_version_pq ? alice_support : PqSupport::off;
  const auto alice_state =
      RatchetState::init_receiving(versions, alice.keys.key2.clone(), std::move(*alice_init), support);
  Pair pair;
  pair.alice.stored = alice_state.encode();
  pair.bob.stored = bob_state->encode();
  return pair;
}

Bytes text(std::string_view words) { return to_bytes(words); }

void exchange(Party& from, Party& to, Random& random, std::string_view words,
              std::optional<PqEncryption> pq = std::nullopt) {
  const auto sent = from.send(text(words), pq);
  ASSERT_TRUE(sent);
  const auto got = to.receive(*sent, random);
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, text(words));
}

TEST(Ratchet, ConversationInEveryVersionAndKemSetting) {
  SeededRandom random(1);
  for (const E2eVersion version : {v2, v3}) {
    for (const PqSupport alice_support : {PqSupport::off, PqSupport::on}) {
      for (const PqSupport bob_support : {PqSupport::off, PqSupport::on}) {
        Pair pair = make_pair(random, version, alice_support, bob_support);
        for (int round = 0; round < 3; ++round) {
          exchange(pair.bob, pair.alice, random, "hello from bob");
          exchange(pair.alice, pair.bob, random, "hello from alice");
          exchange(pair.alice, pair.bob, random, "and again");
        }
        const bool wanted = alice_support == PqSupport::on && bob_support == PqSupport::on;
        const auto used = version == v3 && wanted ? PqEncryption::on : PqEncryption::off;
        EXPECT_EQ(pair.alice.load().sending_kem, used);
        EXPECT_EQ(pair.bob.load().receiving_kem, used);
        EXPECT_EQ(pair.alice.load().associated_data_hash(), pair.bob.load().associated_data_hash());
      }
    }
  }
}

TEST(Ratchet, TheReceivingSideCannotSendFirst) {
  SeededRandom random(2);
  Pair pair = make_pair(random, v3, PqSupport::off, PqSupport::off);
  const auto sent = pair.alice.send(text("too early"));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, RatchetErrorKind::not_ready);
}

TEST(Ratchet, TooLongPlaintextChangesNothing) {
  SeededRandom random(3);
  Pair pair = make_pair(random, v3, PqSupport::off, PqSupport::off);
  RatchetState state = pair.bob.load();
  const auto before = state.encode();
  const auto sent = state.encrypt(Bytes(padded_length - 1), padded_length);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().kind, RatchetErrorKind::too_large);
  EXPECT_TRUE(state.encode() == before);
  EXPECT_TRUE(state.encrypt(Bytes(padded_length - 2), padded_length));
}

TEST(Ratchet, ADamagedBodyUsesUpItsNumberOnly) {
  SeededRandom random(4);
  Pair pair = make_pair(random, v3, PqSupport::off, PqSupport::off);
  auto damaged = pair.bob.send(text("one"));
  ASSERT_TRUE(damaged);
  damaged->back() ^= 1;
  const auto refused = pair.alice.receive(*damaged, random);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, RatchetErrorKind::body);
  exchange(pair.bob, pair.alice, random, "two");
  exchange(pair.alice, pair.bob, random, "three");
}

TEST(Ratchet, APeersKeyOfLowOrderIsRefusedAndChangesNothing) {
  SeededRandom random(5);
  Pair pair = make_pair(random, v3, PqSupport::off, PqSupport::off);
  RatchetState bob = pair.bob.load();
  bob.dh_key.public_key = X448PublicKey{};
  const auto sent = bob.encrypt(text("poison"), padded_length);
  ASSERT_TRUE(sent);
  RatchetState alice = pair.alice.load();
  const auto before = alice.encode();
  const Decrypted got = alice.decrypt(*sent, random, pair.alice.skipped);
  ASSERT_FALSE(got.plaintext);
  EXPECT_EQ(got.plaintext.error().kind, RatchetErrorKind::key_agreement);
  EXPECT_FALSE(got.state_changed);
  EXPECT_TRUE(alice.encode() == before);
}

TEST(Ratchet, AcceptedKemThatWasNotProposedIsRefusedAndChangesNothing) {
  SeededRandom random(6);
  Pair pair = make_pair(random, v3, PqSupport::on, PqSupport::on);
  RatchetState alice = pair.alice.load();
  alice.kem.reset();
  const auto before = alice.encode();
  const auto sent = pair.bob.send(text("accepted"));
  ASSERT_TRUE(sent);
  const Decrypted got = alice.decrypt(*sent, random, pair.alice.skipped);
  ASSERT_FALSE(got.plaintext);
  EXPECT_EQ(got.plaintext.error().kind, RatchetErrorKind::kem_state);
  EXPECT_TRUE(alice.encode() == before);
}

// A peer that knows the header key can claim any numbers.
Bytes forged(const RatchetState& sender, std::uint32_t previous_count, std::uint32_t number) {
  RatchetState copy = sender.clone();
  copy.sent = number;
  copy.sent_previous = previous_count;
  return copy.encrypt(text("forged"), padded_length).value();
}

TEST(Ratchet, ClaimedNumbersAreBounded) {
  SeededRandom random(7);
  Pair pair = make_pair(random, v3, PqSupport::off, PqSupport::off);
  exchange(pair.bob, pair.alice, random, "first");
  const RatchetState bob = pair.bob.load();
  for (const std::uint32_t number : {514U, 0x7FFFFFFFU, 0xFFFFFFFEU, 0xFFFFFFFFU}) {
    RatchetState alice = pair.alice.load();
    const Decrypted got = alice.decrypt(forged(bob, 0, number), random, pair.alice.skipped);
    ASSERT_FALSE(got.plaintext);
    EXPECT_EQ(got.plaintext.error(), (RatchetError{RatchetErrorKind::too_many_skipped, number}));
    EXPECT_TRUE(std::holds_alternative<SkippedKeysUnchanged>(got.skipped));
  }
  exchange(pair.alice, pair.bob, random, "second");
  const RatchetState next = pair.bob.load();  // in a new chain
  for (const std::uint32_t count : {514U, 0xFFFFFFFFU}) {
    RatchetState alice = pair.alice.load();
    const auto before = alice.encode();
    const Decrypted got = alice.decrypt(forged(next, count, 0), random, pair.alice.skipped);
    ASSERT_FALSE(got.plaintext);
    EXPECT_EQ(got.plaintext.error().kind, RatchetErrorKind::too_many_skipped);
    EXPECT_FALSE(got.state_changed);
    EXPECT_TRUE(alice.encode() == before);
  }
  // Both chains at their bound.
  RatchetState alice = pair.alice.load();
  const Decrypted got = alice.decrypt(forged(next, 513, 512), random, pair.alice.skipped);
  ASSERT_NE(std::get_if<SkippedKeysAdded>(&got.skipped), nullptr);
  EXPECT_EQ(std::get<SkippedKeysAdded>(got.skipped).keys.size(), 512U + 512U);
}

TEST(Ratchet, UnreadableSkippedKeysAreAStorageError) {
  class Broken final : public SkippedKeys {
   public:
    [[nodiscard]] Result<std::vector<HeaderKey>> header_keys() const override {
      return fail(ErrorKind::storage, "the disk is gone");
    }
    [[nodiscard]] Result<std::optional<MessageKey>> find(const HeaderKey&, std::uint32_t) const override {
      return fail(ErrorKind::storage, "the disk is gone");
    }
  };
  SeededRandom random(8);
  Pair pair = make_pair(random, v3, PqSupport::off, PqSupport::off);
  const auto first = pair.bob.send(text("first"));
  const auto second = pair.bob.send(text("second"));
  ASSERT_TRUE(first && second);
  RatchetState alice = pair.alice.load();
  // In order, nothing needs to be looked up.
  EXPECT_TRUE(alice.decrypt(*first, random, Broken()).plaintext);
  const auto before = alice.encode();
  const Decrypted again = alice.decrypt(*first, random, Broken());
  ASSERT_FALSE(again.plaintext);
  EXPECT_EQ(again.plaintext.error().kind, RatchetErrorKind::storage);
  EXPECT_TRUE(alice.encode() == before);
  EXPECT_TRUE(alice.decrypt(*second, random, Broken()).plaintext);
}

TEST(Ratchet, EveryErrorSaysWhatHappened) {
  for (std::uint8_t kind = 0; kind <= static_cast<std::uint8_t>(RatchetErrorKind::storage); ++kind) {
    EXPECT_GT(to_error({static_cast<RatchetErrorKind>(kind), 2}).message.size(), 20U);
  }
}

TEST(RatchetStorage, SizesAreAsDocumented) {
  SeededRandom random(9);
  Pair plain = make_pair(random, v3, PqSupport::off, PqSupport::off);
  exchange(plain.bob, plain.alice, random, "hello");
  EXPECT_EQ(plain.alice.stored.size(), 525U);
  // Switched on by both: after a message each way, the one who received last proposes.
  exchange(plain.alice, plain.bob, random, "hello", PqEncryption::on);
  exchange(plain.bob, plain.alice, random, "hello", PqEncryption::on);
  EXPECT_EQ(plain.alice.stored.size(), 2289U);
  Pair accepted = make_pair(random, v3, PqSupport::on, PqSupport::on);
  exchange(accepted.bob, accepted.alice, random, "hello");
  EXPECT_EQ(accepted.alice.stored.size(), 4518U);
}

TEST(RatchetStorage, DamagedAndNewerStatesAreRefused) {
  SeededRandom random(10);
  const Pair pair = make_pair(random, v3, PqSupport::on, PqSupport::on);
  const Bytes stored = to_bytes(pair.bob.stored.reveal());
  for (std::size_t size = 0; size < stored.size(); size += 11) {
    EXPECT_FALSE(RatchetState::decode(BytesView(stored).first(size))) << size;
  }
  Bytes longer = stored;
  longer.push_back(0);
  EXPECT_FALSE(RatchetState::decode(longer));
  Bytes newer = stored;
  newer[0] = 2;
  const auto refused = RatchetState::decode(newer);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::version);
}

struct InFlight {
  Bytes message;
  Bytes text;
};

// Any order of sending, delivery, loss, damage, repetition and switching of KEM.
class Network {
 public:
  explicit Network(std::uint64_t seed)
      : random_(seed),
        pair_(make_pair(random_, seed % 3 == 0 ? v2 : v3, seed / 3 % 2 == 0 ? PqSupport::on : PqSupport::off,
                        seed / 6 % 2 == 0 ? PqSupport::on : PqSupport::off)) {}

  // One octet of command, one of choice.
  void step(std::uint16_t command) {
    const unsigned choice = command >> 8;
    const bool alice = (command & 1U) != 0;
    switch (command >> 1 & 7U) {
      case 0:
      case 1: send(alice, std::nullopt); break;
      case 2: switch_kem(alice, (choice & 1U) != 0 ? PqEncryption::on : PqEncryption::off); break;
      case 3:
      case 4:
      case 5: deliver(alice, choice % 4); break;
      case 6: repeat(alice, choice); break;
      default:
        if (choice % 4 == 0) {
          lose(alice, choice / 4);
        } else {
          damage(alice, choice);
        }
    }
  }
  void deliver_all() {
    while (!on_the_way_[0].empty()) deliver(false, 0);
    while (!on_the_way_[1].empty()) deliver(true, 0);
  }
  // Whatever came before, the conversation goes on.
  void finish() {
    deliver_all();
    send(false, std::nullopt);
    deliver_all();
    send(true, std::nullopt);
    deliver_all();
  }

 private:
  Party& party(bool alice) { return alice ? pair_.alice : pair_.bob; }

  void send(bool alice, std::optional<PqEncryption> pq) {
    const Bytes words = to_bytes("message " + std::to_string(++count_));
    auto sent = party(alice).send(words, pq, v3);
    if (!sent) {
      RC_ASSERT(alice);
      RC_ASSERT(sent.error().kind == RatchetErrorKind::not_ready);
      return;
    }
    on_the_way_[alice ? 1 : 0].push_back({std::move(*sent), words});
  }
  // A message that switches KEM off arrives before the later ones of its chain (see encrypt_header).
  void switch_kem(bool alice, PqEncryption pq) {
    auto& queue = on_the_way_[alice ? 1 : 0];
    const std::size_t before = queue.size();
    send(alice, pq);
    if (pq == PqEncryption::off && queue.size() > before) deliver(alice, before);
  }
  void deliver(bool from_alice, std::size_t position) {
    auto& queue = on_the_way_[from_alice ? 1 : 0];
    if (queue.empty()) return;
    const auto at = queue.begin() + static_cast<std::ptrdiff_t>(position % queue.size());
    InFlight one = std::move(*at);
    queue.erase(at);
    const auto got = party(!from_alice).receive(one.message, random_);
    RC_ASSERT(got.has_value());
    RC_ASSERT(*got == one.text);
    delivered_[from_alice ? 1 : 0].push_back(std::move(one.message));
  }
  void repeat(bool from_alice, std::size_t position) {
    const auto& messages = delivered_[from_alice ? 1 : 0];
    if (messages.empty()) return;
    const auto got = party(!from_alice).receive(messages[position % messages.size()], random_);
    RC_ASSERT(!got.has_value());
    const RatchetErrorKind kind = got.error().kind;
    RC_ASSERT(
        (kind == RatchetErrorKind::duplicate || kind == RatchetErrorKind::earlier || kind == RatchetErrorKind::header));
  }
  void lose(bool from_alice, std::size_t position) {
    auto& queue = on_the_way_[from_alice ? 1 : 0];
    if (queue.size() < 2) return;
    queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(position % queue.size()));
  }
  // A relay can change what it carries; it is refused before it can change the ratchet.
  void damage(bool from_alice, std::size_t position) {
    const auto& queue = on_the_way_[from_alice ? 1 : 0];
    if (queue.empty()) return;
    Bytes message = queue[position % queue.size()].message;
    message[60 + position % 20] ^= 1;  // in the encrypted header
    RatchetState state = party(!from_alice).load();
    const auto before = state.encode();
    const Decrypted got = state.decrypt(message, random_, party(!from_alice).skipped);
    RC_ASSERT(!got.plaintext.has_value());
    RC_ASSERT(got.plaintext.error().kind == RatchetErrorKind::header);
    RC_ASSERT(!got.state_changed);
    RC_ASSERT(state.encode() == before);
  }

  SeededRandom random_;
  Pair pair_;
  std::deque<InFlight> on_the_way_[2];  // from bob, from alice
  std::vector<Bytes> delivered_[2];
  int count_ = 0;
};

TEST(RatchetProperty, EveryDeliveredMessageDecryptsOnceToItsText) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed, const std::vector<std::uint16_t>& commands) {
    Network network(seed);
    for (std::size_t i = 0; i < std::min<std::size_t>(commands.size(), 60); ++i) network.step(commands[i]);
    network.finish();
  }));
}

}  // namespace
}  // namespace simplex::crypto
