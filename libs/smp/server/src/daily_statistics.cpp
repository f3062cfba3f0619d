#include "simplex/smp/server/daily_statistics.hpp"

#include <fmt/format.h>

#include "simplex/smp/server/statistics_file.hpp"

namespace simplex::smp::server {
namespace {

class Line {
 public:
  explicit Line(std::string first) : text_(std::move(first)) {}

  Line& operator<<(std::uint64_t number) {
    text_ += fmt::format(",{}", number);
    return *this;
  }
  Line& operator<<(std::string_view text) {
    text_ += fmt::format(",{}", text);
    return *this;
  }
  Line& operator<<(const ProxyStatistics& part) {
    return *this << part.requests << part.successes << part.connect_errors << part.compat_errors << part.other_errors;
  }
  Line& operator<<(const ServiceStatistics& part) {
    return *this << part.assoc_new << part.assoc_duplicate << part.assoc_updated << part.assoc_removed << part.sub_count
                 << part.sub_duplicate << part.sub_queues << part.sub_end;
  }
  Line& operator<<(const NameStatistics& part) {
    return *this << part.requests << part.success << part.not_found << part.resolver_errors << part.disabled;
  }
  [[nodiscard]] std::string take() { return std::move(text_) + '\n'; }

 private:
  std::string text_;
};

}  // namespace

RelayTotals totals_of(const RelayStatus& status) {
  return {status.totals,
          status.shards.notifications,
          status.services.recipient_services,
          status.services.notifier_services,
          status.services.recipient_queues,
          status.services.notifier_queues};
}

std::string daily_line(WallTime from, WallTime now, const Statistics& counts, const PeriodCounts& active,
                       const PeriodCounts& active_with_notification, const RelayTotals& totals) {
  const auto ended = [&](Period period, std::uint64_t count) {
    return begins(period, from, now) ? std::to_string(count) : std::string();
  };
  const auto periods = [&](Line& line, const PeriodCounts& of) {
    line << ended(Period::day, of.day) << ended(Period::week, of.week) << ended(Period::month, of.month);
  };
  Line line(format_day(from));
  line << counts.queues_created << counts.queues_secured << counts.queues_deleted << counts.messages_sent
       << counts.messages_received;
  periods(line, active);
  line << counts.messages_sent_with_notification << counts.messages_received_with_notification;
  periods(line, active_with_notification);
  line << totals.store.queues << totals.store.messages << counts.messages_expired << counts.queues_deleted_new
       << counts.queues_deleted_secured;
  line << counts.relays << counts.relays_own << counts.forwarded << counts.forwarded_own << counts.forwarded_received;
  line << counts.subscriptions << counts.subscriptions_refused << counts.subscriptions_duplicate
       << counts.subscriptions_prohibited << counts.messages_refused << counts.messages_over_quota
       << counts.messages_too_large << counts.notifications << counts.notifications_without_subscriber
       << counts.notifications_lost;
  line << std::uint64_t{0};  // once SUB without message
  line << counts.messages_received_by_get << counts.gets << counts.gets_without_message << counts.gets_refused
       << counts.gets_duplicate << counts.gets_prohibited;
  line << std::uint64_t{0} << std::uint64_t{0}
       << std::uint64_t{0};  // once the subscribed queues of day, week and month
  line << totals.store.queues << counts.notifiers_created << counts.notifiers_deleted << counts.notifier_subscriptions
       << counts.notifier_subscriptions_refused << counts.notifier_subscriptions_duplicate << totals.store.notifiers
       << counts.queues_deleted_batches << counts.subscription_batches << counts.subscriptions_ended
       << counts.subscription_end_batches << counts.notifier_delete_batches << counts.notifier_subscription_batches
       << counts.notification_batches << counts.notifications_expired << totals.notifications;
  line << totals.recipient_services << totals.notifier_services << totals.recipient_service_queues
       << totals.notifier_service_queues;
  line << counts.recipient_services << counts.notifier_services << counts.names;
  return line.take();
}

bool begins(Period period, WallTime from, WallTime now) {
  const auto before = std::chrono::floor<std::chrono::days>(from);
  const auto day = std::chrono::floor<std::chrono::days>(now);
  // The first of January 1970 was a Thursday.
  const auto week = [](std::chrono::sys_days of) { return (of.time_since_epoch().count() + 3) / 7; };
  const auto month = [](std::chrono::sys_days of) {
    const std::chrono::year_month_day date(of);
    return date.year() / date.month();
  };
  switch (period) {
    case Period::day: return day > before;
    case Period::week: return week(day) > week(before);
    case Period::month: break;
  }
  return month(day) > month(before);
}

WallTime next_day(WallTime now) { return std::chrono::floor<std::chrono::days>(now) + std::chrono::days(1); }

}  // namespace simplex::smp::server
