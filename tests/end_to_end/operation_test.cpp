// A relay in the hands of its operator: what is wrong in its settings, signals, a relay that died, warnings.
#include "operator.hpp"

namespace simplex::end_to_end {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class OperationTest : public OperatorTest {
 protected:
  void replace_in_ini(const std::string& what, const std::string& by) {
    auto text = ini();
    const auto at = text.find(what);
    ASSERT_NE(at, std::string::npos) << what;
    std::ofstream(stage_.folder() / "etc/smp-server.ini") << text.replace(at, what.size(), by);
  }
  std::unique_ptr<Process> start(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), "start");
    auto made = std::make_unique<Process>(program("smp-server"), arguments, variables());
    made->await("[Ll]istening");
    return made;
  }
  // Files of the relay's folder whose name begins so.
  [[nodiscard]] std::vector<std::string> files(const std::string& prefix) const {
    std::vector<std::string> made;
    for (const auto& entry : fs::directory_iterator(stage_.folder() / "log")) {
      const auto name = entry.path().filename().string();
      if (name.starts_with(prefix)) made.push_back(name);
    }
    return made;
  }
};

TEST_F(OperationTest, TheAddressIsPrinted) {
  EXPECT_THAT(run({"address"}).text, HasSubstr("smp-server init"));
  const auto made = run({"init", "-y", "-n", "relay.example", "--password", "sesame", "--port", "5224,443"});
  const auto address = run({"address"});
  EXPECT_EQ(address.code, 0);
  auto fingerprint = file("etc/fingerprint");
  fingerprint.pop_back();
  EXPECT_EQ(address.text, "  | smp://" + fingerprint + ":sesame@relay.example:5224\n");
  EXPECT_THAT(made.text, HasSubstr("Server address: " + address.text.substr(4)));
}

TEST_F(OperationTest, TheFirstStartWarnsOfNothing) {
  init();
  const auto started = run({"start", "-m"});
  EXPECT_EQ(started.code, 0);
  EXPECT_THAT(started.text, AllOf(Not(HasSubstr("warning")), Not(HasSubstr("error"))));
}

TEST_F(OperationTest, ItsOwnPortsDoNotMeet) {
  init();
  const auto refused = run({"start", "-m", "--set", "TRANSPORT.port=5223,443", "--set", "TRANSPORT.control_port=443",
                            "--set", "LIMITS.prometheus_port=5223"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.text, HasSubstr("[TRANSPORT] control_port = 443: [TRANSPORT] port has the port 443 already"));
  EXPECT_THAT(refused.text, HasSubstr("[LIMITS] prometheus_port = 5223: [TRANSPORT] port has the port 5223 already"));
}

TEST_F(OperationTest, AWrongLineIsNamedWithWhatIsAllowed) {
  init();
  replace_in_ini("host = 127.0.0.1", "host = 127.0.0.1 # this machine");
  const auto refused = run({"start", "-m"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.text,
              AllOf(HasSubstr("smp-server.ini:"), HasSubstr("[TRANSPORT] host = 127.0.0.1 # this machine"),
                    HasSubstr("for example relay.example.com"), HasSubstr("a comment needs a line of its own")));
}

TEST_F(OperationTest, HangUpSaysWhatNeedsARestart) {
  init();
  const auto relay = start();
  replace_in_ini("\nport = ", "\nport = 4,");
  replace_in_ini("[WEB]", "[LOG]\nlevel = debug\n\n[WEB]");
  relay->signal(SIGHUP);
  relay->await("no effect before a restart: TRANSPORT.port$");
  relay->await("were read again");
  EXPECT_EQ(relay->stop(SIGTERM), 0) << relay->transcript();
}

TEST_F(OperationTest, HangUpRefusesTheCertificatesOfAnotherRelay) {
  init();
  const auto relay = start();
  std::map<std::string, std::string> others{{"SMP_SERVER_CFG_PATH", (stage_.folder() / "other").string()},
                                            {"SMP_SERVER_LOG_PATH", (stage_.folder() / "other_log").string()}};
  Process other(program("smp-server"), {"init", "-y"}, others);
  ASSERT_EQ(other.wait(), 0);
  const auto take = [&](const char* name) {
    fs::copy_file(stage_.folder() / "other" / name, stage_.folder() / "etc" / name,
                  fs::copy_options::overwrite_existing);
  };
  take("server.crt");
  relay->signal(SIGHUP);
  const auto leaf = relay->await("nothing was reloaded");
  EXPECT_THAT(leaf, AllOf(HasSubstr("server.crt is not signed by"), HasSubstr("ca.crt"), Not(HasSubstr("peer"))));
  for (const auto* name : {"server.key", "ca.crt", "fingerprint"}) take(name);
  relay->signal(SIGHUP);
  EXPECT_THAT(relay->await("nothing was reloaded"), HasSubstr("ca.crt is the identity of another relay"));
  EXPECT_EQ(relay->stop(SIGTERM), 0) << relay->transcript();
}

TEST_F(OperationTest, WhatAMemoryRelayLeavesThatWasKilledIsKept) {
  init();
  replace_in_ini("store_queues = embedded\nstore_messages = embedded",
                 "store_queues = memory\nstore_messages = memory");
  replace_in_ini("expire_messages_days = 21", "expire_messages_days = 36500");
  use_memory_sample();
  const auto messages = file("log/smp-server-messages.log");
  const auto killed = start();
  EXPECT_EQ(killed->stop(SIGKILL), 128 + SIGKILL);
  const auto started = start();
  EXPECT_THAT(started->transcript(), AllOf(HasSubstr("was not stopped in order"), HasSubstr(".unsaved-")));
  EXPECT_EQ(started->stop(SIGTERM), 0);
  const auto kept = files("smp-server-messages.log.unsaved-");
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_TRUE(file("log/" + kept[0]) == messages);
  EXPECT_THAT(run({"start", "-m"}).text, Not(HasSubstr("not stopped in order")));
  // As it says.
  fs::rename(stage_.folder() / "log" / kept[0], stage_.folder() / "log/smp-server-messages.log");
  EXPECT_THAT(run({"start", "-m"}).text, HasSubstr("Queues: 2, undelivered messages: 3"));
}

TEST_F(OperationTest, TooFewOpenFilesAreToldWithTheNumberThatIsNeeded) {
  init();
  Process few("/bin/sh",
              {"-c", "ulimit -n 512 && exec " + program("smp-server") + " start --set LIMITS.connections=2000"},
              variables());
  EXPECT_THAT(few.await("may open 512 files"), AllOf(HasSubstr("LimitNOFILE"), HasSubstr("to 3000")));
  few.await("[Ll]istening");
  EXPECT_EQ(few.stop(SIGTERM), 0) << few.transcript();
}

TEST_F(OperationTest, OneFolderForAllIsDeletedOnce) {
  const auto folder = (stage_.folder() / "all").string();
  const std::map<std::string, std::string> one{{"SMP_SERVER_CFG_PATH", folder}, {"SMP_SERVER_LOG_PATH", folder}};
  Process init(program("smp-server"), {"init", "-y"}, one);
  ASSERT_EQ(init.wait(), 0);
  Process removed(program("smp-server"), {"delete"}, one);
  removed.type("y");
  EXPECT_EQ(removed.wait(), 0) << removed.transcript();
  std::size_t listed = 0;
  for (const auto& line : removed.lines()) listed += line == "  " + folder;
  EXPECT_EQ(listed, 1U) << removed.transcript();
  EXPECT_FALSE(fs::exists(folder));
}

}  // namespace
}  // namespace simplex::end_to_end
