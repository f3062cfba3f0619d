#include "simplex/smp/server/statistics.hpp"

#include <bit>
#include <type_traits>

namespace simplex::smp::server {
namespace {

// Counters only, so that none is forgotten when one is added.
static_assert(std::is_trivially_copyable_v<Statistics>);
static_assert(sizeof(Statistics) % sizeof(std::uint64_t) == 0);
using Counters = std::array<std::uint64_t, sizeof(Statistics) / sizeof(std::uint64_t)>;

template <class F>
Statistics combine(const Statistics& a, const Statistics& b, F&& each) {
  auto made = std::bit_cast<Counters>(a);
  const auto other = std::bit_cast<Counters>(b);
  for (std::size_t i = 0; i < made.size(); ++i) made[i] = each(made[i], other[i]);
  auto combined = std::bit_cast<Statistics>(made);
  combined.ack_times.max = std::max(a.ack_times.max, b.ack_times.max);
  return combined;
}

DeliveryGauges& operator+=(DeliveryGauges& all, const DeliveryGauges& other) {
  all.total += other.total;
  all.clients += other.clients;
  for (std::size_t i = 0; i < all.periods.size(); ++i) all.periods[i] += other.periods[i];
  all.max_seconds = std::max(all.max_seconds, other.max_seconds);
  return all;
}

}  // namespace

Statistics add(const Statistics& a, const Statistics& b) {
  return combine(a, b, [](std::uint64_t x, std::uint64_t y) { return x + y; });
}

Statistics subtract(const Statistics& now, const Statistics& before) {
  return combine(now, before, [](std::uint64_t x, std::uint64_t y) { return x - std::min(x, y); });
}

ShardGauges& ShardGauges::operator+=(const ShardGauges& other) {
  clients += other.clients;
  subscriptions += other.subscriptions;
  subscribed_clients += other.subscribed_clients;
  notifier_subscriptions += other.notifier_subscriptions;
  notifications += other.notifications;
  waiting_octets += other.waiting_octets;
  notifier_clients += other.notifier_clients;
  messages += other.messages;
  notifiers += other.notifiers;
  idle_queues += other.idle_queues;
  resident_octets += other.resident_octets;
  remembered_ids += other.remembered_ids;
  deliveries += other.deliveries;
  return *this;
}

}  // namespace simplex::smp::server
