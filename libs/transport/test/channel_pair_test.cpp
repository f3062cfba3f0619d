#include "simplex/transport/channel_pair.hpp"

#include <thread>

#include "support.hpp"

namespace simplex::transport {
namespace {

struct Party {
  ChannelPtr channel;
  std::string received;
  std::optional<Error> closed;
  int drained = 0;

  Channel::Handlers handlers() {
    return {.data = [this](BytesView octets) { received += as_text(octets); },
            .closed = [this](Error error) { closed = std::move(error); },
            .drained = [this] { ++drained; }};
  }
};

class Pipe : public ::testing::Test {
 protected:
  Pipe() {
    std::tie(a_.channel, b_.channel) = make_channel_pair(*loop_, *loop_, {SessionId(Bytes(32, 1)), "smp/1", {}}, {});
  }
  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  Party a_;
  Party b_;
};

TEST_F(Pipe, CarriesOctetsBothWaysAndTheEnd) {
  a_.channel->start(a_.handlers());
  a_.channel->send(to_bytes("to b"));
  b_.channel->send(to_bytes("to a"));
  EXPECT_TRUE(b_.received.empty());
  b_.channel->start(b_.handlers());
  EXPECT_EQ(a_.channel->pending(), 4U);
  ASSERT_TRUE(run_until(*loop_, [&] { return a_.received == "to a" && b_.received == "to b"; }));
  EXPECT_EQ(a_.channel->pending(), 0U);
  EXPECT_EQ(a_.drained, 1);

  a_.channel->send(to_bytes(", last words"));
  a_.channel->close();
  a_.channel->send(to_bytes("lost"));
  ASSERT_TRUE(run_until(*loop_, [&] { return b_.closed.has_value(); }));
  EXPECT_EQ(b_.received, "to b, last words");
  EXPECT_FALSE(a_.closed);
  EXPECT_EQ(a_.channel->info().alpn, "smp/1");
}

TEST_F(Pipe, PausedReadingIsSeenByTheSenderAsPending) {
  b_.channel->start(b_.handlers());
  b_.channel->pause_reading();
  a_.channel->send(Bytes(100, 'x'));
  bool later = false;
  const auto timer = loop_->after(5ms, [&] { later = true; });
  ASSERT_TRUE(run_until(*loop_, [&] { return later; }));
  EXPECT_TRUE(b_.received.empty());
  EXPECT_EQ(a_.channel->pending(), 100U);
  b_.channel->resume_reading();
  ASSERT_TRUE(run_until(*loop_, [&] { return a_.channel->pending() == 0; }));
  EXPECT_EQ(b_.received.size(), 100U);
}

TEST_F(Pipe, AnEndMayBeDroppedInItsOwnCallbacks) {
  a_.channel->start(a_.handlers());
  b_.channel->start({.data = [&](BytesView) { b_.channel.reset(); }, .closed = {}, .drained = {}});
  a_.channel->send(to_bytes("1"));
  a_.channel->send(to_bytes("2"));
  ASSERT_TRUE(run_until(*loop_, [&] { return a_.closed.has_value(); }));
  EXPECT_FALSE(b_.channel);
}

TEST_F(Pipe, JoinsTwoThreads) {
  const auto other = async::make_thread_loop();
  auto [here, there] = make_channel_pair(*loop_, *other, {}, {});
  std::size_t echoed = 0;
  std::thread thread([&other, end = std::move(there)]() mutable {
    ChannelPtr channel = std::move(end);
    other->post([&] {
      channel->start({.data = [&](BytesView octets) { channel->send(to_bytes(octets)); },
                      .closed =
                          [&](Error) {
                            channel.reset();
                            other->stop();
                          },
                      .drained = {}});
    });
    other->run();
  });
  here->start({.data = [&](BytesView octets) { echoed += octets.size(); }, .closed = {}, .drained = {}});
  for (int i = 0; i < 100; ++i) here->send(Bytes(1'000));
  EXPECT_TRUE(run_until(*loop_, [&] { return echoed == 100'000; }));
  here.reset();
  thread.join();
}

}  // namespace
}  // namespace simplex::transport
