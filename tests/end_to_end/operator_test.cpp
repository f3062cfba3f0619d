// smp-server as its operator types it.
#include "operator.hpp"

namespace simplex::end_to_end {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(OperatorTest, ATypingMistakeIsAnsweredWithTheCommandThatWasMeant) {
  const auto typo = run({"stat"});
  EXPECT_EQ(typo.code, 2);
  EXPECT_THAT(typo.text, HasSubstr("smp-server: there is no command \"stat\". Did you mean \"start\"?"));
  const auto option = run({"start", "--maintenence"});
  EXPECT_EQ(option.code, 2);
  EXPECT_THAT(option.text, HasSubstr("--maintenence"));
  EXPECT_THAT(option.text, HasSubstr("smp-server start --help"));
  const auto missing = run({"database"});
  EXPECT_EQ(missing.code, 2);
  EXPECT_EQ(run({"--help"}).code, 0);
  EXPECT_THAT(run({"--version"}).text, HasSubstr("SMP server v"));
}

TEST_F(OperatorTest, InitWritesWhatItWasAsked) {
  const auto made =
      run({"init", "-y", "-n", "relay.example", "--control-port", "-s", "--password", "sesame", "-a", "ED448",
           "--source-code", "https://example.com/source", "--operator", "Example", "--disable-web"});
  ASSERT_EQ(made.code, 0) << made.text;
  EXPECT_THAT(made.text, HasSubstr("Server address: smp://"));
  EXPECT_THAT(made.text, HasSubstr(":sesame@relay.example"));
  EXPECT_THAT(made.text, HasSubstr("TCP 5223, 443"));
  EXPECT_THAT(made.text, HasSubstr("ca.key"));
  EXPECT_THAT(made.text, HasSubstr("SMP_SERVER_CFG_PATH"));
  EXPECT_THAT(ini(), HasSubstr("store_queues = embedded\nstore_messages = embedded\n"));
  EXPECT_THAT(ini(), HasSubstr("\ncontrol_port = 5224\n"));
  EXPECT_THAT(ini(), HasSubstr("\ncontrol_port_admin_password = "));
  EXPECT_THAT(ini(), HasSubstr("\nlog_stats = on\n"));
  EXPECT_THAT(ini(), HasSubstr("\noperator = Example\n"));
  const auto again = run({"init", "-y"});
  EXPECT_EQ(again.code, 1);
  EXPECT_THAT(again.text, HasSubstr("smp-server: server is already initialized"));
}

TEST_F(OperatorTest, InitRefusesWhatDoesNotBelongTogether) {
  EXPECT_THAT(run({"init", "-y", "--operator", "Example"}).text, HasSubstr("--source-code"));
  EXPECT_THAT(run({"init", "-y", "--source-code", "https://example.com", "--operator-country", "DE"}).text,
              HasSubstr("requires passing --operator"));
  EXPECT_THAT(run({"init", "-y", "--source-code", "https://example.com", "--server-country", "Germany"}).text,
              HasSubstr("two letters"));
  EXPECT_FALSE(fs::exists(stage_.folder() / "etc/smp-server.ini"));
}

TEST_F(OperatorTest, TheCertificateIsRenewedLikeTheOldOne) {
  ASSERT_EQ(run({"init", "-y", "-n", "relay.example", "-a", "ED448"}).code, 0);
  const auto before = file("etc/server.crt");
  const auto renewed = run({"cert"});
  EXPECT_EQ(renewed.code, 0) << renewed.text;
  EXPECT_THAT(renewed.text, HasSubstr("Generated new server credentials"));
  EXPECT_NE(file("etc/server.crt"), before);
  EXPECT_EQ(run({"start", "-m"}).code, 0);
  EXPECT_EQ(run({"cert", "-a", "ED25519", "--cn", "other.example"}).code, 0);
}

TEST_F(OperatorTest, DeleteAsksAndDeletes) {
  init();
  const auto asked = run({"delete"}, {"n"});
  EXPECT_EQ(asked.code, 1);
  EXPECT_THAT(asked.text, HasSubstr("smp-server.ini"));
  EXPECT_TRUE(fs::exists(stage_.folder() / "etc/ca.key"));
  EXPECT_EQ(run({"delete"}).code, 1) << "no answer is no";
  EXPECT_EQ(run({"delete"}, {"Y"}).code, 0);
  EXPECT_FALSE(fs::exists(stage_.folder() / "etc"));
  EXPECT_EQ(run({"delete", "-y"}).code, 1);
}

TEST_F(OperatorTest, SettingsOfTheCommandLineAreCheckedLikeThoseOfTheFile) {
  init();
  const auto wrong = run({"start", "-m", "--set", "LIMITS.queue_quota=0"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.text, HasSubstr("smp-server: command line: [LIMITS] queue_quota = 0: must be a whole number"));
  const auto unknown = run({"start", "-m", "--set", "LIMITS.speed=11"});
  EXPECT_EQ(unknown.code, 0);
  EXPECT_THAT(unknown.text, HasSubstr("[LIMITS] speed = 11: unknown setting"));
  EXPECT_EQ(run({"start", "-m", "--set", "nonsense"}).code, 1);
}

TEST_F(OperatorTest, MessagesGoBetweenTheReferencesFilesAndBack) {
  init();
  use_memory_sample();
  const auto before = file("log/smp-server-messages.log");
  const auto imported = run({"journal", "import"}, {"y"});
  EXPECT_EQ(imported.code, 0) << imported.text;
  EXPECT_THAT(imported.text, HasSubstr("2 queues, 3 messages"));
  EXPECT_TRUE(fs::exists(stage_.folder() / "log/messages"));
  EXPECT_FALSE(fs::exists(stage_.folder() / "log/smp-server-messages.log"));
  EXPECT_EQ(run({"journal", "import", "-y"}).code, 1);
  EXPECT_EQ(run({"journal", "export", "-y"}).code, 0);
  EXPECT_TRUE(file("log/smp-server-messages.log") == before);
  EXPECT_EQ(run({"journal", "delete", "-y"}).code, 1) << "it was renamed aside";
}

TEST_F(OperatorTest, AStoreIsCopiedAndTheFormerOneIsNotServed) {
  init();
  use_memory_sample();
  const auto imported = run({"start", "-m"});
  EXPECT_EQ(imported.code, 0) << imported.text;
  EXPECT_THAT(imported.text, HasSubstr("Queues: 2, undelivered messages: 3"));
  EXPECT_THAT(imported.text, HasSubstr("imported 2 queues and 3 messages"));
  const auto memory =
      run({"start", "-m", "--set", "STORE_LOG.store_queues=memory", "--set", "STORE_LOG.store_messages=memory"});
  EXPECT_EQ(memory.code, 1);
  EXPECT_THAT(memory.text, HasSubstr("smp-server store copy --from embedded --to files"));
  const auto copied = run({"store", "copy", "--from", "embedded", "--to", "files", "-y"});
  EXPECT_EQ(copied.code, 0) << copied.text;
  EXPECT_THAT(copied.text, HasSubstr("2 queues, 3 messages"));
  EXPECT_EQ(run({"store", "copy", "--from", "tape", "--to", "files"}).code, 2);
}

TEST_F(OperatorTest, NothingIsCopiedOrDeletedUnderARunningRelay) {
  init();
  use_memory_sample();
  Process relay(program("smp-server"), {"start"}, variables());
  relay.await("[Ll]istening");
  for (const auto& arguments : {std::vector<std::string>{"store", "copy", "--from", "embedded", "--to", "files", "-y"},
                                {"delete", "-y"},
                                {"start", "-m"}}) {
    const auto refused = run(arguments);
    EXPECT_EQ(refused.code, 1) << refused.text;
    EXPECT_THAT(refused.text, HasSubstr("in use"));
  }
  EXPECT_EQ(relay.stop(SIGTERM), 0) << relay.transcript();
}

}  // namespace
}  // namespace simplex::end_to_end
