#include <gtest/gtest.h>

#include <fstream>

#include "stage.hpp"

namespace simplex::end_to_end {
namespace {

class RefusalTest : public ::testing::Test {
 protected:
  // What a program that ends at once says, and its exit code.
  static std::pair<int, std::string> run(const std::string& name, std::vector<std::string> arguments,
                                         std::map<std::string, std::string> variables = {}) {
    Process process(program(name), std::move(arguments), std::move(variables));
    process.end_input();
    const int code = process.wait();
    return {code, process.transcript()};
  }

  Stage stage_;
};

TEST_F(RefusalTest, WrongPassphraseOpensNothingAndHarmsNothing) {
  RelayProgram relay(stage_.folder() / "relay");
  relay.start();
  PersonProgram alice("alice", stage_.folder(), relay.address());
  alice.start();
  alice.quit();
  PersonProgram thief("alice", stage_.folder(), relay.address());
  thief.set_passphrase("wrong horse");
  const auto [code, text] = run("simplex-chat", thief.arguments());
  EXPECT_NE(code, 0);
  EXPECT_NE(text.find("passphrase"), std::string::npos) << text;
  EXPECT_EQ(text.find("wrong horse"), std::string::npos);
  alice.start();
  alice.quit();
}

TEST_F(RefusalTest, PortInUseIsSaidWithThePort) {
  RelayProgram first(stage_.folder() / "first");
  first.start();
  RelayProgram second(stage_.folder() / "second", first.port());
  const auto [code, text] = run("smp-server", {"start"}, second.variables());
  EXPECT_NE(code, 0);
  EXPECT_NE(text.find(std::to_string(first.port())), std::string::npos) << text;
  EXPECT_TRUE(first.running());
}

TEST_F(RefusalTest, RelayWithoutConfigurationSaysWhatToDo) {
  const auto [code, text] = run("smp-server", {"start"},
                                {{"SMP_SERVER_CFG_PATH", (stage_.folder() / "none").string()},
                                 {"SMP_SERVER_LOG_PATH", (stage_.folder() / "none").string()}});
  EXPECT_NE(code, 0);
  EXPECT_NE(text.find("init"), std::string::npos) << text;
}

TEST_F(RefusalTest, SecondInitKeepsTheFirst) {
  RelayProgram relay(stage_.folder() / "relay");
  const auto [code, text] = run("smp-server", {"init", "-n", "127.0.0.1", "--no-password", "-y"}, relay.variables());
  EXPECT_NE(code, 0) << text;
  relay.start();
  relay.stop();
}

TEST_F(RefusalTest, JunkLinksAreRefusedAtOnce) {
  RelayProgram relay(stage_.folder() / "relay");
  relay.start();
  PersonProgram alice("alice", stage_.folder(), relay.address());
  alice.start();
  for (const std::string junk :
       {"simplex:/invitation#/?v=2-7", "simplex:/invitation#/?v=2-7&smp=x&e2e=y", "https://example.com/", "hello",
        "simplex:/invitation#/?v=900-901&smp=smp%3A%2F%2Fx"}) {
    alice.join(junk);
    alice.process().await("error");
  }
  const std::string link = alice.invite();
  alice.join(link.substr(0, link.size() / 2));
  alice.process().await("error");
  alice.quit();
}

TEST_F(RefusalTest, RelayWithAnotherFingerprintIsNotTrusted) {
  RelayProgram relay(stage_.folder() / "relay");
  RelayProgram impostor(stage_.folder() / "impostor", relay.port());
  impostor.start();
  PersonProgram alice("alice", stage_.folder(), relay.address());
  alice.start();
  alice.process().type("/c");
  alice.process().await("certificate|fingerprint|identity");
  alice.quit();
}

TEST_F(RefusalTest, RelayThatAsksForAPasswordSaysSo) {
  RelayProgram relay(stage_.folder() / "relay", free_port(), "friends-only");
  relay.start();
  PersonProgram alice("alice", stage_.folder(), relay.address());
  alice.start();
  alice.process().type("/c");
  alice.process().await("lacks the password");
  alice.quit();
}

TEST_F(RefusalTest, DatabaseThatIsNoneIsSaid) {
  std::ofstream(stage_.folder() / "alice_agent.db") << std::string(8192, 'x');
  std::ofstream(stage_.folder() / "alice_chat.db") << std::string(8192, 'x');
  PersonProgram alice("alice", stage_.folder(), "smp://" + std::string(43, 'A') + "=@127.0.0.1:5223");
  const auto [code, text] = run("simplex-chat", alice.arguments());
  EXPECT_NE(code, 0);
  EXPECT_NE(text.find("simplex-chat:"), std::string::npos) << text;
}

TEST_F(RefusalTest, SecondProgramOnOneDatabaseIsRefused) {
  RelayProgram relay(stage_.folder() / "relay");
  relay.start();
  PersonProgram alice("alice", stage_.folder(), relay.address());
  alice.start();
  const auto [code, text] = run("simplex-chat", alice.arguments());
  EXPECT_NE(code, 0) << text;
  alice.quit();
}

}  // namespace
}  // namespace simplex::end_to_end
