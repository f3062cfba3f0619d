#include "simplex/smp/server/relay_status.hpp"

#include <algorithm>

namespace simplex::smp::server {

RelayStatus& RelayStatus::operator+=(const RelayStatus& other) {
  threads += other.threads;
  statistics = add(statistics, other.statistics);
  counters += other.counters;
  connections.connections += other.connections.connections;
  connections.handshakes += other.connections.handshakes;
  shards += other.shards;
  queues_in_memory += other.queues_in_memory;
  store.changes += other.store.changes;
  store.reads += other.store.reads;
  relays += other.relays;
  names += other.names;
  web += other.web;
  active += other.active;
  active_with_notification += other.active_with_notification;
  active_uncounted += other.active_uncounted;
  tls.connections += other.tls.connections;
  tls.channels += other.tls.channels;
  tls.refused += other.tls.refused;
  tls.handshakes += other.tls.handshakes;
  tls.not_admitted += other.tls.not_admitted;
  tls.dropped_handshakes += other.tls.dropped_handshakes;
  tls.timed_out += other.tls.timed_out;
  for (const auto& port : other.ports) {
    const auto same = std::ranges::find(ports, port.port, &transport::PortCounters::port);
    if (same == ports.end()) {
      ports.push_back(port);
    } else {
      same->accepted += port.accepted;
      same->closed += port.closed;
    }
  }
  return *this;
}

ActiveHashes& ActiveHashes::operator+=(ActiveHashes&& other) {
  const auto append = [](PeriodHashes& to, const PeriodHashes& from) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i].insert(to[i].end(), from[i].begin(), from[i].end());
  };
  append(all, other.all);
  append(with_notification, other.with_notification);
  return *this;
}

}  // namespace simplex::smp::server
