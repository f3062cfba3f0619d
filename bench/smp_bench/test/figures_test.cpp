// What smp-bench reads of processes, and what it makes of times.
#include <gmock/gmock.h>
#include <unistd.h>

#include <map>

#include "report.hpp"

namespace simplex::bench {
namespace {

using namespace std::chrono_literals;

TEST(HistogramTest, PercentilesOfEvenTimesAreExactToATenthOfAPercent) {
  Histogram times;
  for (int i = 1; i <= 100'000; ++i) times.add(Duration(i * 1'000));
  for (const double share : {0.5, 0.9, 0.99, 0.999}) {
    const double exact = share * 1e8;
    EXPECT_NEAR(static_cast<double>(times.percentile(share).count()), exact, 0.001 * exact) << share;
  }
  EXPECT_EQ(times.max(), 100ms);
  EXPECT_EQ(times.percentile(1), times.max());
}

// Wherever in its slot a time lies.
TEST(HistogramTest, EachTimeIsKeptToWithinHalfAPercent) {
  for (std::int64_t time = 200; time < 1'000'000'000'000; time = time * 1'003 / 1'000 + 1) {
    Histogram times;
    times.add(Duration(time));
    times.add(Duration(time));
    times.add(Duration::max());  // the longest is always exact: not what is asked for here
    EXPECT_NEAR(static_cast<double>(times.percentile(0.5).count()), static_cast<double>(time),
                0.004 * static_cast<double>(time));
  }
}

TEST(HistogramTest, NoPercentileIsLongerThanTheLongestTime) {
  Histogram times;
  for (int i = 0; i < 1'000; ++i) times.add(Duration(1'048'577));
  for (const double share : {0.0, 0.5, 0.99, 0.999, 1.0}) EXPECT_LE(times.percentile(share), times.max()) << share;
}

TEST(HistogramTest, TheSmallestAndTheLargestTimesHaveAPlace) {
  Histogram times;
  times.add(Duration(-5));
  times.add(Duration::zero());
  times.add(Duration(255));
  times.add(Duration::max());
  EXPECT_EQ(times.count(), 4U);
  EXPECT_EQ(times.percentile(0), Duration::zero());
  EXPECT_EQ(times.max(), Duration::max());
  EXPECT_EQ(times.percentile(1), Duration::max());
}

TEST(HistogramTest, OfNothingIsZero) { EXPECT_EQ(Histogram().percentile(0.99), Duration::zero()); }

TEST(HistogramTest, TwoAreAdded) {
  Histogram a;
  Histogram b;
  a.add(1ms);
  b.add(3ms);
  a.add(b);
  EXPECT_EQ(a.count(), 2U);
  EXPECT_EQ(a.max(), 3ms);
}

TEST(ProcessUseTest, TheNameOfAProcessMayContainAnything) {
  const std::string line =
      "1234 (smp) R 1 (x) S 1 1 1 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 3 0 100 1000000 700 18446744073709551615 1 1\n";
  const auto use = parse_stat(line, 4096, 100);
  ASSERT_TRUE(use) << use.error().message;
  EXPECT_EQ(use->cpu, 3s);
  EXPECT_EQ(use->system, 500ms);
  EXPECT_EQ(use->resident, 700U * 4096);
}

TEST(ProcessUseTest, WhatIsNoStatisticsIsAnError) {
  for (const std::string text :
       {"", "1234 smp R 1", "1 (x) R 1 2 3", "1 (x) R a b c d e f g h i j k l m n o p q r s t u v"}) {
    EXPECT_FALSE(parse_stat(text, 4096, 100)) << text;
  }
  EXPECT_FALSE(parse_resident("Size: 5 kB\n"));
  EXPECT_FALSE(parse_resident("x\nRss: many kB\n"));
}

TEST(ProcessUseTest, ResidentMemoryIsInOctets) {
  EXPECT_EQ(parse_resident("0-1 ---p 0 00:00 0 [rollup]\nRss:      1234 kB\nPss: 1 kB\n"), 1234U * 1024);
}

TEST(ProcessUseTest, ThisProcessIsThere) {
  const auto use = process_use(::getpid());
  ASSERT_TRUE(use) << use.error().message;
  EXPECT_GT(use->cpu.count(), 0);
  EXPECT_GT(use->resident, 100'000U);
  EXPECT_EQ(process_use(999'999'999).error().kind, ErrorKind::not_found);
}

TEST(ReportTest, JsonHasOneFigureALine) {
  const auto text = as_json({{"a", "A", std::uint64_t{5}}, {"b", "B", 0.25}, {"c", "C", std::string("q\"\\x")}});
  EXPECT_EQ(text, "{\n  \"a\": 5,\n  \"b\": 0.250000,\n  \"c\": \"q\\\"\\\\x\"\n}\n");
}

TEST(ReportTest, CpuAndMemoryAreOfOneOperation) {
  Settings settings;
  settings.mode = Mode::idle;
  Measured measured;
  measured.tally.operations = 100;
  measured.time = 2s;
  measured.before = ProcessUse{1s, 0s, 1'000'000};
  measured.after = ProcessUse{3s, 0s, 3'000'000};
  std::map<std::string, double> values;
  for (const auto& figure : figures_of(settings, measured)) {
    if (const auto* number = std::get_if<double>(&figure.value)) values[figure.name] = *number;
  }
  EXPECT_DOUBLE_EQ(values["cpu_us"], 20'000);
  EXPECT_DOUBLE_EQ(values["grown_per_operation"], 20'000);
  EXPECT_DOUBLE_EQ(values["per_second"], 50);
  EXPECT_DOUBLE_EQ(values["cores"], 1);
}

}  // namespace
}  // namespace simplex::bench
