#include "simplex/protocol/server_address.hpp"

#include <gtest/gtest.h>

namespace simplex::protocol {
namespace {

constexpr std::string_view hash = "kdPePtooXZWhwSf3xoBoDaSiI4SLU1G6i30WClMItVw=";

std::string address(std::string_view hosts) { return "smp://" + std::string(hash) + "@" + std::string(hosts); }

TEST(Host, KindsAndNormalForms) {
  const auto expect = [](std::string_view text, HostKind kind, std::string_view normal) {
    const auto host = Host::parse(text);
    ASSERT_TRUE(host) << text;
    EXPECT_EQ(host->kind(), kind) << text;
    EXPECT_EQ(host->text(), normal);
  };
  expect("smp.example.com", HostKind::domain, "smp.example.com");
  expect("localhost", HostKind::domain, "localhost");
  expect("beef", HostKind::domain, "beef");
  expect("abc2.onion", HostKind::onion, "abc2.onion");
  expect("127.0.0.1", HostKind::ipv4, "127.0.0.1");
  expect("010.0.00.1", HostKind::ipv4, "10.0.0.1");
  expect("256.0.0.1", HostKind::domain, "256.0.0.1");
  expect("::1", HostKind::ipv6, "::1");
  expect("[2001:DB8:0:0:0:0:0:1]", HostKind::ipv6, "2001:db8::1");
  expect("[::ffff:1.2.3.4]", HostKind::ipv6, "::ffff:1.2.3.4");
}

TEST(Host, NotHosts) {
  for (const std::string_view bad : {"", " ", "a b", "a#b", "a/b", "a:b", "[::1", "[abc]", "[]", "UPPER.onion",
                                     "a.onion.com", "1.2.3.4.com", "a\nb", "a\x7f", "\xC3\xA9.com", "fe80::1%eth0"})
    EXPECT_FALSE(Host::parse(bad)) << bad;
  EXPECT_FALSE(Host::parse(std::string(254, 'a')));
  EXPECT_TRUE(Host::parse(std::string(253, 'a')));
}

TEST(ServerAddress, PortNumbers) {
  EXPECT_EQ(parse_server_address(address("a.com:443"))->port_number(), 443);
  EXPECT_EQ(parse_server_address(address("a.com:05223"))->port, "5223");
  EXPECT_EQ(parse_server_address(address("a.com:99999"))->port_number(), std::nullopt);
  EXPECT_EQ(parse_server_address(address("a.com:0"))->port_number(), std::nullopt);
  EXPECT_EQ(parse_server_address(address("a.com"))->port_number(), std::nullopt);
  EXPECT_FALSE(parse_server_address(address("a.com:")));
  EXPECT_FALSE(parse_server_address(address("a.com:9999999999999999999")));
}

TEST(ServerAddress, PasswordsAreForServersThatHaveThem) {
  const std::string with_password = "smp://" + std::string(hash) + ":secret@a.com";
  EXPECT_TRUE(parse_server_with_auth(with_password));
  EXPECT_FALSE(parse_server_address(with_password));
  EXPECT_FALSE(BasicAuth::from(as_bytes("a b")));
  EXPECT_FALSE(BasicAuth::from(as_bytes("a\xFF")));
  EXPECT_FALSE(BasicAuth::from(Bytes(256, 'x')));
  EXPECT_TRUE(BasicAuth::from(as_bytes("p*ss.w+rd")));
}

TEST(ServerAddress, SameServerIsHostsAndPort) {
  const auto a = parse_server_address(address("a.com,b.onion:443")).value();
  auto b = a;
  b.key_hash = KeyHash();
  EXPECT_TRUE(same_server(a, b));
  b.port.clear();
  EXPECT_FALSE(same_server(a, b));
}

TEST(ServerAddress, AtMost255Hosts) {
  std::string hosts = "a";
  for (int i = 1; i < 255; ++i) hosts += ",a";
  EXPECT_TRUE(parse_server_address(address(hosts)));
  EXPECT_FALSE(parse_server_address(address(hosts + ",a")));
}

TEST(ServerAddress, BinaryWithoutHostOrWithBadPort) {
  const auto read = [](auto&& write) {
    Writer writer;
    write(writer);
    Reader reader(writer.view());
    return read_server_address(reader).has_value();
  };
  EXPECT_TRUE(read([](Writer& w) { w.u8(1).short_string("a.com").short_string("443").short_string("hash"); }));
  EXPECT_FALSE(read([](Writer& w) { w.u8(0).short_string("443").short_string("hash"); }));
  EXPECT_FALSE(read([](Writer& w) { w.u8(1).short_string("a.com").short_string("44x").short_string("hash"); }));
  EXPECT_FALSE(read([](Writer& w) { w.u8(1).short_string("a com").short_string("443").short_string("hash"); }));
}

TEST(ServerAddress, FirstFormKnowsTheOldServersOnions) {
  Writer writer;
  writer.short_string("smp4.simplex.im").short_string("").short_string("hash");
  Reader reader(writer.view());
  const auto server = read_first_form_server_address(reader).value();
  ASSERT_EQ(server.hosts.size(), 2);
  EXPECT_EQ(server.hosts[1].kind(), HostKind::onion);
}

TEST(ServerAddress, EveryCutIsAnErrorOrAnotherAddress) {
  const std::string text = "smp://" + std::string(hash) + ":pw@a.com,[::1]:443";
  for (std::size_t size = 0; size < text.size(); ++size) {
    if (const auto cut = parse_server_with_auth(text.substr(0, size))) {
      EXPECT_TRUE(parse_server_with_auth(format(*cut))) << size;
    }
  }
}

}  // namespace
}  // namespace simplex::protocol
