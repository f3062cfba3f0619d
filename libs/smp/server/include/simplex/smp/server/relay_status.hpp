// What goes on in a relay: its counters and what is there now, gathered from all its threads. Everything is counted where
// it happens; nothing is looked for in queues or messages to answer.
#pragma once

#include <vector>

#include "simplex/server_kit/http.hpp"
#include "simplex/smp/server/node.hpp"
#include "simplex/smp/server/queue_periods.hpp"
#include "simplex/smp/server/relay_sessions.hpp"
#include "simplex/smp/server/service_book.hpp"
#include "simplex/smp/server/store.hpp"
#include "simplex/transport/tls.hpp"

namespace simplex::smp::server {

struct RelayStatus {
  std::size_t threads = 0;
  // Sums over the threads.
  Statistics statistics;
  NodeCounters counters;
  NodeGauges connections;
  ShardGauges shards;
  std::uint64_t queues_in_memory = 0;
  StoreTiming store;
  RelaySessions::Counters relays;  // that commands are forwarded to
  NameResolver::Counters names;
  server_kit::HttpCounters web;  // with TLS and without
  PeriodCounts active;
  PeriodCounts active_with_notification;
  std::uint64_t active_uncounted = 0;
  transport::TlsListener::Counters tls;
  std::vector<transport::PortCounters> ports;
  // Of the whole relay.
  StoreTotals totals;
  std::size_t open_connections = 0;  // in the handshake, too
  std::size_t pending_octets = 0;    // that wait for readers
  transport::AddressBounds::Counters addresses;
  ServiceBook::Counters services;

  // Another thread's part.
  RelayStatus& operator+=(const RelayStatus& other);
};

// The active queues themselves, for the statistics file.
struct ActiveHashes {
  PeriodHashes all;
  PeriodHashes with_notification;

  ActiveHashes& operator+=(ActiveHashes&& other);
};

// One connection, for the operator: nothing of who it is.
struct ClientStatus {
  ClientId id;
  std::string session;            // base64url of its TLS channel binding
  std::int64_t connected_at = 0;  // seconds since the epoch
  std::int64_t active_at = 0;
  std::size_t subscriptions = 0;
};

}  // namespace simplex::smp::server
