#include "simplex/world/network.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "simplex/testing/vectors.hpp"

namespace simplex::world {
namespace {

using namespace std::chrono_literals;
using testing::pattern;
using transport::ChannelPtr;

// One end of a connection and what its handlers saw.
struct Person {
  ChannelPtr channel;
  Bytes received;
  std::vector<std::string> ends;
  int drained = 0;

  void take(ChannelPtr given) {
    channel = std::move(given);
    channel->start({.data = [this](BytesView octets) { append(received, octets); },
                    .closed = [this](const Error& error) { ends.push_back(error.message); },
                    .drained = [this] { ++drained; }});
  }
};

class NetworkTest : public ::testing::Test {
 protected:
  NetworkTest() { host_identity_.key_hash = *transport::KeyHash::from(Bytes(32, 7)); }

  void listen() {
    listener_ = network_.listen(*host_loop_, "relay", host_identity_,
                                [this](ChannelPtr channel) { host_.take(std::move(channel)); });
  }
  void connect(std::uint8_t hash = 7) {
    transport::ConnectOptions options;
    options.endpoints = {{.host = "relay"}};
    options.identity = *transport::KeyHash::from(Bytes(32, hash));
    attempt_ = connector_->connect(*client_loop_, std::move(options), [this](Result<ChannelPtr> result) {
      if (result) {
        client_.take(std::move(*result));
      } else {
        error_ = result.error();
      }
    });
  }
  void connect_both() {
    listen();
    connect();
    ASSERT_TRUE(time_.run_until([&] { return client_.channel && host_.channel; }, 1min));
  }

  Scheduler time_;
  std::unique_ptr<SimLoop> client_loop_ = std::make_unique<SimLoop>(time_);
  std::unique_ptr<SimLoop> host_loop_ = std::make_unique<SimLoop>(time_);
  SimNetwork network_{time_, 1};
  ServerIdentity host_identity_;
  std::unique_ptr<SimNetwork::Listener> listener_;
  std::unique_ptr<transport::Connector> connector_ = network_.connector("alice");
  std::unique_ptr<transport::Connector::Attempt> attempt_;
  Person client_;
  Person host_;
  std::optional<Error> error_;
};

TEST_F(NetworkTest, CarriesOctetsInOrderBothWays) {
  connect_both();
  EXPECT_EQ(client_.channel->info().session_id, host_.channel->info().session_id);
  EXPECT_EQ(client_.channel->info().alpn, "smp/1");
  const Bytes large = pattern(1'000'000);
  client_.channel->send(large);
  host_.channel->send(pattern(100));
  EXPECT_EQ(client_.channel->pending(), large.size());
  EXPECT_TRUE(host_.received.empty()) << "nothing arrives inside a call";
  ASSERT_TRUE(time_.run_until([&] { return host_.received.size() == large.size(); }, 1min));
  EXPECT_EQ(host_.received, large);
  EXPECT_EQ(client_.received, pattern(100));
  EXPECT_EQ(client_.channel->pending(), 0U);
  EXPECT_GE(client_.drained, 1);
}

TEST_F(NetworkTest, PausedReaderHoldsTheSenderBack) {
  connect_both();
  host_.channel->pause_reading();
  client_.channel->send(pattern(1'000'000));
  time_.advance(1min);
  EXPECT_TRUE(host_.received.empty());
  EXPECT_GT(client_.channel->pending(), 500'000U);
  host_.channel->resume_reading();
  time_.advance(1min);
  EXPECT_EQ(host_.received, pattern(1'000'000));
}

TEST_F(NetworkTest, CloseSendsWhatIsQueuedAndTellsTheOtherSideOnce) {
  connect_both();
  client_.channel->send(pattern(50'000));
  client_.channel->close();
  client_.channel.reset();
  time_.advance(1min);
  EXPECT_EQ(host_.received, pattern(50'000));
  EXPECT_EQ(host_.ends.size(), 1U);
  EXPECT_TRUE(client_.ends.empty());
}

TEST_F(NetworkTest, KilledPartyFallsSilentAndItsPeerLearnsIt) {
  connect_both();
  host_.channel->send(pattern(10));
  client_.channel.reset();
  client_loop_.reset();
  time_.advance(1min);
  EXPECT_TRUE(client_.received.empty());
  EXPECT_EQ(host_.ends.size(), 1U);
}

TEST_F(NetworkTest, LostConnectionEndsOnBothSides) {
  connect_both();
  network_.lose_connections("alice", "relay");
  time_.advance(1min);
  EXPECT_EQ(client_.ends.size(), 1U);
  EXPECT_EQ(host_.ends.size(), 1U);
  EXPECT_EQ(network_.open_connections(), 0U);
}

TEST_F(NetworkTest, CutHoldsDataUntilItIsRestored) {
  connect_both();
  network_.cut("alice", "relay");
  client_.channel->send(pattern(10));
  time_.advance(1min);
  EXPECT_TRUE(host_.received.empty());
  EXPECT_TRUE(client_.ends.empty());
  network_.restore("alice", "relay");
  time_.advance(1min);
  EXPECT_EQ(host_.received, pattern(10));
  EXPECT_TRUE(client_.ends.empty());

  network_.cut("alice", "relay");
  client_.channel->send(pattern(10));
  time_.advance(2min);
  EXPECT_EQ(host_.received, pattern(10));
  EXPECT_EQ(client_.ends.size(), 1U);
  EXPECT_EQ(host_.ends.size(), 1U);
}

TEST_F(NetworkTest, ConnectingFailsWithTheReason) {
  connect();
  time_.advance(1s);
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->kind, ErrorKind::network);

  error_.reset();
  listen();
  connect(8);
  time_.advance(1s);
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->kind, ErrorKind::authentication);

  error_.reset();
  network_.cut("", "relay");
  connect();
  time_.advance(44s);
  EXPECT_FALSE(error_);
  time_.advance(2s);
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->kind, ErrorKind::timeout);
}

TEST_F(NetworkTest, DroppedAttemptIsSilent) {
  listen();
  connect();
  attempt_.reset();
  time_.advance(1min);
  EXPECT_FALSE(error_);
  EXPECT_FALSE(client_.channel);
}

TEST(SchedulerTest, RunsTasksInOrderOfTimeAndTimersAreCancelled) {
  Scheduler time;
  SimLoop loop(time);
  std::string seen;
  loop.post([&] { seen += "a"; });
  async::Timer later = loop.after(2s, [&] { seen += "d"; });
  async::Timer never = loop.after(1s, [&] { seen += "x"; });
  async::Timer sooner = loop.after(1s, [&] { seen += "c"; });
  loop.post([&] { seen += "b"; });
  never.cancel();
  EXPECT_EQ(seen, "");
  time.advance(1s);
  EXPECT_EQ(seen, "abc");
  time.advance(1s);
  EXPECT_EQ(seen, "abcd");
}

TEST(SchedulerTest, TasksOfADestroyedLoopNeverRun) {
  Scheduler time;
  bool ran = false;
  async::Timer timer;
  {
    SimLoop loop(time);
    loop.post([&] { ran = true; });
    timer = loop.after(1s, [&] { ran = true; });
  }
  time.advance(1min);
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace simplex::world
