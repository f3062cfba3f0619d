// Messages that come together and are decrypted together.
#include "arrivals.hpp"

#include "simplex/async/workers.hpp"
#include "pair.hpp"

namespace simplex::agent {
namespace {

class ArrivalsTest : public PairTest {
 protected:
  ArrivalsTest() { alice.core->dependencies.workers = &workers_; }

  std::vector<std::string> heard() {
    alice.loop.run();
    std::vector<std::string> texts;
    for (const auto& event : std::exchange(alice.events, {})) {
      if (const auto* message = std::get_if<MessageReceived>(&event.body)) {
        EXPECT_TRUE(std::holds_alternative<IntegrityOk>(message->integrity));
        texts.push_back(text_of(*message));
      } else {
        texts.push_back(std::holds_alternative<ReceptionFailed>(event.body) ? "(failed)" : "(something else)");
      }
    }
    return texts;
  }
  static Bytes said(Desk& desk, std::string_view text) {
    desk.say(text);
    return desk.take();
  }
  // The ratchet message inside, as the recipient reads it.
  Bytes ratchet_message(BytesView body) {
    const auto plain = smp::open_client_message(*alice.receiving().e2e_key, *smp::decode_client_message_envelope(body));
    const auto inside = decode_envelope(smp::decode_client_message(*plain)->body.bytes);
    return to_bytes(std::get<AgentMessageEnvelope>(*inside).encrypted_message.bytes);
  }

  async::Workers workers_{1};
};

TEST_F(ArrivalsTest, AreHeardInTheirOrder) {
  confirm();
  const auto from_bob = alice.receiving();
  Desk carol{3};
  carol.join(alice.invite(), "carol");
  ASSERT_TRUE(only<ConfirmationReceived>(alice.deliver(carol.take())));
  const auto from_carol = alice.receiving();

  testing::SeededRandom random(9);
  alice.push(said(bob, "b1"), from_bob);
  alice.push(said(carol, "c1"), from_carol);
  alice.push(said(bob, "b2"), from_bob);
  alice.push(random.bytes(16'000), from_carol);
  alice.push(said(carol, "c2"), from_carol);
  EXPECT_TRUE(alice.events.empty());
  EXPECT_EQ(heard(), (std::vector<std::string>{"b1", "c1", "b2", "(failed)", "c2"}));
}

TEST_F(ArrivalsTest, AConfirmationBringsTheKeyOfWhatComesWithIt) {
  bob.join(alice.invite(), "bob");
  const auto queue = alice.receiving();
  alice.push(bob.take(), queue);
  alice.push(said(bob, "at once"), queue);
  EXPECT_EQ(heard(), (std::vector<std::string>{"(something else)", "at once"}));
}

TEST_F(ArrivalsTest, AreForgottenWhenTheSessionsEnd) {
  confirm();
  const auto body = said(bob, "later");
  alice.push(body, alice.receiving());
  alice.reception->stop();
  EXPECT_TRUE(heard().empty());
  alice.push(body, alice.receiving());
  EXPECT_EQ(heard(), (std::vector<std::string>{"later"}));
}

TEST_F(ArrivalsTest, ARatchetAheadIsUsedUnlessItHasChanged) {
  confirm();
  const auto first = ratchet_message(said(bob, "first"));
  const auto second = ratchet_message(said(bob, "second"));
  auto& ratchets = alice.core->ratchets;
  const auto conn = alice.connection.key;
  auto ahead = ratchets.ahead(conn);
  auto late = ratchets.ahead(conn);
  ASSERT_TRUE(ahead && *ahead && late && *late);
  (*ahead)->decrypt(first);
  (*late)->decrypt(first);
  // What it is of comes from the thread that was ahead: the message is not looked at again.
  const auto opened = ratchets.decrypt(conn, {}, std::move(*ahead));
  ASSERT_TRUE(opened && *opened);
  const auto repeated = ratchets.decrypt(conn, first, std::move(*late));
  ASSERT_TRUE(repeated);
  EXPECT_FALSE(*repeated) << "the first message was decrypted twice";
  const auto next = ratchets.decrypt(conn, second);
  ASSERT_TRUE(next && *next);
}

TEST_F(ArrivalsTest, WithSkippedKeysARatchetIsNotAhead) {
  confirm();
  const auto first = said(bob, "first");
  const auto second = said(bob, "second");
  ASSERT_TRUE(only<MessageReceived>(alice.deliver(second)));
  const auto ahead = alice.core->ratchets.ahead(alice.connection.key);
  ASSERT_TRUE(ahead);
  EXPECT_FALSE(*ahead);
  ASSERT_TRUE(only<MessageReceived>(alice.deliver(first)));
}

}  // namespace
}  // namespace simplex::agent
