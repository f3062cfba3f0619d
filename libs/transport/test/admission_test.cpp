// Who floods a relay from one address is kept out, and others are not.
#include "simplex/transport/admission.hpp"

#include "simplex/transport/tls.hpp"
#include "raw_client.hpp"
#include "support.hpp"

namespace simplex::transport {
namespace {

Bytes v4(std::uint8_t last) { return {198, 51, 100, last}; }
Bytes v6(std::uint8_t network, std::uint8_t last) {
  Bytes made(16, 0);
  made[0] = 0x20;
  made[7] = network;
  made[15] = last;
  return made;
}

class Bounds : public ::testing::Test {
 protected:
  std::shared_ptr<AddressBounds> make(AddressLimits limits) {
    return AddressBounds::make(std::move(limits), clock_, random_);
  }
  struct TestClock final : Clock {
    Instant now() const override { return at; }
    WallTime wall() const override { return {}; }
    Instant at;
  };
  TestClock clock_;
  testing::SeededRandom random_{7};
};

TEST_F(Bounds, OneAddressHasItsNumberOfConnectionsAndOthersHaveTheirs) {
  const auto bounds = make({.connections = 3, .connections_per_minute = 0});
  std::vector<std::unique_ptr<Admission::Place>> held;
  for (int i = 0; i < 3; ++i) held.push_back(bounds->admit(v4(1)));
  EXPECT_EQ(bounds->admit(v4(1)), nullptr);
  EXPECT_NE(bounds->admit(v4(2)), nullptr);
  EXPECT_EQ(bounds->counters().connections, 3U);
  EXPECT_EQ(bounds->counters().addresses, 1U);
  EXPECT_EQ(bounds->counters().most, 3U);
  EXPECT_EQ(bounds->counters().refused_number, 1U);
  held.pop_back();
  EXPECT_NE(bounds->admit(v4(1)), nullptr);
  held.clear();
  EXPECT_EQ(bounds->counters().addresses, 0U);  // nothing is left of an address
}

TEST_F(Bounds, AnIpv6NetworkCountsAsOneAddress) {
  const auto bounds = make({.connections = 2, .connections_per_minute = 0});
  const auto first = bounds->admit(v6(1, 1));
  const auto second = bounds->admit(v6(1, 2));
  EXPECT_EQ(bounds->admit(v6(1, 3)), nullptr);
  EXPECT_NE(bounds->admit(v6(2, 1)), nullptr);
}

TEST_F(Bounds, ConnectionsThatComeAndGoAreBoundedInAMinute) {
  const auto bounds = make({.connections = 0, .connections_per_minute = 5});
  for (int i = 0; i < 5; ++i) EXPECT_NE(bounds->admit(v4(1)), nullptr);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(bounds->admit(v4(1)), nullptr);
  EXPECT_NE(bounds->admit(v4(2)), nullptr);
  EXPECT_EQ(bounds->counters().refused_rate, 100U);
  clock_.at += 61s;
  EXPECT_NE(bounds->admit(v4(1)), nullptr);
}

TEST_F(Bounds, ExemptAddressesDoNotCount) {
  AddressLimits limits{.connections = 1, .connections_per_minute = 1};
  for (const auto* range : {"198.51.100.0/30", "::1"}) limits.exempt.push_back(AddressRange::parse(range).value());
  const auto bounds = make(std::move(limits));
  std::vector<std::unique_ptr<Admission::Place>> held;
  for (int i = 0; i < 10; ++i) held.push_back(bounds->admit(v4(3)));
  Bytes loopback(16, 0);
  loopback[15] = 1;
  for (int i = 0; i < 10; ++i) held.push_back(bounds->admit(loopback));
  EXPECT_EQ(std::ranges::count_if(held, [](const auto& place) { return place == nullptr; }), 0);
  EXPECT_NE(bounds->admit(v4(4)), nullptr);
  EXPECT_EQ(bounds->admit(v4(4)), nullptr);
}

TEST(AddressRange, IsReadWithOrWithoutBits) {
  EXPECT_TRUE(AddressRange::parse("10.0.0.0/8")->contains(Bytes{10, 200, 3, 4}));
  EXPECT_FALSE(AddressRange::parse("10.0.0.0/8")->contains(Bytes{11, 0, 0, 0}));
  EXPECT_TRUE(AddressRange::parse("10.0.0.128/25")->contains(Bytes{10, 0, 0, 129}));
  EXPECT_FALSE(AddressRange::parse("10.0.0.128/25")->contains(Bytes{10, 0, 0, 127}));
  EXPECT_FALSE(AddressRange::parse("fd00::/8")->contains(Bytes{0xfd, 0, 0, 0}));
  for (const auto* wrong : {"", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "::1/129", "10.0.0/8/8"}) {
    EXPECT_FALSE(AddressRange::parse(wrong)) << wrong;
  }
}

TEST(AdmissionOfListener, AFloodOfOneAddressIsClosedBeforeTls) {
  auto loop = async::make_thread_loop();
  testing::SeededRandom random(3);
  const auto bounds = AddressBounds::make({.connections = 4, .connections_per_minute = 0}, *loop, random);
  ListenSettings settings;
  settings.addresses = {{"127.0.0.1", 0}};
  settings.admission = bounds;
  std::size_t refused = 0;
  auto listener = listen_tls(*loop, test_credentials(), std::move(settings),
                             {.accepted = [](ChannelPtr) {}, .refused = [&](const Error&) { ++refused; }})
                      .value();
  std::vector<std::unique_ptr<RawSocket>> flood;
  for (int i = 0; i < 50; ++i) flood.push_back(std::make_unique<RawSocket>(listener->ports().at(0)));
  ASSERT_TRUE(run_until(*loop, [&] { return listener->counters().connections == 50; }));
  EXPECT_EQ(listener->counters().not_admitted, 46U);
  EXPECT_EQ(listener->counters().handshakes, 4U);
  EXPECT_EQ(refused, 46U);
  EXPECT_EQ(bounds->counters().connections, 4U);
  flood.clear();
  ASSERT_TRUE(run_until(*loop, [&] { return bounds->counters().connections == 0; }));
  const RawSocket next(listener->ports().at(0));
  EXPECT_TRUE(run_until(*loop, [&] { return bounds->counters().connections == 1; }));
}

TEST(AdmissionOfListener, NewConnectionsSeeNewCredentials) {
  auto loop = async::make_thread_loop();
  testing::SeededRandom random(11);
  const auto renewed = make_credentials(SignatureAlgorithm::ed448, SystemClock().wall(), random);
  ListenSettings settings;
  settings.addresses = {{"127.0.0.1", 0}};
  std::vector<ChannelPtr> accepted;
  auto listener =
      listen_tls(*loop, test_credentials(), std::move(settings),
                 {.accepted = [&](ChannelPtr channel) { accepted.push_back(std::move(channel)); }, .refused = {}})
          .value();
  const auto connector = make_tls_connector();
  const auto connects_to = [&](const KeyHash& identity) {
    std::optional<Result<ChannelPtr>> result;
    const auto attempt = connector->connect(*loop, {{{"127.0.0.1", listener->ports().at(0)}}, identity, {"smp/1"}, 10s},
                                            [&](Result<ChannelPtr> made) { result = std::move(made); });
    EXPECT_TRUE(run_until(*loop, [&] { return result.has_value(); }));
    return result && result->has_value();
  };
  EXPECT_TRUE(connects_to(test_credentials().identity));
  listener->use_credentials(renewed);
  EXPECT_FALSE(connects_to(test_credentials().identity));
  EXPECT_TRUE(connects_to(renewed.identity));
}

}  // namespace
}  // namespace simplex::transport
