#include "simplex/async/workers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

namespace simplex::async {
namespace {

TEST(Workers, DoEachJobOnce) {
  for (const std::size_t threads : {0U, 1U, 3U}) {
    Workers workers(threads);
    for (std::size_t round = 0; round < 300; ++round) {
      std::vector<int> done(round % 9);
      workers.for_each(done.size(), [&](std::size_t i) { ++done[i]; });
      EXPECT_EQ(done, std::vector<int>(round % 9, 1));
    }
  }
}

TEST(Workers, WorkAtTheSameTime) {
  Workers workers(1);
  std::atomic<int> here = 0;
  // Each job ends when the other one has begun: alone, the first would wait for ever.
  workers.for_each(2, [&](std::size_t) {
    ++here;
    while (here < 2) std::this_thread::yield();
  });
  EXPECT_EQ(here, 2);
}

TEST(Workers, AreSharedByManyCallers) {
  Workers workers(2);
  std::atomic<std::size_t> sum = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) workers.for_each(5, [&](std::size_t i) { sum += i; });
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(sum, 4U * 200U * 10U);
}

}  // namespace
}  // namespace simplex::async
