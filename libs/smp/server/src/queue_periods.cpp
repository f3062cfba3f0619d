#include "simplex/smp/server/queue_periods.hpp"

#include <algorithm>
#include <utility>

namespace simplex::smp::server {
namespace {

constexpr std::uint8_t all_flags = 0b111;
constexpr std::size_t smallest = 1'024;

constexpr std::uint8_t flag_of(Period period, bool notification) {
  return static_cast<std::uint8_t>(1U << (static_cast<unsigned>(period) + (notification ? 3 : 0)));
}

}  // namespace

void QueuePeriods::note(std::uint64_t queue, bool notification) {
  add(queue, notification ? all_flags | all_flags << 3 : all_flags);
}

void QueuePeriods::add(const PeriodHashes& hashes, bool notification) {
  for (const auto period : all_periods) {
    for (const auto hash : hashes[static_cast<std::size_t>(period)]) add(hash, flag_of(period, notification));
  }
}

void QueuePeriods::continue_from(std::shared_ptr<const QueuePeriods> earlier, bool counts_them) {
  earlier_ = std::move(earlier);
  earlier_flags_ = earlier_ ? all_flags | all_flags << 3 : 0;
  counts_earlier_ = counts_them;
}

std::uint8_t QueuePeriods::flags_of(std::uint64_t queue) const {
  return queues_.empty() ? std::uint8_t{0} : flags_[place_of(queue)];
}

PeriodCounts QueuePeriods::counts_of(bool notification) const {
  auto made = counts_[notification ? 1 : 0];
  if (!earlier_ || !counts_earlier_) return made;
  const auto earlier = earlier_->counts_of(notification);
  if ((earlier_flags_ & flag_of(Period::day, notification)) != 0) made.day += earlier.day;
  if ((earlier_flags_ & flag_of(Period::week, notification)) != 0) made.week += earlier.week;
  if ((earlier_flags_ & flag_of(Period::month, notification)) != 0) made.month += earlier.month;
  return made;
}

void QueuePeriods::add(std::uint64_t queue, std::uint8_t flags) {
  if (earlier_) flags = static_cast<std::uint8_t>(flags & ~(earlier_->flags_of(queue) & earlier_flags_));
  if (flags == 0) return;
  // At most 7 of 10 places are used.
  if (queues_.empty()) rebuild(smallest);
  if ((used_ + 1) * 10 > queues_.size() * 7) rebuild(queues_.size() * 2);
  const auto place = place_of(queue);
  auto& known = flags_[place];
  const auto added = static_cast<std::uint8_t>(flags & ~known);
  if (added == 0) return;
  if (known == 0) {
    if (used_ >= max_queues_) {
      ++uncounted_;
      return;
    }
    ++used_;
    queues_[place] = queue;
  }
  known |= added;
  for (const bool notification : {false, true}) {
    auto& counts = counts_[notification ? 1 : 0];
    if ((added & flag_of(Period::day, notification)) != 0) ++counts.day;
    if ((added & flag_of(Period::week, notification)) != 0) ++counts.week;
    if ((added & flag_of(Period::month, notification)) != 0) ++counts.month;
  }
}

PeriodHashes QueuePeriods::hashes(bool notification) const {
  PeriodHashes made;
  if (earlier_ && counts_earlier_) {
    made = earlier_->hashes(notification);
    for (const auto period : all_periods) {
      if ((earlier_flags_ & flag_of(period, notification)) == 0) made[static_cast<std::size_t>(period)].clear();
    }
  }
  for (const auto period : all_periods) {
    auto& set = made[static_cast<std::size_t>(period)];
    for (std::size_t i = 0; i < queues_.size(); ++i) {
      if ((flags_[i] & flag_of(period, notification)) != 0) set.push_back(queues_[i]);
    }
  }
  return made;
}

void QueuePeriods::begin(Period period) {
  const auto gone = static_cast<std::uint8_t>(flag_of(period, false) | flag_of(period, true));
  earlier_flags_ = static_cast<std::uint8_t>(earlier_flags_ & ~gone);
  if (earlier_flags_ == 0) earlier_.reset();
  std::size_t left = 0;
  for (auto& flags : flags_) {
    flags = static_cast<std::uint8_t>(flags & ~gone);
    if (flags != 0) ++left;
  }
  // Rebuilt even when its size stays: places that became free may not lie between others of one chain.
  auto size = smallest;
  while (size * 7 < left * 10 * 2) size *= 2;
  rebuild(size);
  recount();
  if (period == Period::month) uncounted_ = 0;
}

// Ids are chosen by the relay, or their hashes come from a file that the operator keeps: nobody makes them collide.
std::size_t QueuePeriods::place_of(std::uint64_t queue) const {
  const auto mask = queues_.size() - 1;
  auto place = static_cast<std::size_t>(queue * 0x9e37'79b9'7f4a'7c15 >> 20) & mask;
  while (flags_[place] != 0 && queues_[place] != queue) place = (place + 1) & mask;
  return place;
}

void QueuePeriods::rebuild(std::size_t size) {
  const auto queues = std::exchange(queues_, std::vector<std::uint64_t>(size));
  const auto flags = std::exchange(flags_, std::vector<std::uint8_t>(size));
  used_ = 0;
  for (std::size_t i = 0; i < queues.size(); ++i) {
    if (flags[i] == 0) continue;
    const auto place = place_of(queues[i]);
    queues_[place] = queues[i];
    flags_[place] = flags[i];
    ++used_;
  }
}

void QueuePeriods::recount() {
  counts_ = {};
  for (const auto flags : flags_) {
    for (const bool notification : {false, true}) {
      auto& counts = counts_[notification ? 1 : 0];
      counts.day += (flags & flag_of(Period::day, notification)) != 0 ? 1 : 0;
      counts.week += (flags & flag_of(Period::week, notification)) != 0 ? 1 : 0;
      counts.month += (flags & flag_of(Period::month, notification)) != 0 ? 1 : 0;
    }
  }
}

}  // namespace simplex::smp::server
