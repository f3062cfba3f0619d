// How many queues were used in this day, week and month: sets of activity hashes, exact, in bounded memory.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "simplex/smp/server/active_queues.hpp"

namespace simplex::smp::server {

enum class Period : std::uint8_t { day, week, month };
inline constexpr std::array<Period, 3> all_periods = {Period::day, Period::week, Period::month};

struct PeriodCounts {
  std::uint64_t day = 0;
  std::uint64_t week = 0;
  std::uint64_t month = 0;

  PeriodCounts& operator+=(const PeriodCounts& other) {
    day += other.day;
    week += other.week;
    month += other.month;
    return *this;
  }
  friend bool operator==(const PeriodCounts&, const PeriodCounts&) = default;
};

// The members of the three sets, for the statistics file.
using PeriodHashes = std::array<std::vector<std::uint64_t>, 3>;  // by Period

// One table for all sets: 9 octets for a queue, times 1.4 to 2.9. Of one shard, on its loop.
class QueuePeriods final : public ActiveQueues {
 public:
  // Past max_queues in all sets together further queues are not counted as active, but as `uncounted`.
  explicit QueuePeriods(std::size_t max_queues = 10'000'000) : max_queues_(max_queues) {}

  void note(std::uint64_t queue, bool notification) override;
  // Of a statistics file.
  void add(const PeriodHashes& hashes, bool notification);
  // What was counted before, shared by all shards: nothing of it is counted again. One of them has it in its counts.
  void continue_from(std::shared_ptr<const QueuePeriods> earlier, bool counts_them);

  // Of all queues, and of those that got messages with the notification flag.
  [[nodiscard]] PeriodCounts counts() const { return counts_of(false); }
  [[nodiscard]] PeriodCounts notification_counts() const { return counts_of(true); }
  [[nodiscard]] PeriodHashes hashes(bool notification) const;
  // A new day, week or month has begun.
  void begin(Period period);

  [[nodiscard]] std::size_t size() const { return used_; }
  [[nodiscard]] std::uint64_t uncounted() const { return uncounted_; }

 private:
  void add(std::uint64_t queue, std::uint8_t flags);
  [[nodiscard]] PeriodCounts counts_of(bool notification) const;
  [[nodiscard]] std::uint8_t flags_of(std::uint64_t queue) const;
  [[nodiscard]] std::size_t place_of(std::uint64_t queue) const;
  void rebuild(std::size_t size);
  void recount();

  std::size_t max_queues_;
  // Open addressing: a place is free where no flag is set.
  std::vector<std::uint64_t> queues_;
  std::vector<std::uint8_t> flags_;  // bit of each period; those of notifications are shifted by 3
  std::size_t used_ = 0;
  std::uint64_t uncounted_ = 0;
  std::array<PeriodCounts, 2> counts_;
  std::shared_ptr<const QueuePeriods> earlier_;  // null: none
  std::uint8_t earlier_flags_ = 0;               // of its periods that go on
  bool counts_earlier_ = false;
};

}  // namespace simplex::smp::server
