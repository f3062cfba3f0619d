#include "backoff.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace simplex::agent
