#include "backoff.hpp"

#include <gtest/gtest.h>

#include <map>

#include "simplex/testing/random.hpp"

namespace simplex::agent {
namespace {

using std::chrono::seconds;

TEST(BackoffTest, WaitsEvenlyThenLongerUpToTheMaximum) {
  testing::SeededRandom random(1);
  Backoff backoff({seconds(2), seconds(10), seconds(12)});
  std::vector<double> waited;
  for (int i = 0; i < 12; ++i) {
    waited.push_back(std::chrono::duration<double>(backoff.next(random)).count());
  }
  const double expected[] = {2, 2, 2, 2, 2, 3, 4.5, 6.75, 10.125, 12, 12, 12};
  for (std::size_t i = 0; i < waited.size(); ++i) {
    EXPECT_GE(waited[i], expected[i]);
    EXPECT_LE(waited[i], expected[i] * 1.1);
  }
  backoff.reset();
  EXPECT_LE(backoff.next(random), seconds(3));
}

// A relay was away, and all its clients learn of it at the same instant.
TEST(BackoffTest, ManyDoNotComeBackAtOnce) {
  testing::SeededRandom random(1);
  constexpr int agents = 10'000;
  for (int attempt = 0; attempt < 2; ++attempt) {
    std::map<std::int64_t, int> in_tenths;  // of a second
    for (int i = 0; i < agents; ++i) {
      Backoff backoff({seconds(2), seconds(10), seconds(12)});
      auto pause = backoff.next_spread(random);
      EXPECT_GE(pause, seconds(1));
      EXPECT_LE(pause, seconds(3));
      if (attempt == 1) pause += backoff.next_spread(random);
      ++in_tenths[pause / std::chrono::milliseconds(100)];
    }
    for (const auto& [tenth, count] : in_tenths) EXPECT_LT(count, agents / 15) << tenth;
  }
}

}  // namespace
}  // namespace simplex::agent
