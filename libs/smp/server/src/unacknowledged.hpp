// How many messages were delivered and not acknowledged, and since when: counted as they come and go.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>

#include "simplex/smp/server/statistics.hpp"

namespace simplex::smp::server {

// By the second for an hour, by the minute before. Of one shard.
class Unacknowledged {
 public:
  // Of a client: how many of its messages are among these.
  void add(std::int64_t delivered_at, std::size_t& of_client) {
    if (of_client++ == 0) ++clients_;
    go_on(delivered_at);
    ++count(delivered_at);
    ++total_;
  }
  void remove(std::int64_t delivered_at, std::size_t& of_client) {
    if (--of_client == 0) --clients_;
    auto& counted = count(delivered_at);
    --counted;
    --total_;
    if (counted == 0 && is_old(delivered_at)) old_.erase(delivered_at / old_step);
  }
  [[nodiscard]] DeliveryGauges gauges(std::int64_t now) {
    go_on(now);
    DeliveryGauges made;
    made.total = total_;
    made.clients = clients_;
    const auto add = [&](std::int64_t time, std::uint64_t number) {
      if (number == 0) return;
      const auto age = static_cast<std::uint64_t>(std::max<std::int64_t>(now - time, 0));
      made.max_seconds = std::max(made.max_seconds, age);
      std::size_t period = 0;
      while (period + 1 < delivery_periods.size() && age >= delivery_periods[period].second) ++period;
      made.periods[period] += number;
    };
    for (auto time = now_ - recent + 1; time <= now_; ++time) add(time, recent_[place(time)]);
    // What is old is all of one period, but for the oldest of it.
    if (!old_.empty()) {
      std::uint64_t number = total_;
      for (const auto each : made.periods) number -= each;
      add(old_.begin()->first * old_step, number);
    }
    return made;
  }

 private:
  static constexpr std::int64_t recent = 4'096;  // more than the last period begins with
  static constexpr std::int64_t old_step = 60;

  [[nodiscard]] static std::size_t place(std::int64_t time) {
    return static_cast<std::size_t>(static_cast<std::uint64_t>(time) % std::uint64_t{recent});
  }
  [[nodiscard]] bool is_old(std::int64_t time) const { return time <= now_ - recent; }
  [[nodiscard]] std::uint64_t& count(std::int64_t time) {
    return is_old(time) ? old_[time / old_step] : recent_[place(time)];
  }
  void go_on(std::int64_t time) {
    if (time <= now_) return;
    const auto steps = std::min(time - now_, recent);
    for (std::int64_t i = 1; i <= steps; ++i) {
      // The second that leaves has the place of the one that comes.
      const auto leaves = now_ + i - recent;
      auto& number = recent_[place(leaves)];
      if (number > 0) old_[leaves / old_step] += number;
      number = 0;
    }
    now_ = time;
  }

  std::array<std::uint64_t, static_cast<std::size_t>(recent)> recent_{};
  std::map<std::int64_t, std::uint64_t> old_;  // by the minute
  std::int64_t now_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t clients_ = 0;
};

}  // namespace simplex::smp::server
