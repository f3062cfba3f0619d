// agent-echo through a SOCKS proxy: the proxy is told the names of hosts, and which connections do not belong together.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "simplex/protocol/server_address.hpp"
#include "socks_server.hpp"
#include "stage.hpp"

namespace simplex::end_to_end {
namespace {

class EchoThroughSocks : public ::testing::Test {
 protected:
  void SetUp() override { relay_.start(); }
  // The relay under names that no resolver of this machine knows.
  std::string address(const std::string& hosts) {
    auto own = *protocol::parse_server_address(relay_.address());
    const auto named = "smp://AAAA@" + hosts + ":" + std::to_string(relay_.port());
    auto renamed = *protocol::parse_server_address(named);
    renamed.key_hash = own.key_hash;
    return protocol::format(renamed);
  }
  std::unique_ptr<Process> echo(const std::string& name, const std::string& hosts, std::vector<std::string> more) {
    std::vector<std::string> all{"-d", (stage_.folder() / (name + ".db")).string(), "-s", address(hosts), "-n", name};
    all.insert(all.end(), {"--socks", "127.0.0.1:" + std::to_string(socks_.port())});
    all.insert(all.end(), more.begin(), more.end());
    return std::make_unique<Process>(program("agent-echo"), all);
  }
  static std::string link_of(Process& process) { return process.await("^link .*").substr(5); }
  std::set<std::string> users() const {
    std::set<std::string> all;
    for (const auto& each : socks_.asked()) all.insert(each.user);
    return all;
  }
  // Two connections, and a message in each; how many user names the proxy was shown.
  std::size_t users_of_two_connections(const std::string& isolation) {
    auto server = echo("server-" + isolation, "relay.invalid", {"--invite", "--isolation", isolation});
    for (const std::string guest : {"bob", "carol"}) {
      auto joined =
          echo(guest + isolation, "relay.invalid",
               {"--join", link_of(*server), "--say", "hello", "--no-echo", "-c", "1", "--isolation", isolation});
      joined->await("^heard 1 hello$");
      EXPECT_EQ(joined->wait(), 0);
    }
    EXPECT_EQ(server->stop(SIGTERM), 0);
    return users().size();
  }

  const std::string onion_ = std::string(56, 'a') + ".onion";
  Stage stage_;
  RelayProgram relay_{stage_.folder() / "relay"};
  SocksServer socks_;
};

TEST_F(EchoThroughSocks, TheProxyResolvesNamesAndIsShownOneUserForEachRun) {
  EXPECT_EQ(users_of_two_connections("session"), 3u) << "server, bob, carol";
  for (const auto& each : socks_.asked()) {
    EXPECT_TRUE(each.named);
    EXPECT_EQ(each.host, "relay.invalid");
    EXPECT_EQ(each.port, relay_.port());
    EXPECT_EQ(each.user.size(), 44u) << "a hash, which says nothing";
  }
}

TEST_F(EchoThroughSocks, EachConnectionHasAUserOfItsOwn) {
  // The server's two connections and its third invitation; one each of bob and carol.
  EXPECT_EQ(users_of_two_connections("entity"), 5u);
}

TEST_F(EchoThroughSocks, AUserIsTheSameInEachRun) { EXPECT_EQ(users_of_two_connections("user"), 1u); }

TEST_F(EchoThroughSocks, TheOnionHostIsTakenThroughAProxyOnly) {
  auto server = echo("server", "relay.invalid," + onion_, {"--invite"});
  (void)link_of(*server);
  EXPECT_EQ(server->stop(SIGTERM), 0);
  auto in_public = echo("public", "relay.invalid," + onion_, {"--invite", "--host-mode", "public"});
  (void)link_of(*in_public);
  EXPECT_EQ(in_public->stop(SIGTERM), 0);
  const auto asked = socks_.asked();
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0].host, onion_);
  EXPECT_EQ(asked[1].host, "relay.invalid");
}

TEST_F(EchoThroughSocks, ARelayWithoutAPermittedHostIsSaid) {
  auto server = echo("server", "relay.invalid", {"--invite", "--host-mode", "onion", "--required-host-mode"});
  server->await("agent-echo: .*the server has no onion host");
  EXPECT_EQ(server->stop(SIGTERM), 0);
  EXPECT_TRUE(socks_.asked().empty());
  Process wrong(program("agent-echo"), {"-d", "none.db", "-s", relay_.address(), "--socks", "host:0"});
  wrong.await("the port is a number");
  EXPECT_EQ(wrong.wait(), 2);
}

}  // namespace
}  // namespace simplex::end_to_end
