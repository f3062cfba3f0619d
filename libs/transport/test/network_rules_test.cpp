// Which hosts and addresses are connected to; no sockets.
#include "simplex/transport/network_rules.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace simplex::transport {
namespace {

bool is_public(const char* text) {
  Bytes octets(16);
  if (::inet_pton(AF_INET, text, octets.data()) == 1) {
    octets.resize(4);
  } else {
    EXPECT_EQ(::inet_pton(AF_INET6, text, octets.data()), 1) << text;
  }
  return is_public_address(octets);
}

TEST(NetworkRules, AddressesThatAreNotPublic) {
  for (const auto* text : {"0.0.0.0",
                           "0.1.2.3",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.1",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.9.9.9",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.7",
                           "192.88.99.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::127.0.0.1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.0.0.1",
                           "::ffff:192.168.0.1",
                           "::ffff:169.254.1.1",
                           "64:ff9b::127.0.0.1",
                           "64:ff9b::10.1.1.1",
                           "64:ff9b:1::1",
                           "100::1",
                           "2001::1",
                           "2001:10::1",
                           "2001:20::1",
                           "2001:db8::1",
                           "2002:7f00:1::1",
                           "2002:a00:1::1",
                           "3fff::1",
                           "4000::1",
                           "5f00::1",
                           "fc00::1",
                           "fd12:3456::1",
                           "fe80::1",
                           "fec0::1",
                           "ff02::1"}) {
    EXPECT_FALSE(is_public(text)) << text;
  }
}

TEST(NetworkRules, AddressesThatArePublic) {
  for (const auto* text :
       {"1.1.1.1",        "9.255.255.255",    "11.0.0.0",        "100.63.255.255",       "100.128.0.0",
        "126.0.0.1",      "128.0.0.1",        "169.253.0.1",     "172.15.0.1",           "172.32.0.1",
        "192.167.0.1",    "192.169.0.1",      "198.17.0.1",      "198.20.0.1",           "223.255.255.255",
        "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "2001:4860:4860::8888", "2606:4700::1111",
        "2a01:4f8::1",    "3ffe::1"}) {
    EXPECT_TRUE(is_public(text)) << text;
  }
  EXPECT_FALSE(is_public_address(Bytes(5, 8)));
  EXPECT_FALSE(is_public_address({}));
}

std::string chosen(NetworkRules rules, std::vector<std::string> hosts) {
  std::vector<Endpoint> endpoints;
  for (auto& host : hosts) endpoints.push_back({host, 5223});
  const auto made = choose_endpoints(rules, endpoints);
  if (!made) return std::string(name_of(made.error().kind));
  std::string all;
  for (const auto& each : *made) all += (all.empty() ? "" : " ") + each.host;
  return all;
}

TEST(NetworkRules, HostsAreChosenAsTheReferenceDoes) {
  const SocksProxy socks;
  const std::vector<std::string> both{"smp.example", "abc.onion"};
  EXPECT_EQ(chosen({}, both), "smp.example abc.onion");
  EXPECT_EQ(chosen({.host_mode = HostMode::public_hosts}, both), "smp.example");
  EXPECT_EQ(chosen({.host_mode = HostMode::onion}, both), "abc.onion");
  EXPECT_EQ(chosen({.host_mode = HostMode::onion_via_socks}, both), "smp.example");
  EXPECT_EQ(chosen({.host_mode = HostMode::onion_via_socks, .socks = socks}, both), "abc.onion");

  for (const bool required : {false, true}) {
    const std::string otherwise = required ? "unsupported" : "";
    const auto expect = [&](HostMode mode, const std::string& host, const std::string& fallback) {
      EXPECT_EQ(chosen({.host_mode = mode, .host_mode_required = required}, {host}), required ? otherwise : fallback);
    };
    expect(HostMode::public_hosts, "abc.onion", "abc.onion");
    expect(HostMode::onion, "smp.example", "smp.example");
  }
}

TEST(NetworkRules, WhatGoesThroughSocks) {
  const SocksProxy socks;
  EXPECT_FALSE(through_socks({}, "abc.onion"));
  EXPECT_TRUE(through_socks({.socks = socks}, "smp.example"));
  EXPECT_FALSE(through_socks({.socks = socks, .socks_mode = SocksMode::onion}, "smp.example"));
  EXPECT_TRUE(through_socks({.socks = socks, .socks_mode = SocksMode::onion}, "abc.onion"));
}

}  // namespace
}  // namespace simplex::transport
