#include "simplex/smp/server/daily_statistics.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "simplex/smp/server/statistics_file.hpp"

namespace simplex::smp::server {
namespace {

std::vector<std::string> columns(const std::string& line) {
  std::vector<std::string> made;
  std::stringstream text(line.substr(0, line.find('\n')));
  for (std::string each; std::getline(text, each, ',');) made.push_back(each);
  return made;
}

TEST(DailyStatistics, HasTheReferencesColumns) {
  Statistics counts;
  counts.queues_created = 1;
  counts.queues_secured = 2;
  counts.queues_deleted = 3;
  counts.messages_sent = 4;
  counts.messages_received = 5;
  counts.messages_sent_with_notification = 9;
  counts.messages_expired = 16;
  counts.relays.requests = 19;
  counts.forwarded_own.other_errors = 38;
  counts.forwarded_received = 39;
  counts.subscriptions = 40;
  counts.notifications_lost = 49;
  counts.messages_received_by_get = 51;
  counts.notifiers_created = 61;
  counts.notifications_expired = 74;
  counts.recipient_services.assoc_new = 80;
  counts.notifier_services.sub_end = 95;
  counts.names.disabled = 100;
  RelayTotals totals;
  totals.store = {14, 15, 66};
  totals.notifications = 75;
  totals.recipient_services = 76;
  totals.notifier_service_queues = 79;
  const auto from = *parse_time("2026-11-22T10:00:00Z");
  const auto now = *parse_time("2026-11-23T00:00:01Z");  // a Monday
  const auto line = daily_line(from, now, counts, {6, 7, 8}, {11, 12, 13}, totals);
  EXPECT_EQ(line.back(), '\n');
  const auto found = columns(line);
  ASSERT_EQ(found.size(), 101U);
  EXPECT_EQ(found[0], "2026-11-22");
  // The others hold their own place, where they were given one.
  for (const auto i :
       {1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 14, 15, 16, 19, 38, 39, 40, 49, 51, 61, 66, 74, 75, 76, 79, 80, 95, 100}) {
    EXPECT_EQ(found[static_cast<std::size_t>(i)], std::to_string(i));
  }
  EXPECT_EQ(found[8], "");  // no month ended
  EXPECT_EQ(found[13], "");
  EXPECT_EQ(found[60], "14");  // the number of queues stands twice
}

TEST(DailyStatistics, WeeksBeginOnMondayAndMonthsOnTheFirst) {
  const auto at = [](const char* time) { return *parse_time(time); };
  const auto sunday = at("2026-11-22T09:00:00Z");
  EXPECT_TRUE(begins(Period::week, sunday, at("2026-11-23T00:00:00Z")));
  EXPECT_FALSE(begins(Period::week, sunday, at("2026-11-22T23:59:59Z")));
  EXPECT_FALSE(begins(Period::month, sunday, at("2026-11-23T00:00:00Z")));
  EXPECT_TRUE(begins(Period::month, at("2026-11-30T00:00:01Z"), at("2026-12-01T00:00:00Z")));
  EXPECT_TRUE(begins(Period::day, at("2026-11-23T00:00:00Z"), at("2026-11-24T00:00:00Z")));
  // A relay that was down at midnight finds out later.
  EXPECT_TRUE(begins(Period::week, at("2026-11-21T00:00:01Z"), at("2026-11-25T00:00:00Z")));
  EXPECT_TRUE(begins(Period::month, at("2025-12-21T00:00:01Z"), at("2026-12-21T00:00:00Z")));
  EXPECT_EQ(next_day(at("2026-11-30T23:59:59.5Z")), at("2026-12-01T00:00:00Z"));
  EXPECT_EQ(next_day(at("2026-12-01T00:00:00Z")), at("2026-12-02T00:00:00Z"));
}

}  // namespace
}  // namespace simplex::smp::server
