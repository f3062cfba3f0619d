// smp-bench against the running relay and against smp-floor: what it counts, in every mode, as clients of several versions.
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "stage.hpp"

namespace simplex::end_to_end {
namespace {

namespace json = boost::json;

struct Outcome {
  int exit_code = 0;
  std::string text;
  json::object figures;  // of --json, when it succeeded

  [[nodiscard]] std::int64_t count(const char* name) const {
    const auto* value = figures.if_contains(name);
    return value == nullptr ? -1 : value->to_number<std::int64_t>();
  }
  [[nodiscard]] double number(const char* name) const {
    const auto* value = figures.if_contains(name);
    return value == nullptr ? -1 : value->to_number<double>();
  }
};

Outcome bench(std::vector<std::string> arguments) {
  Process process(program("smp-bench"), std::move(arguments));
  Outcome outcome;
  outcome.exit_code = process.wait();
  for (const auto& line : process.lines()) outcome.text += line + "\n";
  boost::system::error_code error;
  auto parsed = json::parse(outcome.text, error);
  if (!error && parsed.is_object()) outcome.figures = parsed.as_object();
  return outcome;
}

Outcome succeed(std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  auto outcome = bench(std::move(arguments));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
  EXPECT_FALSE(outcome.figures.empty()) << outcome.text;
  return outcome;
}

void expect_messages(const Outcome& outcome, std::int64_t count) {
  EXPECT_EQ(outcome.count("operations"), count) << outcome.text;
  EXPECT_EQ(outcome.count("sent"), count);
  EXPECT_EQ(outcome.count("delivered"), count);
  EXPECT_GT(outcome.number("latency_p50_us"), 0);
  EXPECT_GE(outcome.number("latency_p999_us"), outcome.number("latency_p50_us"));
  EXPECT_GT(outcome.number("per_second"), 0);
}

class BenchTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { relay_.start(); }
  void TearDown() override { EXPECT_TRUE(relay_.running()); }

  Stage stage_;
  RelayProgram relay_{stage_.folder() / "relay"};
};

TEST_P(BenchTest, CountsTheMessagesOfAVersion) {
  expect_messages(succeed({"messages", relay_.address(), "--smp-version", GetParam(), "--pairs", "2", "-n", "30",
                           "--verify", "all"}),
                  30);
}

TEST_P(BenchTest, RunsInEveryOtherMode) {
  const std::vector<std::string> version{"--smp-version", GetParam()};
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin() + 1, relay_.address());
    arguments.insert(arguments.end(), version.begin(), version.end());
    const auto outcome = succeed(std::move(arguments));
    EXPECT_EQ(outcome.count("smp_version"), std::stoi(GetParam()));
    return outcome.count("operations");
  };
  EXPECT_EQ(run({"create", "-n", "20", "-c", "2", "--batch", "5"}), 20);
  EXPECT_EQ(run({"create", "-n", "20", "-c", "2", "--secure"}), 20);
  EXPECT_EQ(run({"resubscribe", "-q", "100"}), 100);
  EXPECT_EQ(run({"handshakes", "-n", "5", "-c", "2"}), 5);
  EXPECT_EQ(run({"idle", "-c", "4", "-q", "2", "-d", "0.01"}), 4);
}

INSTANTIATE_TEST_SUITE_P(Versions, BenchTest, ::testing::Values("6", "9", "11", "18"),
                         [](const auto& version) { return "V" + version.param; });

class BenchOfRelayTest : public BenchTest {};

TEST_F(BenchOfRelayTest, BatchesQueuesKeysThreadsAndIdleConnections) {
  expect_messages(succeed({"messages", relay_.address(), "--pairs",   "3",        "-q",     "10", "-s",
                           "100",      "--batch",        "8",         "--window", "3",      "-n", "200",
                           "--key",    "x25519",         "--threads", "2",        "--idle", "3",  "--verify",
                           "all"}),
                  200);
}

TEST_F(BenchOfRelayTest, MessagesAreSentAtARate) {
  const auto outcome = succeed({"messages", relay_.address(), "--pairs", "2", "--rate", "200", "-n", "60"});
  expect_messages(outcome, 60);
  EXPECT_LE(outcome.number("per_second"), 220);  // the last is due after 295 ms: it can't be faster
}

TEST_F(BenchOfRelayTest, MeasuresForATime) {
  const auto outcome = succeed({"messages", relay_.address(), "-d", "0.3", "--warm-up", "0.1", "-p", "2"});
  EXPECT_GT(outcome.count("operations"), 0);
  EXPECT_GE(outcome.number("seconds"), 0.3);
}

TEST_F(BenchOfRelayTest, ReadsWhatTheRelayUses) {
  const auto process = std::to_string(relay_.process().id());
  const auto outcome = succeed({"messages", relay_.address(), "-n", "50", "--pid", process});
  EXPECT_GT(outcome.number("cpu_us"), 0);
  EXPECT_GT(outcome.count("resident"), 1'000'000);
  EXPECT_GT(outcome.number("generator_cpu_us"), 0);
}

TEST_F(BenchOfRelayTest, LeavesNoQueuesUnlessTold) {
  const auto queues = [this] {
    relay_.stop();
    relay_.start();
    for (const auto& line : relay_.process().lines()) {
      if (line.starts_with("Queues: ")) return line;
    }
    return std::string("the relay does not say how many queues it has");
  };
  succeed({"messages", relay_.address(), "-n", "10", "-p", "2", "--idle", "2"});
  EXPECT_THAT(queues(), ::testing::StartsWith("Queues: 0,"));
  succeed({"messages", relay_.address(), "-n", "10", "-p", "2", "--idle", "2", "--keep-queues"});
  EXPECT_THAT(queues(), ::testing::StartsWith("Queues: 4,"));
}

TEST_F(BenchOfRelayTest, SendsThroughAProxy) {
  RelayProgram proxy(stage_.folder() / "proxy");
  const auto ini = stage_.folder() / "proxy" / "etc" / "smp-server.ini";
  std::stringstream text;
  text << std::ifstream(ini).rdbuf();
  auto changed = text.str();
  const std::string setting = "# allow_private_targets = off";
  const auto at = changed.find(setting);
  ASSERT_NE(at, std::string::npos);
  changed.replace(at, setting.size(), "allow_private_targets = on");
  std::ofstream(ini) << changed;
  proxy.start();
  expect_messages(
      succeed({"messages", relay_.address(), "--proxy", proxy.address(), "-p", "2", "-n", "20", "--verify", "all"}),
      20);
}

TEST_F(BenchOfRelayTest, SaysWhatIsWrong) {
  const auto no_process = bench({"messages", relay_.address(), "-n", "1", "--pid", "999999999"});
  EXPECT_EQ(no_process.exit_code, 1);
  EXPECT_THAT(no_process.text, ::testing::HasSubstr("there is no process"));

  const auto too_long = bench({"messages", relay_.address(), "-s", "16080", "--smp-version", "18"});
  EXPECT_EQ(too_long.exit_code, 2);
  EXPECT_THAT(too_long.text, ::testing::HasSubstr("16048"));

  const auto bad_key = bench({"messages", relay_.address(), "--key", "x25519", "--smp-version", "6"});
  EXPECT_EQ(bad_key.exit_code, 2);

  auto other = relay_.address();
  other.replace(other.find("smp://") + 6, 4, "AAAA");
  const auto impostor = bench({"messages", other, "-n", "1"});
  EXPECT_EQ(impostor.exit_code, 1);
  EXPECT_THAT(impostor.text, ::testing::HasSubstr("smp-bench: "));
}

TEST(BenchRefusalTest, OnlyLoadsThisMachine) {
  const std::string identity(43, 'A');
  for (const std::string host : {"relay.example.com", "192.0.2.1", "[2001:db8::1]", "localhost.example.com"}) {
    const auto outcome = bench({"messages", "smp://" + identity + "=@" + host + ":5223", "-n", "1"});
    EXPECT_EQ(outcome.exit_code, 2) << host;
    EXPECT_THAT(outcome.text, ::testing::HasSubstr("--allow-remote")) << host;
  }
  const auto proxy = bench({"messages", "smp://" + identity + "=@127.0.0.1:5223", "--proxy",
                            "smp://" + identity + "=@relay.example.com", "-n", "1"});
  EXPECT_EQ(proxy.exit_code, 2);
  EXPECT_THAT(proxy.text, ::testing::HasSubstr("--allow-remote"));
}

// What the floor does not do for a message, it does not need to be asked for.
class FloorTest : public ::testing::TestWithParam<std::string> {};

TEST_P(FloorTest, AnswersLikeARelay) {
  Process floor(program("smp-floor"), {"--level", GetParam(), "--threads", "2"});
  const auto address = floor.await("^Address: ").substr(std::string("Address: ").size());
  floor.await("^Listening");
  const bool plain_blocks = GetParam() == "tls" || GetParam() == "delivery";
  const std::string version = plain_blocks ? "10" : "18";
  const std::string verify = GetParam() == "tls" ? "none" : "all";
  expect_messages(succeed({"messages", address, "-n", "50", "-p", "4", "--smp-version", version, "--verify", verify,
                           "--pid", std::to_string(floor.id())}),
                  50);
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin() + 1, address);
    arguments.insert(arguments.end(), {"--smp-version", version});
    return succeed(std::move(arguments)).count("operations");
  };
  EXPECT_EQ(run({"create", "-n", "20"}), 20);
  EXPECT_EQ(run({"resubscribe", "-q", "100"}), 100);
  EXPECT_EQ(run({"handshakes", "-n", "4"}), 4);
  EXPECT_EQ(run({"idle", "-c", "3", "-d", "0.01"}), 3);
  EXPECT_EQ(floor.stop(SIGTERM), 0) << floor.transcript();
  EXPECT_THAT(floor.lines().back(), ::testing::HasSubstr("messages: 50"));
}

INSTANTIATE_TEST_SUITE_P(Levels, FloorTest, ::testing::Values("tls", "delivery", "blocks", "authorization"),
                         [](const auto& level) { return level.param; });

}  // namespace
}  // namespace simplex::end_to_end
