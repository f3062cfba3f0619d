#include "simplex/smp/server/statistics_file.hpp"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "simplex/encoding/base64.hpp"

namespace simplex::smp::server {
namespace {

using Counter = std::uint64_t Statistics::*;
struct Field {
  std::string_view key;
  Counter counter;
};

// In the order of the file. qCount and the sets stand between them.
constexpr Field fields[] = {{"qCreated", &Statistics::queues_created},
                            {"qSecured", &Statistics::queues_secured},
                            {"qDeletedAll", &Statistics::queues_deleted},
                            {"qDeletedNew", &Statistics::queues_deleted_new},
                            {"qDeletedSecured", &Statistics::queues_deleted_secured},
                            {"qDeletedAllB", &Statistics::queues_deleted_batches},
                            {"qBlocked", &Statistics::queues_blocked},
                            {"qCount", nullptr},
                            {"qSub", &Statistics::subscriptions},
                            {"qSubAllB", &Statistics::subscription_batches},
                            {"qSubAuth", &Statistics::subscriptions_refused},
                            {"qSubDuplicate", &Statistics::subscriptions_duplicate},
                            {"qSubProhibited", &Statistics::subscriptions_prohibited},
                            {"qSubEnd", &Statistics::subscriptions_ended},
                            {"qSubEndB", &Statistics::subscription_end_batches},
                            {"ntfCreated", &Statistics::notifiers_created},
                            {"ntfNewCreated", &Statistics::notifiers_new_created},
                            {"ntfDeleted", &Statistics::notifiers_deleted},
                            {"ntfDeletedB", &Statistics::notifier_delete_batches},
                            {"ntfSub", &Statistics::notifier_subscriptions},
                            {"ntfSubB", &Statistics::notifier_subscription_batches},
                            {"ntfSubAuth", &Statistics::notifier_subscriptions_refused},
                            {"ntfSubDuplicate", &Statistics::notifier_subscriptions_duplicate},
                            {"msgSent", &Statistics::messages_sent},
                            {"msgSentAuth", &Statistics::messages_refused},
                            {"msgSentQuota", &Statistics::messages_over_quota},
                            {"msgSentLarge", &Statistics::messages_too_large},
                            {"msgSentBlock", &Statistics::messages_to_blocked},
                            {"msgRecv", &Statistics::messages_received},
                            {"msgRecvGet", &Statistics::messages_received_by_get},
                            {"msgGet", &Statistics::gets},
                            {"msgGetNoMsg", &Statistics::gets_without_message},
                            {"msgGetAuth", &Statistics::gets_refused},
                            {"msgGetDuplicate", &Statistics::gets_duplicate},
                            {"msgGetProhibited", &Statistics::gets_prohibited},
                            {"msgExpired", &Statistics::messages_expired},
                            {"msgSentNtf", &Statistics::messages_sent_with_notification},
                            {"msgRecvNtf", &Statistics::messages_received_with_notification},
                            {"msgNtfs", &Statistics::notifications},
                            {"msgNtfsB", &Statistics::notification_batches},
                            {"msgNtfNoSub", &Statistics::notifications_without_subscriber},
                            {"msgNtfLost", &Statistics::notifications_lost},
                            {"msgNtfExpired", &Statistics::notifications_expired}};

template <class Part>
struct PartField {
  std::string_view key;
  std::uint64_t Part::* counter;
};
constexpr PartField<ProxyStatistics> proxy_fields[] = {{"requests", &ProxyStatistics::requests},
                                                       {"successes", &ProxyStatistics::successes},
                                                       {"errorsConnect", &ProxyStatistics::connect_errors},
                                                       {"errorsCompat", &ProxyStatistics::compat_errors},
                                                       {"errorsOther", &ProxyStatistics::other_errors}};
// "assocUpdatedt" is the reference's spelling.
constexpr PartField<ServiceStatistics> service_fields[] = {
    {"assocNew", &ServiceStatistics::assoc_new},          {"assocDuplicate", &ServiceStatistics::assoc_duplicate},
    {"assocUpdatedt", &ServiceStatistics::assoc_updated}, {"assocRemoved", &ServiceStatistics::assoc_removed},
    {"subCount", &ServiceStatistics::sub_count},          {"subDuplicate", &ServiceStatistics::sub_duplicate},
    {"subQueues", &ServiceStatistics::sub_queues},        {"subEnd", &ServiceStatistics::sub_end}};
constexpr PartField<NameStatistics> name_fields[] = {{"reqs", &NameStatistics::requests},
                                                     {"succ", &NameStatistics::success},
                                                     {"notFound", &NameStatistics::not_found},
                                                     {"resolverErrs", &NameStatistics::resolver_errors},
                                                     {"disabled", &NameStatistics::disabled}};

// The sections of the file, with the fields in each.
struct ProxySection {
  std::string_view name;
  ProxyStatistics Statistics::* part;
};
constexpr ProxySection proxy_sections[] = {{"pRelays", &Statistics::relays},
                                           {"pRelaysOwn", &Statistics::relays_own},
                                           {"pMsgFwds", &Statistics::forwarded},
                                           {"pMsgFwdsOwn", &Statistics::forwarded_own}};
struct ServiceSection {
  std::string_view name;
  ServiceStatistics Statistics::* part;
};
constexpr ServiceSection service_sections[] = {{"rcvServices", &Statistics::recipient_services},
                                               {"ntfServices", &Statistics::notifier_services}};

constexpr std::string_view period_names[] = {"day", "week", "month"};

template <class Fields, class Part>
void write_part(std::string& text, std::string_view name, const Fields& part_fields, const Part& part) {
  text += fmt::format("{}:\n", name);
  for (const auto& field : part_fields) text += fmt::format("{}={}\n", field.key, part.*field.counter);
}

void write_hashes(std::string& text, std::string_view name, const PeriodHashes& hashes) {
  text += fmt::format("{}:\n", name);
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    text += fmt::format("{}Hashes=", period_names[i]);
    bool first = true;
    for (const auto hash : hashes[i]) {
      if (!std::exchange(first, false)) text += ',';
      text += fmt::to_string(static_cast<std::int64_t>(hash));
    }
    text += '\n';
  }
}

// The reference's numbers are signed, and a count that went below zero there is none.
std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Hashes, or in old files the ids themselves.
bool parse_hashes(std::string_view text, bool ids, std::vector<std::uint64_t>& hashes) {
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (ids) {
      const auto id = from_base64url(item);
      if (!id) return false;
      hashes.push_back(activity_hash(*id));
    } else {
      const auto hash = parse_number(item);
      if (!hash) return false;
      hashes.push_back(static_cast<std::uint64_t>(*hash));
    }
  }
  return true;
}

class StatisticsReader {
 public:
  Result<SavedStatistics> read(std::string_view text) {
    std::size_t number = 0;
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      const auto line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      ++number;
      if (!read_line(line)) {
        return fail(ErrorKind::malformed, fmt::format("line {} of the statistics can't be read", number),
                    Advice::ask_user);
      }
    }
    for (const auto* needed : {"fromTime", "qCreated", "qSecured", "msgSent", "msgRecv"}) {
      if (!seen_.contains(needed)) {
        return fail(ErrorKind::malformed, fmt::format("the statistics have no line {}=", needed), Advice::ask_user);
      }
    }
    return std::move(made_);
  }

 private:
  bool read_line(std::string_view line) {
    if (line.empty()) return true;
    if (line.ends_with(':')) {
      section_ = line.substr(0, line.size() - 1);
      return true;
    }
    const auto equal = line.find('=');
    if (equal == line.npos) return false;
    const auto key = line.substr(0, equal);
    const auto value = line.substr(equal + 1);
    seen_.emplace(key);
    if (key == "fromTime") {
      const auto time = parse_time(value);
      if (time) made_.from = *time;
      return time.has_value();
    }
    if (const auto done = read_hashes(key, value)) return *done;
    if (const auto done = read_sections(key, value)) return *done;
    if (key == "pMsgFwdsRecv") return count(value, made_.counts.forwarded_received);
    if (key == "qDeleted") return count(value, made_.counts.queues_deleted);
    for (const auto& field : fields) {
      if (field.key == key) return count(value, field.counter ? made_.counts.*field.counter : made_.queues);
    }
    return true;
  }

  // Nothing: the key is not one of these.
  std::optional<bool> read_hashes(std::string_view key, std::string_view value) {
    for (std::size_t i = 0; i < std::size(period_names); ++i) {
      if (!key.starts_with(period_names[i])) continue;
      const auto rest = key.substr(period_names[i].size());
      const bool old = rest == "MsgQueues";
      if (!old && !rest.empty() && rest != "Hashes") continue;
      auto ignored = std::vector<std::uint64_t>();
      auto& set = old || section_ == "activeQueues" ? made_.active[i]
                  : section_ == "activeQueuesNtf"   ? made_.active_with_notification[i]
                                                    : ignored;  // subscribedQueues is of the past
      if (!old) return parse_hashes(value, rest.empty(), set);
      const auto before = set.size();
      if (parse_hashes(value, false, set)) return true;
      set.resize(before);
      return parse_hashes(value, true, set);
    }
    return std::nullopt;
  }

  std::optional<bool> read_sections(std::string_view key, std::string_view value) {
    for (const auto& section : proxy_sections) {
      if (section.name == section_) return read_part(key, value, proxy_fields, made_.counts.*section.part);
    }
    for (const auto& section : service_sections) {
      if (section.name == section_) return read_part(key, value, service_fields, made_.counts.*section.part);
    }
    if (section_ == "rslvStats") return read_part(key, value, name_fields, made_.counts.names);
    return std::nullopt;
  }

  template <class Fields, class Part>
  std::optional<bool> read_part(std::string_view key, std::string_view value, const Fields& part_fields, Part& part) {
    for (const auto& field : part_fields) {
      if (field.key == key) return count(value, part.*field.counter);
    }
    return std::nullopt;
  }

  static bool count(std::string_view value, std::uint64_t& counter) {
    const auto number = parse_number(value);
    if (number) counter = static_cast<std::uint64_t>(std::max<std::int64_t>(*number, 0));
    return number.has_value();
  }

  SavedStatistics made_;
  std::string section_;
  std::set<std::string, std::less<>> seen_;
};

}  // namespace

std::string format_statistics(const SavedStatistics& statistics) {
  const auto& counts = statistics.counts;
  auto text = fmt::format("fromTime={}\n", format_time(statistics.from));
  for (const auto& field : fields) {
    text += fmt::format("{}={}\n", field.key, field.counter ? counts.*field.counter : statistics.queues);
  }
  write_hashes(text, "activeQueues", statistics.active);
  write_hashes(text, "activeQueuesNtf", statistics.active_with_notification);
  for (const auto& section : proxy_sections) write_part(text, section.name, proxy_fields, counts.*section.part);
  text += fmt::format("pMsgFwdsRecv={}\n", counts.forwarded_received);
  for (const auto& section : service_sections) write_part(text, section.name, service_fields, counts.*section.part);
  // Releases of the reference that resolve no names refuse a file with these.
  if (counts.names != NameStatistics()) write_part(text, "rslvStats", name_fields, counts.names);
  return text;
}

Result<SavedStatistics> parse_statistics(std::string_view text) { return StatisticsReader().read(text); }

std::string format_day(WallTime time) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(time));
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

std::string format_time(WallTime time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::hh_mm_ss clock(time - days);
  auto text = fmt::format("{}T{:02}:{:02}:{:02}", format_day(time), clock.hours().count(), clock.minutes().count(),
                          clock.seconds().count());
  if (const auto rest = clock.subseconds().count(); rest != 0) {
    text += fmt::format(".{:09}", rest);
    while (text.back() == '0') text.pop_back();
  }
  return text + 'Z';
}

std::optional<WallTime> parse_time(std::string_view text) {
  const auto number = [&](std::size_t digits, char after) -> std::optional<int> {
    if (text.size() <= digits || text[digits] != after) return std::nullopt;
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
    if (error != std::errc() || end != text.data() + digits || value < 0) return std::nullopt;
    text.remove_prefix(digits + 1);
    return value;
  };
  const auto year = number(4, '-');
  const auto month = number(2, '-');
  const auto day = number(2, 'T');
  const auto hour = number(2, ':');
  const auto minute = number(2, ':');
  if (!year || !month || !day || !hour || !minute || text.size() < 3) return std::nullopt;
  const char mark = text[2];
  const auto second = number(2, mark);
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!second || !date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  if (*year < 1970 || *year > 2200) return std::nullopt;  // within what nanoseconds can count
  std::int64_t nanoseconds = 0;
  if (mark == '.') {  // a fraction, of up to 12 digits
    std::int64_t unit = 100'000'000;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      nanoseconds += (text[0] - '0') * unit;
      unit /= 10;
      text.remove_prefix(1);
    }
    if (text != "Z") return std::nullopt;
  } else if (mark != 'Z' || !text.empty()) {
    return std::nullopt;
  }
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second) + std::chrono::nanoseconds(nanoseconds);
}

}  // namespace simplex::smp::server
