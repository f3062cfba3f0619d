// The statistics that outlive a relay, and the queues that are counted by day, week and month.
#include "simplex/smp/server/statistics_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "simplex/encoding/base64.hpp"

namespace simplex::smp::server {
namespace {

std::string sample(const std::string& store) {
  std::ifstream file(std::string(SIMPLEX_SOURCE_DIR) + "/tests/samples/" + store + "/log/smp-server-stats.log");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

constexpr auto index(Period period) { return static_cast<std::size_t>(period); }

TEST(StatisticsFile, TheReferencesFilesAreReadAndWrittenTheSame) {
  for (const auto* store : {"smp-memory", "smp-journal"}) {
    const auto text = sample(store);
    ASSERT_FALSE(text.empty());
    auto read = parse_statistics(text).value();
    EXPECT_EQ(read.counts.queues_created, 2U);
    EXPECT_EQ(read.counts.messages_sent, 14U);
    EXPECT_EQ(read.counts.messages_received, 11U);
    EXPECT_EQ(read.counts.messages_received_with_notification, 6U);
    EXPECT_EQ(read.queues, 2U);
    EXPECT_EQ(read.active[index(Period::day)].size(), 2U);
    EXPECT_EQ(format_statistics(read), text);
  }
}

// The queues of the sample are known, so this is the hash that the reference makes of their ids.
TEST(StatisticsFile, AQueueIsCountedByTheReferencesHash) {
  const auto id = from_base64url("ft4QFGn8VnUPH-35J64pY_Ulqkw9u-xb").value();
  const auto active = parse_statistics(sample("smp-memory"))->active[index(Period::month)];
  EXPECT_NE(std::ranges::find(active, activity_hash(id)), active.end());
}

TEST(StatisticsFile, OldFormsAreRead) {
  const std::string old =
      "fromTime=2022-05-01T00:00:00Z\nqCreated=1\nqSecured=2\nqDeleted=3\nqSubNoMsg=9\nmsgSent=4\nmsgRecv=5\n"
      "dayMsgQueues=AAAA,BBBB\nweekMsgQueues=\nmonthMsgQueues=-5,6";
  const auto read = parse_statistics(old).value();
  EXPECT_EQ(read.counts.queues_deleted, 3U);
  EXPECT_EQ(read.active[index(Period::day)].size(), 2U);
  EXPECT_EQ(read.active[index(Period::day)][0], activity_hash(Bytes{0, 0, 0}));
  EXPECT_TRUE(read.active[index(Period::week)].empty());
  EXPECT_EQ(read.active[index(Period::month)], (std::vector<std::uint64_t>{static_cast<std::uint64_t>(-5), 6}));
  const auto newer = parse_statistics(
      "fromTime=2023-05-01T00:00:00.5Z\nqCreated=1\nqSecured=2\nqDeletedAll=3\nqDeletedNew=1\nqDeletedSecured=2\n"
      "msgSent=4\nmsgRecv=5\nactiveQueues:\nday=AAAA\nweek=AAAA\nmonth=AAAA,BBBB\nsubscribedQueues:\nday=CCCC\nweek=\n"
      "month=\nactiveQueuesNtf:\nday=\nweek=\nmonth=BBBB\npRelays:\nrequests=7\nsuccesses=6\nerrorsConnect=5\n"
      "errorsCompat=4\nerrorsOther=3\nrslvStats:\nreqs=8\nsucc=7\nnotFound=1\nresolverErrs=0\ndisabled=0\n");
  ASSERT_TRUE(newer);
  EXPECT_EQ(newer->active[index(Period::month)].size(), 2U);
  EXPECT_EQ(newer->active[index(Period::day)].size(), 1U);
  EXPECT_EQ(newer->active_with_notification[index(Period::month)].size(), 1U);
  EXPECT_EQ(newer->counts.relays.connect_errors, 5U);
  EXPECT_EQ(newer->counts.names.requests, 8U);
  EXPECT_EQ(parse_statistics(format_statistics(*newer))->counts.names, newer->counts.names);
}

TEST(StatisticsFile, DamageIsAnErrorThatNamesTheLine) {
  const auto good = sample("smp-memory");
  for (const auto& [from, to] : {std::pair<std::string, std::string>("qCreated=2", "qCreated=x"),
                                 {"qCreated=2", "qCreated"},
                                 {"fromTime=2026-11-22T23:43:32.392702966Z", "fromTime=2026-13-22T23:43:32Z"},
                                 {"msgSent=14\n", ""},
                                 {"dayHashes=-48", "dayHashes=y-48"},
                                 {"requests=0", "requests=99999999999999999999"}}) {
    auto bad = good;
    bad.replace(bad.find(from), from.size(), to);
    EXPECT_FALSE(parse_statistics(bad)) << to;
  }
  EXPECT_FALSE(parse_statistics(""));
  // Cut anywhere: never a crash.
  for (std::size_t size = 0; size < good.size(); ++size) (void)parse_statistics(std::string_view(good).substr(0, size));
}

TEST(StatisticsFile, TimesAreReadAndWritten) {
  for (const auto* text : {"2026-11-22T23:43:32.392702966Z", "1970-01-01T00:00:00Z", "2024-02-29T12:00:00.5Z"}) {
    ASSERT_TRUE(parse_time(text)) << text;
    EXPECT_EQ(format_time(*parse_time(text)), text);
  }
  EXPECT_EQ(parse_time("2026-11-22T23:43:32.123456789012Z"), parse_time("2026-11-22T23:43:32.123456789Z"));
  for (const auto* text :
       {"", "2026", "2026-11-22", "2026-11-22T23:43:32", "2026-02-30T00:00:00Z", "2026-11-22T23:43:32.",
        "2026-11-22T24:00:00Z", "2026-11-22T23:43:32.5", "9999-11-22T23:43:32Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

TEST(QueuePeriods, EachQueueCountsOnceInEachPeriod) {
  QueuePeriods periods;
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t queue = 0; queue < 5'000; ++queue) periods.note(queue << 32, queue % 5 == 0);
  }
  EXPECT_EQ(periods.counts(), (PeriodCounts{5'000, 5'000, 5'000}));
  EXPECT_EQ(periods.notification_counts(), (PeriodCounts{1'000, 1'000, 1'000}));
  periods.begin(Period::day);
  EXPECT_EQ(periods.counts(), (PeriodCounts{0, 5'000, 5'000}));
  periods.note(1ULL << 32, false);
  periods.note(1ULL << 33, true);
  EXPECT_EQ(periods.counts(), (PeriodCounts{2, 5'000, 5'000}));
  EXPECT_EQ(periods.notification_counts(), (PeriodCounts{1, 1'001, 1'001}));
  periods.begin(Period::month);
  periods.begin(Period::week);
  EXPECT_EQ(periods.size(), 2U);
  periods.begin(Period::day);
  EXPECT_EQ(periods.size(), 0U);
  EXPECT_EQ(periods.counts(), PeriodCounts());
}

TEST(QueuePeriods, ComesBackFromTheFile) {
  QueuePeriods periods;
  for (std::uint64_t queue = 1; queue <= 100; ++queue) periods.note(queue * 0x1234'5678'9abc'def1, queue % 2 == 0);
  periods.begin(Period::week);
  periods.note(7, true);
  QueuePeriods restored;
  restored.add(periods.hashes(false), false);
  restored.add(periods.hashes(true), true);
  EXPECT_EQ(restored.counts(), periods.counts());
  EXPECT_EQ(restored.notification_counts(), periods.notification_counts());
  EXPECT_EQ(restored.counts(), (PeriodCounts{101, 1, 101}));
}

TEST(QueuePeriods, QueuesOfBeforeARestartAreNotCountedAgainOnAnyShard) {
  auto earlier = std::make_shared<QueuePeriods>();
  for (std::uint64_t queue = 1; queue <= 100; ++queue) earlier->note(queue << 20, false);
  std::array<QueuePeriods, 3> shards;
  for (auto& shard : shards) shard.continue_from(earlier, &shard == shards.data());
  const auto total = [&] {
    PeriodCounts sum;
    for (const auto& shard : shards) sum += shard.counts();
    return sum;
  };
  EXPECT_EQ(total(), (PeriodCounts{100, 100, 100}));
  for (std::uint64_t queue = 1; queue <= 150; ++queue) shards[queue % 3].note(queue << 20, queue == 5);
  EXPECT_EQ(total(), (PeriodCounts{150, 150, 150}));
  EXPECT_EQ(shards[2].notification_counts(), (PeriodCounts{1, 1, 1}));
  std::size_t hashes = 0;
  for (const auto& shard : shards) hashes += shard.hashes(false)[index(Period::month)].size();
  EXPECT_EQ(hashes, 150U);
  for (auto& shard : shards) shard.begin(Period::day);
  EXPECT_EQ(total(), (PeriodCounts{0, 150, 150}));
  shards[1].note(1ULL << 20, false);
  EXPECT_EQ(total(), (PeriodCounts{1, 150, 150}));
}

TEST(QueuePeriods, WhoMakesQueuesWithoutEndFindsTheBound) {
  QueuePeriods periods(1'000);
  for (std::uint64_t queue = 0; queue < 10'000; ++queue) periods.note(queue * 0x9e37'79b9, true);
  EXPECT_EQ(periods.size(), 1'000U);
  EXPECT_EQ(periods.counts().month, 1'000U);
  EXPECT_EQ(periods.uncounted(), 9'000U);
  periods.note(0, true);  // those that are known go on to be counted
  periods.begin(Period::day);
  periods.note(0, true);
  EXPECT_EQ(periods.counts().day, 1U);
}

TEST(Statistics, AddUpAndSubtract) {
  Statistics a;
  a.queues_created = 5;
  a.names.disabled = 2;
  a.ack_times.add(7);
  Statistics b;
  b.queues_created = 3;
  b.ack_times.add(100);
  const auto sum = add(a, b);
  EXPECT_EQ(sum.queues_created, 8U);
  EXPECT_EQ(sum.ack_times.sum, 107U);
  EXPECT_EQ(sum.ack_times.max, 100U);
  EXPECT_EQ(subtract(sum, b).queues_created, 5U);
  EXPECT_EQ(subtract(sum, b).names.disabled, 2U);
  EXPECT_EQ(subtract(a, sum).queues_created, 0U);
}

}  // namespace
}  // namespace simplex::smp::server
