#include "simplex/server_kit/service_manager.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace simplex::server_kit {
namespace {

class Manager : public ::testing::Test {
 protected:
  void SetUp() override {
    descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name_ = "@simplex-service-manager-test-" + std::to_string(::getpid());
    std::memcpy(address.sun_path + 1, name_.data() + 1, name_.size() - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
    ASSERT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), size), 0);
  }
  void TearDown() override { ::close(descriptor_); }
  std::string heard() const {
    std::array<char, 512> octets{};
    const auto size = ::recv(descriptor_, octets.data(), octets.size(), MSG_DONTWAIT);
    return size < 0 ? "" : std::string(octets.data(), static_cast<std::size_t>(size));
  }

  int descriptor_ = -1;
  std::string name_;
};

TEST_F(Manager, HearsWhatTheServerDoes) {
  const ServiceManager manager(name_.c_str(), "30000000");
  manager.ready("serving");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=serving");
  manager.status("busy");
  EXPECT_EQ(heard(), "STATUS=busy");
  const SystemClock clock;
  manager.reloading(clock);
  EXPECT_TRUE(heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  manager.stopping();
  EXPECT_EQ(heard(), "STOPPING=1");
  manager.alive();
  EXPECT_EQ(heard(), "WATCHDOG=1");
  EXPECT_EQ(manager.watchdog_interval(), Duration(std::chrono::seconds(15)));
}

TEST_F(Manager, WithoutOneNothingIsTold) {
  for (const char* socket : {static_cast<const char*>(nullptr), "", "relative", "/nowhere/at/all"}) {
    const ServiceManager manager(socket, "x");
    manager.ready("serving");
    EXPECT_FALSE(manager.watchdog_interval());
  }
  EXPECT_FALSE(ServiceManager(name_.c_str(), "0").watchdog_interval());
  EXPECT_EQ(heard(), "");
}

}  // namespace
}  // namespace simplex::server_kit
