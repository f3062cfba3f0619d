// Conversations of lines over loopback, and who tries to make them costly.
#include "simplex/server_kit/line_server.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "simplex/testing/run_until.hpp"

namespace simplex::server_kit {
namespace {

using namespace std::chrono_literals;
using testing::run_until;

// Answers with the line, some later; "quit" ends, "big" has a long answer.
class Echo final : public LineConversation {
 public:
  explicit Echo(async::Loop& loop) : loop_(loop) {}
  std::string greeting() override { return "hello\n"; }
  void receive(std::string_view line, Answer answer) override {
    if (line == "quit") return answer("bye\n", true);
    if (line == "big") return answer(std::string(100'000, 'x') + "\n", false);
    if (line.starts_with("later")) {
      timer_ = loop_.after(
          1ms, [answer = std::move(answer), text = std::string(line)]() mutable { answer(text + "\n", false); });
      return;
    }
    answer(std::string(line) + "\n", false);
  }

 private:
  async::Loop& loop_;
  async::Timer timer_;
};

class LineServers : public ::testing::Test {
 protected:
  struct Guest {
    std::unique_ptr<transport::Connector::Attempt> attempt;
    transport::ChannelPtr channel;
    std::string heard;
    bool closed = false;
  };
  void serve(LineServerSettings settings = {}) {
    settings.addresses = {{"127.0.0.1", 0}};
    server_ = LineServer::start(*loop_, std::move(settings), [this] { return std::make_unique<Echo>(*loop_); }).value();
  }
  std::unique_ptr<Guest> visit() {
    auto guest = std::make_unique<Guest>();
    guest->attempt = transport::connect_tcp(
        *loop_, {"127.0.0.1", server_->ports().at(0)}, 10s, [&guest = *guest](Result<transport::ChannelPtr> made) {
          guest.channel = std::move(made).value();
          guest.channel->start({.data = [&guest](BytesView octets) { guest.heard += as_text(octets); },
                                .closed = [&guest](const Error&) { guest.closed = true; },
                                .drained = {}});
        });
    EXPECT_TRUE(run_until(*loop_, [&] { return guest->channel != nullptr; }));
    return guest;
  }

  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  std::unique_ptr<LineServer> server_;
};

TEST_F(LineServers, LinesAreAnsweredInTheirOrder) {
  serve();
  const auto guest = visit();
  guest->channel->send(to_bytes("one\nlater two\nthree\r\nlater fo"));
  guest->channel->send(to_bytes("ur\nfive\nquit\nsix\n"));
  ASSERT_TRUE(run_until(*loop_, [&] { return guest->closed; }));
  EXPECT_EQ(guest->heard, "hello\none\nlater two\nthree\r\nlater four\nfive\nbye\n");
  EXPECT_TRUE(run_until(*loop_, [&] { return server_->counters().connections == 0; }));
}

TEST_F(LineServers, ALineWithoutEndEndsTheConnection) {
  serve({.addresses = {}, .line_octets = 1'000});
  const auto guest = visit();
  guest->channel->send(to_bytes(std::string(2'000, 'a')));
  ASSERT_TRUE(run_until(*loop_, [&] { return guest->closed; }));
  EXPECT_EQ(guest->heard, "hello\nerror: the line is too long\n");
  EXPECT_EQ(server_->counters().too_long, 1U);
}

TEST_F(LineServers, OneConnectionTooManyIsClosed) {
  serve({.addresses = {}, .connections = 2});
  const auto first = visit();
  const auto second = visit();
  ASSERT_TRUE(run_until(*loop_, [&] { return second->heard == "hello\n"; }));
  const auto third = visit();
  ASSERT_TRUE(run_until(*loop_, [&] { return third->closed; }));
  EXPECT_EQ(server_->counters().refused, 1U);
  EXPECT_FALSE(first->closed);
}

TEST_F(LineServers, AThousandConnectionsLeaveThoseThatAreThereAlone) {
  serve();
  const auto first = visit();
  ASSERT_TRUE(run_until(*loop_, [&] { return first->heard == "hello\n"; }));
  std::vector<std::unique_ptr<Guest>> crowd;
  for (int i = 0; i < 1'000; ++i) {
    crowd.push_back(visit());
    if (!crowd.back()->closed) crowd.back()->channel->send(to_bytes("a line without its end"));
  }
  ASSERT_TRUE(run_until(*loop_, [&] { return server_->counters().refused == 1'000 - 15; }));
  EXPECT_EQ(server_->counters().connections, 16U);
  EXPECT_TRUE(run_until(*loop_, [&] {
    return std::ranges::count_if(crowd, [](const auto& each) { return each->closed; }) == 1'000 - 15;
  }));
  first->channel->send(to_bytes("still there\n"));
  EXPECT_TRUE(run_until(*loop_, [&] { return first->heard == "hello\nstill there\n"; }));
  crowd.clear();
  ASSERT_TRUE(run_until(*loop_, [&] { return server_->counters().connections == 1; }));
  const auto next = visit();
  EXPECT_TRUE(run_until(*loop_, [&] { return next->heard == "hello\n"; }));
}

TEST_F(LineServers, WhoAsksAndDoesNotReadIsNotServed) {
  serve();
  const auto guest = visit();
  ASSERT_TRUE(run_until(*loop_, [&] { return guest->heard == "hello\n"; }));
  guest->channel->pause_reading();
  std::string asks;
  for (int i = 0; i < 1'000; ++i) asks += "big\n";
  guest->channel->send(to_bytes(asks));
  // 100 MB of answers are asked for, and others are served meanwhile.
  const auto other = visit();
  other->channel->send(to_bytes("still there\n"));
  EXPECT_TRUE(run_until(*loop_, [&] { return other->heard == "hello\nstill there\n"; }));
  guest->channel->resume_reading();
  EXPECT_TRUE(run_until(*loop_, [&] { return guest->heard.size() == 6 + 1'000 * 100'001; }));
}

TEST_F(LineServers, SilenceEndsTheConnection) {
  serve({.addresses = {}, .idle_timeout = 10ms});
  const auto guest = visit();
  EXPECT_TRUE(run_until(*loop_, [&] { return guest->closed; }));
  EXPECT_EQ(server_->counters().idle, 1U);
}

}  // namespace
}  // namespace simplex::server_kit
