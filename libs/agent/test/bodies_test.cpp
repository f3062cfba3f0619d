// Messages to many, whose body is stored once.
#include "pair.hpp"

namespace simplex::agent {
namespace {

class BodiesTest : public PairTest {
 protected:
  void SetUp() override { connect(); }
  // The same message three times, as to three connections.
  void say_to_all(std::string_view text) {
    ASSERT_TRUE(bob.core->turn.run([&]() -> Result<> {
      SIMPLEX_ASSIGN(const auto shared, bob.core->messages.insert_body(as_bytes(text)));
      for (int i = 0; i < 3; ++i) {
        SIMPLEX_TRY(bob.deliveries->enqueue(bob.now_connection(), bob.sending(), DeliveryKind::user,
                                            message::User{Content(as_bytes(text))}, shared));
      }
      return {};
    }));
    bob.loop.run();
  }
};

TEST_F(BodiesTest, TheBodyStaysUntilTheLastOfThemIsDelivered) {
  const std::string text(5'000, 'x');
  say_to_all(text);
  EXPECT_EQ(bob.count("bodies"), 1);
  EXPECT_EQ(bob.count("deliveries WHERE length(plaintext) < 100"), 3);
  for (int left = 3; left > 0; --left) {
    EXPECT_EQ(bob.count("bodies"), 1);
    expect_heard(alice.deliver(bob.send()), text);
  }
  EXPECT_EQ(bob.count("bodies"), 0);
}

TEST_F(BodiesTest, ItGoesWithMessagesThatAreGivenUp) {
  say_to_all("nobody will read it");
  for (int i = 0; i < 3; ++i) {
    const auto delivery = bob.next();
    ASSERT_TRUE(delivery);
    ASSERT_TRUE(bob.core->turn.run([&] {
      return bob.deliveries->give_up(*delivery, Failure::network, {ErrorKind::timeout, "too late", Advice::give_up});
    }));
  }
  EXPECT_EQ(bob.count("bodies"), 0);
}

TEST_F(BodiesTest, ItGoesWithTheirQueue) {
  say_to_all("nobody will read it");
  ASSERT_TRUE(bob.core->queues.erase(bob.sending().key));
  EXPECT_EQ(bob.count("deliveries"), 0);
  EXPECT_EQ(bob.count("bodies"), 0);
}

TEST_F(BodiesTest, AnEarlierProgramFindsItInEachMessage) {
  std::string text = "with a zero";
  text.push_back('\0');
  text += std::string(3'000, 'y');
  say_to_all(text);
  ASSERT_TRUE(bob.core->turn.commit());
  ASSERT_TRUE(store::migrate_down(bob.core->database, 8));
  EXPECT_EQ(bob.count("deliveries WHERE length(plaintext) > 3000 AND typeof(plaintext) = 'blob'"), 3);
  ASSERT_TRUE(store::migrate(bob.core->database, agent_migrations(), bob.loop));
  expect_heard(alice.deliver(bob.take()), text);
}

}  // namespace
}  // namespace simplex::agent
