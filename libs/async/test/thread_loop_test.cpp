#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <thread>
#include <vector>

#include "simplex/async/asio_access.hpp"
#include "simplex/async/loop.hpp"

namespace simplex::async {
namespace {

using namespace std::chrono_literals;

TEST(ThreadLoop, RunsPostedTasksInOrderAndNeverInsideTheCall) {
  const auto loop = make_thread_loop();
  std::vector<int> seen;
  loop->post([&] {
    loop->post([&] {
      seen.push_back(2);
      loop->stop();
    });
    seen.push_back(1);
  });
  loop->post([&] { seen.push_back(3); });
  EXPECT_TRUE(seen.empty());
  loop->run();
  EXPECT_EQ(seen, (std::vector{1, 3, 2}));
}

TEST(ThreadLoop, TasksOfEachOtherThreadRunInOrderOnTheLoopThread) {
  const auto loop = make_thread_loop();
  constexpr int threads = 4;
  constexpr int each = 2'000;
  std::vector<std::vector<int>> seen(threads);
  int total = 0;
  std::vector<std::thread> posters;
  for (int t = 0; t < threads; ++t) {
    posters.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        loop->post([&, t, i] {
          EXPECT_TRUE(loop->on_loop_thread());
          seen[static_cast<std::size_t>(t)].push_back(i);
          if (++total == threads * each) loop->stop();
        });
      }
      EXPECT_FALSE(loop->on_loop_thread());
    });
  }
  loop->run();
  for (auto& poster : posters) poster.join();
  for (const auto& one : seen) {
    ASSERT_EQ(one.size(), static_cast<std::size_t>(each));
    EXPECT_TRUE(std::is_sorted(one.begin(), one.end()));
  }
}

TEST(ThreadLoop, TheThreadThatMadeItMayPostWhileAnotherBeginsToRunIt) {
  for (int round = 0; round < 20; ++round) {
    const auto loop = make_thread_loop();
    std::vector<int> seen;
    std::thread runner([&] { loop->run(); });
    for (int i = 0; i < 100; ++i) loop->post([&seen, i] { seen.push_back(i); });
    loop->post([&] { loop->stop(); });
    runner.join();
    EXPECT_EQ(seen.size(), 100U);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  }
}

TEST(ThreadLoop, StopRunsWhatWasPostedBefore) {
  const auto loop = make_thread_loop();
  bool ran = false;
  loop->post([&] {
    loop->post([&] { ran = true; });
    loop->stop();
  });
  loop->run();
  EXPECT_TRUE(ran);
}

TEST(ThreadLoop, StopBeforeRunReturnsAndTheLoopRunsAgain) {
  const auto loop = make_thread_loop();
  int runs = 0;
  loop->post([&] { ++runs; });
  loop->stop();
  loop->run();
  EXPECT_EQ(runs, 1);
  loop->post([&] {
    ++runs;
    loop->stop();
  });
  loop->run();
  EXPECT_EQ(runs, 2);
}

TEST(ThreadLoop, TimersRunInTimeOrderAndNotBeforeTheirTime) {
  const auto loop = make_thread_loop();
  std::vector<int> seen;
  const auto start = loop->now();
  const auto late = loop->after(20ms, [&] {
    seen.push_back(20);
    loop->stop();
  });
  const auto early = loop->after(5ms, [&] { seen.push_back(5); });
  EXPECT_TRUE(late.armed());
  loop->run();
  EXPECT_EQ(seen, (std::vector{5, 20}));
  EXPECT_GE(loop->now() - start, 20ms);
}

TEST(ThreadLoop, ADroppedTimerDoesNotRunEvenWhenItsTimeHasCome) {
  const auto loop = make_thread_loop();
  bool ran = false;
  auto victim = loop->after(0ns, [&] { ran = true; });
  const auto killer = loop->after(-1ms, [&] { victim.cancel(); });
  const auto end = loop->after(2ms, [&] { loop->stop(); });
  loop->run();
  EXPECT_FALSE(ran);
  EXPECT_FALSE(victim.armed());
}

TEST(ThreadLoop, ATimerMayReplaceItselfInItsTask) {
  const auto loop = make_thread_loop();
  int rounds = 0;
  Timer timer;
  std::function<void()> again = [&] {
    if (++rounds == 3) return loop->stop();
    timer = loop->after(1ms, [&] { again(); });
  };
  timer = loop->after(1ms, [&] { again(); });
  loop->run();
  EXPECT_EQ(rounds, 3);
}

TEST(ThreadLoop, SignalsArriveOnTheLoop) {
  const auto loop = make_thread_loop();
  int got = 0;
  loop->on_signal(SIGHUP, [&] {
    EXPECT_TRUE(loop->on_loop_thread());
    if (++got == 2) return loop->stop();
    std::raise(SIGHUP);
  });
  loop->post([] { std::raise(SIGHUP); });
  loop->run();
  EXPECT_EQ(got, 2);
}

TEST(ThreadLoop, IsDestroyedWithTasksAndTimersOfDroppedOwnersPending) {
  struct PostsWhenDropped {
    Loop* loop;
    ~PostsWhenDropped() {
      loop->post([] { FAIL() << "ran a task of a destroyed loop"; });
    }
  };
  auto loop = make_thread_loop();
  loop->post([held = std::make_unique<PostsWhenDropped>(loop.get())] {});
  loop.reset();
}

TEST(ThreadLoop, GivesItsContextToTransport) {
  const auto loop = make_thread_loop();
  EXPECT_NE(asio_context_of(*loop), nullptr);
}

}  // namespace
}  // namespace simplex::async
