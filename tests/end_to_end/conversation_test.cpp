#include <gtest/gtest.h>

#include "stage.hpp"
#include "stranger.hpp"

namespace simplex::end_to_end {
namespace {

class ConversationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    relay_.start();
    alice_.start();
    bob_.start();
    befriend(alice_, "alice", bob_, "bob");
  }
  void talk(const std::string& about) {
    alice_.say("bob", "alice on " + about);
    bob_.hear("alice", "alice on " + about);
    bob_.say("alice", "bob on " + about);
    alice_.hear("bob", "bob on " + about);
  }

  Stage stage_;
  RelayProgram relay_{stage_.folder() / "relay"};
  PersonProgram alice_{"alice", stage_.folder(), relay_.address()};
  PersonProgram bob_{"bob", stage_.folder(), relay_.address()};
};

TEST_F(ConversationTest, BothWaysWithTheRelayRestartedInTheMiddle) {
  talk("the weather");
  relay_.stop();
  alice_.say("bob", "are you there");
  bob_.say("alice", "hello, alice");
  relay_.start();
  bob_.hear("alice", "are you there");
  alice_.hear("bob", "hello, alice");
  talk("the relay that came back");
  alice_.quit();
  bob_.quit();
}

TEST_F(ConversationTest, BobKilledWhileMessagesComeHearsEachOnceAndInOrder) {
  std::vector<std::string> expected;
  for (int i = 1; i <= 30; ++i) {
    expected.push_back("message " + std::to_string(i));
    alice_.say("bob", expected.back());
  }
  bob_.hear("alice", "message 5");
  bob_.kill();
  for (int i = 31; i <= 40; ++i) {
    expected.push_back("message " + std::to_string(i));
    alice_.say("bob", expected.back());
  }
  bob_.start();
  bob_.hear("alice", "message 40");
  bob_.quit();
  EXPECT_EQ(bob_.history("alice"), expected);
}

TEST_F(ConversationTest, AliceKilledRightAfterWritingLosesNothing) {
  std::vector<std::string> expected;
  for (int round = 1; round <= 3; ++round) {
    const std::string text = "round " + std::to_string(round);
    expected.push_back(text);
    alice_.say("bob", text);
    alice_.process().await("@bob " + text);
    alice_.kill();
    alice_.start();
  }
  bob_.hear("alice", "round 3");
  bob_.quit();
  EXPECT_EQ(bob_.history("alice"), expected);
}

TEST_F(ConversationTest, StrangersAtTheRelayDisturbNobody) {
  Stranger silent(relay_.port());
  ASSERT_TRUE(silent.connected());
  {
    Stranger scanner(relay_.port());  // connects, and goes
  }
  Stranger browser(relay_.port());
  browser.send("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  talk("a browser");
  const std::string answer = browser.read_to_end();
  EXPECT_EQ(answer.find("HTTP/1.1 200"), std::string::npos);

  Stranger noise(relay_.port());
  noise.send(std::string(200'000, '\xFF'));
  static_cast<void>(noise.read_to_end());
  // The head of a TLS record that says more than it holds, and nothing behind it.
  Stranger half(relay_.port());
  half.send(std::string("\x16\x03\x01\x40\x00\x01", 6));
  for (int i = 0; i < 50; ++i) {
    Stranger hurried(relay_.port());
    hurried.send("\x16\x03\x01");
  }
  talk("noise");
  EXPECT_TRUE(relay_.running());
  relay_.stop();
}

}  // namespace
}  // namespace simplex::end_to_end
