// A relay on sockets, as whoever watches over it sees it.
#include <gtest/gtest.h>

#include "simplex/smp/server/server.hpp"
#include "simplex/testing/run_until.hpp"
#include "simplex/transport/tls.hpp"

namespace simplex::smp::server {
namespace {

using namespace std::chrono_literals;

class WatchedServer : public ::testing::Test {
 protected:
  void start(ServerSettings settings = {}) {
    settings.addresses = {{"127.0.0.1", 0}};
    settings.threads = 2;
    settings.node.credentials = credentials_.clone();
    server_ = Server::start(std::move(settings), logger_).value();
  }
  template <class F>
  [[nodiscard]] bool run_until(F&& holds) {
    return testing::run_until(*loop_, holds);
  }
  RelayStatus status() {
    std::optional<RelayStatus> got;
    server_->status(*loop_, [&](const RelayStatus& now) { got = now; });
    EXPECT_TRUE(run_until([&] { return got.has_value(); }));
    return got.value_or(RelayStatus());
  }
  bool connects_to(const transport::KeyHash& identity) {
    const auto connector = transport::make_tls_connector();
    std::optional<Result<transport::ChannelPtr>> made;
    const auto attempt = connector->connect(*loop_, {{{"127.0.0.1", server_->ports().at(0)}}, identity, {"smp/1"}, 10s},
                                            [&](Result<transport::ChannelPtr> channel) { made = std::move(channel); });
    EXPECT_TRUE(run_until([&] { return made.has_value(); }));
    return made && made->has_value();
  }

  NullLogger logger_;
  SystemRandom random_;
  SystemClock clock_;
  transport::ServerCredentials credentials_ =
      transport::make_credentials(transport::SignatureAlgorithm::ed25519, clock_.wall(), random_);
  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  std::unique_ptr<Server> server_;
};

TEST_F(WatchedServer, AFloodFromOneAddressIsRefusedAndCounted) {
  ServerSettings settings;
  settings.address_limits = {.connections = 5, .connections_per_minute = 0};
  start(std::move(settings));
  std::vector<std::unique_ptr<transport::Connector::Attempt>> attempts;
  std::vector<transport::ChannelPtr> flood;
  for (int i = 0; i < 40; ++i) {
    attempts.push_back(transport::connect_tcp(*loop_, {"127.0.0.1", server_->ports().at(0)}, 10s,
                                              [&](Result<transport::ChannelPtr> channel) {
                                                if (channel) flood.push_back(std::move(*channel));
                                              }));
  }
  ASSERT_TRUE(run_until([&] { return flood.size() == 40; }));
  RelayStatus now;
  do {
    now = status();
  } while (now.tls.connections < 40);
  EXPECT_EQ(now.threads, 2U);
  EXPECT_EQ(now.addresses.refused_number, 35U);
  EXPECT_EQ(now.addresses.connections, 5U);
  EXPECT_EQ(now.tls.not_admitted, 35U);
  ASSERT_EQ(now.ports.size(), 1U);
  EXPECT_EQ(now.ports[0].port, server_->ports()[0]);
  EXPECT_EQ(now.ports[0].accepted, 40U);
  EXPECT_EQ(now.ports[0].active(), 5U);
  // When they are gone, there is room again.
  flood.clear();
  while (status().addresses.connections > 0) continue;
  EXPECT_TRUE(connects_to(credentials_.identity));
}

TEST_F(WatchedServer, RenewedCertificatesAreShownWithoutARestart) {
  start();
  EXPECT_TRUE(connects_to(credentials_.identity));
  const auto other = transport::make_credentials(transport::SignatureAlgorithm::ed448, clock_.wall(), random_);
  server_->use(other);
  (void)status();  // after it on each thread
  EXPECT_TRUE(connects_to(other.identity));
  EXPECT_FALSE(connects_to(credentials_.identity));
}

TEST_F(WatchedServer, TheEndIsToldToo) {
  ServerSettings settings;
  settings.active.all[static_cast<std::size_t>(Period::month)] = {1, 2, 3};
  start(std::move(settings));
  EXPECT_TRUE(connects_to(credentials_.identity));
  std::optional<ActiveHashes> active;
  server_->active_queues(*loop_, [&](ActiveHashes all) { active = std::move(all); });
  ASSERT_TRUE(run_until([&] { return active.has_value(); }));
  EXPECT_EQ(active->all[static_cast<std::size_t>(Period::month)].size(), 3U);
  EXPECT_EQ(status().active.month, 3U);
  ASSERT_TRUE(server_->stop());
  EXPECT_EQ(server_->last().status.active, (PeriodCounts{0, 0, 3}));
  EXPECT_GE(server_->last().status.tls.connections, 1U);
  EXPECT_EQ(server_->last().active.all[static_cast<std::size_t>(Period::month)].size(), 3U);
}

}  // namespace
}  // namespace simplex::smp::server
