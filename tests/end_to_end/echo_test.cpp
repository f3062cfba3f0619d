// agent-echo: the agent library alone, as a program, with each kind of link and each version.
#include <gtest/gtest.h>

#include "stage.hpp"

namespace simplex::end_to_end {
namespace {

class EchoTest : public ::testing::Test {
 protected:
  void SetUp() override { relay_.start(); }
  std::vector<std::string> arguments(const std::string& name, std::vector<std::string> more) {
    std::vector<std::string> all{"-d", (stage_.folder() / (name + ".db")).string(), "-s", relay_.address(), "-n", name};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::unique_ptr<Process> echo(const std::string& name, std::vector<std::string> more) {
    return std::make_unique<Process>(program("agent-echo"), arguments(name, std::move(more)));
  }
  static std::string link_of(Process& process) { return process.await("^link .*").substr(5); }

  Stage stage_;
  RelayProgram relay_{stage_.folder() / "relay"};
};

TEST_F(EchoTest, AnInvitationIsUsedAndTheNextOneIsMade) {
  auto server = echo("server", {"--invite"});
  const auto link = link_of(*server);
  auto guest = echo("guest", {"--join", link, "--say", "hello", "--say", "hello again", "--no-echo", "-c", "2"});
  guest->await("^connected 1 pq$");
  guest->await("^heard 1 hello$");
  guest->await("^heard 1 hello again$");
  EXPECT_EQ(guest->wait(), 0);
  EXPECT_NE(link_of(*server), link);
  EXPECT_EQ(server->stop(SIGTERM), 0);
}

TEST_F(EchoTest, AnAddressServesManyAndSurvivesKills) {
  auto server = echo("server", {"--address"});
  const auto link = link_of(*server);
  for (const std::string name : {"bob", "carol"}) {
    auto guest = echo(name, {"--join", link, "--say", "I am " + name, "--no-echo", "-c", "1"});
    guest->await("^heard 1 I am " + name + "$");
    EXPECT_EQ(guest->wait(), 0);
    EXPECT_EQ(server->stop(SIGKILL), 128 + SIGKILL);
    server = echo("server", {});
    server->await("^ready$");
  }
  EXPECT_EQ(server->stop(SIGTERM), 0);
}

TEST_F(EchoTest, ShortLinksOfBothKindsLeadThere) {
  for (const std::string kind : {"--invite", "--address"}) {
    auto server = echo("server" + kind, {kind, "--short"});
    const auto link = link_of(*server);
    EXPECT_TRUE(link.starts_with("https://")) << link;
    auto guest = echo("guest" + kind, {"--join", link, "--say", "hello", "--no-echo", "-c", "1"});
    guest->await("^heard 1 hello$");
    EXPECT_EQ(guest->wait(), 0);
    EXPECT_EQ(server->stop(SIGTERM), 0);
  }
}

TEST_F(EchoTest, SendersLearnWhatHasCome) {
  auto server = echo("server", {"--invite"});
  auto guest = echo("guest", {"--join", link_of(*server), "--say", "hello", "--no-echo"});
  guest->await("^delivered 1$");
  EXPECT_EQ(guest->stop(SIGTERM), 0);
  EXPECT_EQ(server->stop(SIGTERM), 0);
}

TEST_F(EchoTest, VersionsCanBeChosen) {
  auto server =
      echo("server", {"--invite", "--agent-versions", "2-4", "--e2e-versions", "2", "--client-versions", "1-2"});
  auto guest = echo("guest", {"--join", link_of(*server), "--say", "old", "--no-echo", "-c", "1"});
  guest->await("^connected 1 no-pq$");
  guest->await("^heard 1 old$");
  EXPECT_EQ(guest->wait(), 0);
  Process wrong(program("agent-echo"), arguments("wrong", {"--agent-versions", "9"}));
  wrong.await("versions are 2-7");
  EXPECT_EQ(wrong.wait(), 2);
}

TEST_F(EchoTest, MessagesGoThroughAProxy) {
  RelayProgram other(stage_.folder() / "other");
  other.set({"PROXY.allow_private_targets=on"});  // to this machine
  other.start();
  auto server = echo("server", {"--invite"});
  const std::vector<std::string> own{"-d", (stage_.folder() / "guest.db").string(), "-s", other.address()};
  auto options = own;
  for (const auto* each : {"--proxy", "always", "--proxy-fallback", "no", "--say", "hello", "--no-echo"})
    options.emplace_back(each);
  options.insert(options.end(), {"--join", link_of(*server)});
  Process guest(program("agent-echo"), options);
  // The echo may be here before the proxy's answer is.
  const auto either = "^(sent 1 through " + other.address() + "|heard 1 hello)$";
  EXPECT_NE(guest.await(either), guest.await(either));
  EXPECT_EQ(guest.stop(SIGTERM), 0);
}

TEST_F(EchoTest, WhatIsWrongWithALinkIsSaid) {
  auto guest = echo("guest", {"--join", "simplex:/nonsense"});
  guest->await("^agent-echo: .*link");
  EXPECT_EQ(guest->wait(), 1);
  auto server = echo("server", {"--invite", "--timeout", "1"});
  server->await("the time is over");
  EXPECT_EQ(server->wait(), 1);
}

}  // namespace
}  // namespace simplex::end_to_end
