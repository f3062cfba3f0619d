#include "simplex/base/random.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <set>

namespace simplex {
namespace {

TEST(SystemRandom, NothingComesTwiceOverTheEndOfItsBuffer) {
  SystemRandom random;
  std::set<Bytes> seen;
  for (int i = 0; i < 2'000; ++i) EXPECT_TRUE(seen.insert(random.bytes(24)).second);
  EXPECT_TRUE(random.bytes(0).empty());
  EXPECT_NE(random.bytes(100'000), Bytes(100'000));
  for (const std::size_t size : {1U, 1'021U, 1'022U, 1'023U, 4'088U, 4'096U}) {
    EXPECT_NE(random.bytes(size + 16), random.bytes(size + 16));
  }
}

TEST(SystemRandom, AChildProcessDrawsItsOwn) {
  SystemRandom random;
  (void)random.bytes(16);  // there is a buffer now
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto drawn = random.bytes(32);
    const bool written = ::write(ends[1], drawn.data(), drawn.size()) == static_cast<ssize_t>(drawn.size());
    ::_exit(written ? 0 : 1);
  }
  Bytes childs(32);
  EXPECT_EQ(::read(ends[0], childs.data(), childs.size()), 32);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_NE(random.bytes(32), childs);
  EXPECT_NE(childs, Bytes(32));
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace simplex
