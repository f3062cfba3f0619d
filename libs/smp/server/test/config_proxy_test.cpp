// [PROXY] of smp-server.ini.
#include <gmock/gmock.h>

#include "simplex/smp/server/config.hpp"
#include "config_proxy.hpp"

namespace simplex::smp::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<ServerConfig> read(std::string_view text) {
  auto ini = server_kit::Ini::parse(std::string(text), "smp-server.ini");
  EXPECT_TRUE(ini);
  return read_config(*ini, {"/etc/opt/simplex", "/var/opt/simplex"});
}

TEST(ConfigProxy, DefaultsAreTheReferences) {
  const auto config = read("[TRANSPORT]\nhost = relay.example\n");
  ASSERT_TRUE(config) << config.error().message;
  const auto& proxy = config->server.proxy;
  EXPECT_TRUE(proxy.enabled);
  EXPECT_EQ(proxy.network.host_mode, transport::HostMode::public_hosts);
  EXPECT_EQ(proxy.network.socks_mode, transport::SocksMode::onion);
  EXPECT_FALSE(proxy.network.socks);
  EXPECT_FALSE(proxy.network.host_mode_required);
  EXPECT_FALSE(proxy.private_targets);
  EXPECT_EQ(config->server.node.limits.proxied, 32U);
}

TEST(ConfigProxy, EveryKeyIsRead) {
  const auto config = read(
      "[PROXY]\nenable = off\nhost_mode = onion\nrequired_host_mode = on\nown_server_domains = a.example  b.example\n"
      "socks_proxy = :9150\nsocks_mode = always\nclient_concurrency = 200\nallow_private_targets = on\n"
      "allowed_ports = 443 5223 8000-9000\n"
      "[LIMITS]\nproxy_sessions = 7\nproxy_connecting = 8\nproxy_connecting_of_client = 2\nproxy_sessions_of_client = "
      "9\n"
      "proxy_connects_per_minute = 10\nproxy_unanswered = 11\nproxy_unanswered_of_session = 12\nproxy_idle = 13\n");
  ASSERT_TRUE(config) << config.error().message;
  const auto& proxy = config->server.proxy;
  EXPECT_FALSE(proxy.enabled);
  EXPECT_EQ(proxy.network.host_mode, transport::HostMode::onion_via_socks);
  EXPECT_TRUE(proxy.network.host_mode_required);
  EXPECT_THAT(proxy.own_server_domains, ElementsAre("a.example", "b.example"));
  EXPECT_EQ(proxy.network.socks->server, (transport::Endpoint{"127.0.0.1", 9150}));
  EXPECT_EQ(proxy.network.socks_mode, transport::SocksMode::always);
  EXPECT_TRUE(proxy.private_targets);
  ASSERT_EQ(proxy.ports.size(), 3U);
  EXPECT_EQ(proxy.ports[2].first, 8'000);
  EXPECT_EQ(proxy.ports[2].last, 9'000);
  EXPECT_EQ(config->server.node.limits.proxied, 200U);
  EXPECT_GE(proxy.unanswered_of_client, 400U);
  EXPECT_EQ(proxy.sessions, 7U);
  EXPECT_EQ(proxy.connecting, 8U);
  EXPECT_EQ(proxy.sessions_of_client, 9U);
  EXPECT_EQ(proxy.connects_per_minute, 10U);
  EXPECT_EQ(proxy.unanswered, 11U);
  EXPECT_EQ(proxy.unanswered_of_session, 12U);
  EXPECT_EQ(proxy.idle, std::chrono::seconds(13));
  EXPECT_THAT(config->unknown, ElementsAre());
}

TEST(ConfigProxy, WrongValuesNameTheirLine) {
  const auto config =
      read("[PROXY]\nhost_mode = any\nsocks_proxy = a b\nallowed_ports = 5223-443\nsocks_mode = never\n");
  ASSERT_FALSE(config);
  for (const auto* part : {"smp-server.ini:2", "smp-server.ini:3", "smp-server.ini:4", "smp-server.ini:5"}) {
    EXPECT_THAT(config.error().message, HasSubstr(part));
  }
}

TEST(ConfigProxy, PortRanges) {
  for (const auto* wrong : {"", " ", "0", "1-0", "70000", "1-", "-1", "a", "1--2", "443;80"}) {
    EXPECT_FALSE(parse_port_ranges(wrong)) << wrong;
  }
  EXPECT_EQ(parse_port_ranges("1,2 3-3")->size(), 3U);
}

TEST(ConfigProxy, BoundsInAllAreSharedOutToTheNodes) {
  ProxySettings relay;
  relay.sessions = 10;
  relay.unanswered = 1;
  const auto share = share_of(relay, 4);
  EXPECT_EQ(share.sessions, 3U);
  EXPECT_EQ(share.unanswered, 1U);
  EXPECT_EQ(share.sessions_of_client, relay.sessions_of_client);
}

}  // namespace
}  // namespace simplex::smp::server
