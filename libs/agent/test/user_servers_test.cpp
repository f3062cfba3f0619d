#include "user_servers.hpp"

#include <gtest/gtest.h>

#include <set>

#include "simplex/testing/random.hpp"

namespace simplex::agent {
namespace {

std::string at(std::string_view host) {
  return "smp://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=@" + std::string(host);
}
protocol::ServerAddress address(std::string_view host) { return *protocol::parse_server_address(at(host)); }

class UserServersTest : public ::testing::Test {
 protected:
  void use(const std::vector<UserServer>& list) { servers_.set(user_, *read_servers(list)); }
  // All that could be picked.
  std::set<std::string> storage(const UserServers::Wish& wish) {
    return all([&] { return servers_.pick_storage(user_, wish, random_); });
  }
  std::set<std::string> proxies(std::string_view destination, std::string_view failed = {}) {
    return all([&] { return servers_.pick_proxy(user_, address(destination), failed, random_); });
  }
  static std::set<std::string> all(const std::function<const OwnServer*()>& pick) {
    std::set<std::string> names;
    for (int i = 0; i < 100; ++i) {
      if (const auto* picked = pick()) names.insert(picked->name.substr(picked->name.find('@') + 1));
    }
    return names;
  }
  using Names = std::set<std::string>;

  testing::SeededRandom random_{1};
  UserId user_{1};
  UserServers servers_{{}};
  OperatorId one_{1};
  OperatorId two_{2};
};

TEST_F(UserServersTest, RolesAreKept) {
  use({{at("a"), one_, true, false}, {at("b"), one_, false, true}, {at("c"), one_, false, false}});
  EXPECT_EQ(storage({}), Names{"a"});
  EXPECT_EQ(proxies("x"), Names{"b"});
  use({});
  EXPECT_EQ(storage({}), Names{});
  EXPECT_EQ(proxies("x"), Names{});
}

TEST_F(UserServersTest, AnotherOperatorThanThatOfThePeer) {
  use({{at("a"), one_}, {at("b"), one_}, {at("c"), two_}});
  EXPECT_EQ(storage({}), (Names{"a", "b", "c"}));
  EXPECT_EQ(storage({.used = {address("a")}, .excluded = {}, .failed = {}}), Names{"c"});
  EXPECT_EQ(storage({.used = {address("c")}, .excluded = {}, .failed = {}}), (Names{"a", "b"}));
  EXPECT_EQ(storage({.used = {address("a"), address("c")}, .excluded = {}, .failed = {}}), Names{"b"});
  EXPECT_EQ(storage({.used = {address("stranger")}, .excluded = {}, .failed = {}}), (Names{"a", "b", "c"}));
  const auto failed = at("c");
  EXPECT_EQ(storage({.used = {address("a")}, .excluded = {}, .failed = failed}), Names{"b"});
}

TEST_F(UserServersTest, AProxyIsNeverTheDestination) {
  use({{at("a"), one_}, {at("b"), one_}, {at("c"), two_}});
  EXPECT_EQ(proxies("a"), Names{"c"});
  EXPECT_EQ(proxies("a", at("c")), Names{"b"});
  EXPECT_EQ(proxies("a,b.onion"), Names{"c"});
  use({{at("a"), one_}});
  EXPECT_EQ(proxies("a"), Names{});
  EXPECT_EQ(proxies("a:5223"), Names{});
  EXPECT_EQ(proxies("b,a"), Names{}) << "one host is enough";
  EXPECT_EQ(proxies("a:5224"), Names{"a"});
  EXPECT_EQ(proxies("x", at("a")), Names{"a"}) << "one that failed is better than none";
}

TEST_F(UserServersTest, UsersHaveListsOfTheirOwn) {
  use({{at("a"), std::nullopt}});
  EXPECT_TRUE(servers_.knows(user_, address("a")));
  EXPECT_FALSE(servers_.knows(user_, address("b")));
  EXPECT_FALSE(servers_.knows(UserId(2), address("a")));
  EXPECT_EQ(servers_.pick_storage(UserId(2), {}, random_), nullptr);
}

TEST_F(UserServersTest, WhatIsWrongIsSaid) {
  EXPECT_FALSE(read_servers(std::vector<UserServer>{{"xftp://AAAA@a"}}));
  EXPECT_FALSE(read_servers(std::vector<UserServer>{{"smp://AAAA@a"}}));
  EXPECT_FALSE(read_servers(std::vector<UserServer>{{at("a")}, {"nonsense"}}));
}

}  // namespace
}  // namespace simplex::agent
