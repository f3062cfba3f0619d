// What a relay counts, under the reference's names. Each shard has its own, changed on its loop only; whoever shows them
// takes copies there and adds them up.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace simplex::smp::server {

struct ProxyStatistics {
  std::uint64_t requests = 0;
  std::uint64_t successes = 0;
  std::uint64_t connect_errors = 0;
  std::uint64_t compat_errors = 0;
  std::uint64_t other_errors = 0;
};

struct ServiceStatistics {
  std::uint64_t assoc_new = 0;
  std::uint64_t assoc_duplicate = 0;
  std::uint64_t assoc_updated = 0;
  std::uint64_t assoc_removed = 0;
  std::uint64_t sub_count = 0;
  std::uint64_t sub_duplicate = 0;
  std::uint64_t sub_queues = 0;
  std::uint64_t sub_end = 0;
  // What SUBS and NSUBS said of their queues, against what the relay has.
  std::uint64_t sub_ok = 0;
  std::uint64_t sub_more = 0;
  std::uint64_t sub_fewer = 0;
  std::uint64_t sub_diff = 0;
  std::uint64_t sub_more_total = 0;
  std::uint64_t sub_fewer_total = 0;
};

struct NameStatistics {
  std::uint64_t requests = 0;
  std::uint64_t success = 0;
  std::uint64_t not_found = 0;
  std::uint64_t resolver_errors = 0;
  std::uint64_t disabled = 0;

  friend bool operator==(const NameStatistics&, const NameStatistics&) = default;
};

// How long recipients took from the delivery of a message to its ACK (msgRecvAckTimes), in whole seconds. The reference
// counts by 0 to 5 seconds, then rounded up to 5 (until 30), 10 (until 60), 30 (until 180) and 60; past two hours all
// are counted together here.
struct AckTimes {
  static constexpr std::size_t count = 6 + 5 + 3 + 4 + 117;

  std::uint64_t sum = 0;
  std::uint64_t max = 0;
  std::array<std::uint64_t, count> buckets{};

  // The seconds that a bucket stands for: its upper end.
  [[nodiscard]] static constexpr std::uint64_t seconds_of(std::size_t bucket) {
    if (bucket <= 5) return bucket;
    if (bucket <= 10) return 5 + (bucket - 5) * 5;
    if (bucket <= 13) return 30 + (bucket - 10) * 10;
    if (bucket <= 17) return 60 + (bucket - 13) * 30;
    return 180 + (bucket - 17) * 60;
  }
  constexpr void add(std::uint64_t seconds) {
    sum += seconds;
    max = std::max(max, seconds);
    const auto rounded = [](std::uint64_t past, std::uint64_t step) { return (past + step - 1) / step; };
    std::uint64_t bucket = seconds;
    if (seconds > 180) {
      bucket = std::min<std::uint64_t>(17 + rounded(seconds - 180, 60), count - 1);
    } else if (seconds > 60) {
      bucket = 13 + rounded(seconds - 60, 30);
    } else if (seconds > 30) {
      bucket = 10 + rounded(seconds - 30, 10);
    } else if (seconds > 5) {
      bucket = 5 + rounded(seconds - 5, 5);
    }
    ++buckets[bucket];
  }
};

struct Statistics {
  // queues
  std::uint64_t queues_created = 0;
  std::uint64_t queues_secured = 0;
  std::uint64_t queues_deleted = 0;          // qDeletedAll
  std::uint64_t queues_deleted_batches = 0;  // qDeletedAllB
  std::uint64_t queues_deleted_new = 0;
  std::uint64_t queues_deleted_secured = 0;
  std::uint64_t queues_blocked = 0;
  // subscriptions
  std::uint64_t subscriptions = 0;          // qSub: those that found messages
  std::uint64_t subscription_batches = 0;   // qSubAllB
  std::uint64_t subscriptions_refused = 0;  // qSubAuth
  std::uint64_t subscriptions_duplicate = 0;
  std::uint64_t subscriptions_prohibited = 0;
  std::uint64_t subscriptions_ended = 0;       // qSubEnd
  std::uint64_t subscription_end_batches = 0;  // qSubEndB
  // notifiers
  std::uint64_t notifiers_created = 0;      // ntfCreated
  std::uint64_t notifiers_new_created = 0;  // ntfNewCreated: with NEW
  std::uint64_t notifiers_deleted = 0;
  std::uint64_t notifier_delete_batches = 0;
  std::uint64_t notifier_subscriptions = 0;  // ntfSub
  std::uint64_t notifier_subscription_batches = 0;
  std::uint64_t notifier_subscriptions_refused = 0;
  std::uint64_t notifier_subscriptions_duplicate = 0;
  // messages
  std::uint64_t messages_sent = 0;
  std::uint64_t messages_refused = 0;     // msgSentAuth
  std::uint64_t messages_over_quota = 0;  // msgSentQuota
  std::uint64_t messages_too_large = 0;   // msgSentLarge
  std::uint64_t messages_to_blocked = 0;  // msgSentBlock
  std::uint64_t messages_received = 0;    // acknowledged
  AckTimes ack_times;                     // of these
  std::uint64_t messages_received_by_get = 0;
  std::uint64_t gets = 0;
  std::uint64_t gets_without_message = 0;
  std::uint64_t gets_refused = 0;
  std::uint64_t gets_duplicate = 0;
  std::uint64_t gets_prohibited = 0;
  std::uint64_t messages_expired = 0;
  std::uint64_t messages_sent_with_notification = 0;
  std::uint64_t messages_received_with_notification = 0;
  // notifications
  std::uint64_t notifications = 0;  // msgNtfs
  std::uint64_t notification_batches = 0;
  std::uint64_t notifications_without_subscriber = 0;
  std::uint64_t notifications_lost = 0;
  std::uint64_t notifications_expired = 0;
  // private routing
  ProxyStatistics relays;
  ProxyStatistics relays_own;
  ProxyStatistics forwarded;
  ProxyStatistics forwarded_own;
  std::uint64_t forwarded_received = 0;  // RFWD
  // services
  ServiceStatistics recipient_services;
  ServiceStatistics notifier_services;
  std::uint64_t recipient_service_messages = 0;
  std::uint64_t recipient_service_duplicates = 0;
  NameStatistics names;
  // what the bounds of [LIMITS] refused; each has its counter
  std::uint64_t refused_queues_of_connection = 0;
  std::uint64_t refused_queues_in_all = 0;
  std::uint64_t throttled_unknown_queues = 0;  // blocks after which a connection had to rest
  std::uint64_t refused_link_changes = 0;
  std::uint64_t refused_names_of_connection = 0;  // RSLV
  std::uint64_t refused_waiting = 0;              // no room for one more command that waits for the store
  std::uint64_t postponed_deliveries = 0;         // the connection has got enough of its queues at once
  std::uint64_t dropped_idle_queues = 0;          // from memory
  std::uint64_t released_queues = 0;              // their messages, from memory
  std::uint64_t forgotten_ids = 0;                // of queues on other shards
};

// How old deliveries are that wait for their ACK: from so many seconds to less than so many.
inline constexpr std::array<std::pair<std::uint64_t, std::uint64_t>, 5> delivery_periods = {
    {{0, 60}, {60, 300}, {300, 1'200}, {1'200, 3'600}, {3'600, UINT64_MAX}}};

struct DeliveryGauges {
  std::uint64_t total = 0;
  std::uint64_t clients = 0;  // that have not acknowledged all; of several shards, for each
  std::array<std::uint64_t, delivery_periods.size()> periods{};
  std::uint64_t max_seconds = 0;
};

// What a shard has now, kept up to date as it changes.
struct ShardGauges {
  std::uint64_t clients = 0;
  std::uint64_t subscriptions = 0;
  std::uint64_t subscribed_clients = 0;
  std::uint64_t notifier_subscriptions = 0;
  std::uint64_t notifications = 0;   // that wait
  std::uint64_t waiting_octets = 0;  // commands that wait for the store
  std::uint64_t notifier_clients = 0;
  std::uint64_t messages = 0;   // over the memory store; others count their own
  std::uint64_t notifiers = 0;  // of queues in memory
  std::uint64_t idle_queues = 0;
  std::uint64_t resident_octets = 0;
  std::uint64_t remembered_ids = 0;
  DeliveryGauges deliveries;

  ShardGauges& operator+=(const ShardGauges& other);
};

// Counters of shards together; what was counted since `before`. Of ack_times.max it is always the greatest.
[[nodiscard]] Statistics add(const Statistics& a, const Statistics& b);
[[nodiscard]] Statistics subtract(const Statistics& now, const Statistics& before);

}  // namespace simplex::smp::server
