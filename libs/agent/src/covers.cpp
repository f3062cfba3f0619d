#include "covers.hpp"

#include <algorithm>
#include <cmath>

namespace simplex::agent {
namespace {

// Exponential: what has passed without one says nothing about when the next comes.
Duration next_pause(Random& random, Duration mean) {
  const auto share = (static_cast<double>(random.below(1U << 30)) + 1) / (1U << 30);
  return Duration(static_cast<Duration::rep>(-std::log(share) * static_cast<double>(mean.count())));
}

}  // namespace

Result<> Covers::start() {
  SIMPLEX_ASSIGN(const auto keys, core_.connections.with_covers());
  for (const auto key : keys) {
    SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(key));
    changed(connection);
  }
  return {};
}

void Covers::changed(const Connection& connection) {
  timers_.erase(connection.key);
  if (connection.cover_interval > Duration::zero() && !connection.deleted) {
    wait(connection.key, connection.cover_interval);
  }
}

Result<> Covers::heard_from(const Connection& connection) {
  return connection.covers_unheard > 0 ? core_.connections.set_covers_unheard(connection.key, 0) : Result<>();
}

void Covers::wait(ConnKey connection, Duration interval) {
  timers_[connection] = core_.dependencies.loop.after(next_pause(core_.dependencies.random, interval),
                                                      [this, connection] { now(connection); });
}

void Covers::now(ConnKey connection) {
  timers_.erase(connection);
  const auto interval = core_.turn.run([&] { return send(connection); });
  if (!interval) return core_.storage_failed(interval.error());
  if (*interval) wait(connection, **interval);
}

Result<std::optional<Duration>> Covers::send(ConnKey key) {
  SIMPLEX_ASSIGN(const bool there, core_.connections.has(key));
  if (!there) return std::nullopt;
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(key));
  if (connection.deleted || connection.cover_interval <= Duration::zero()) return std::nullopt;
  const auto interval = std::optional(connection.cover_interval);
  const bool understood = connection.agent_version >= ratchet_sync_agent_version;
  if (!understood || !connection.may_send() || connection.covers_unheard >= most_unheard) return interval;
  SIMPLEX_ASSIGN(const auto queue, core_.queues.snd_queue_of(key));
  if (!queue) return interval;
  // What waits there will be seen instead.
  SIMPLEX_ASSIGN(const bool waits, core_.messages.any_in(queue->key));
  if (waits) return interval;
  SIMPLEX_ASSIGN(const auto last, core_.connections.last_received(key));
  SIMPLEX_TRY(deliveries_.enqueue(connection, *queue, DeliveryKind::cover, message::RatchetReady{last}));
  SIMPLEX_TRY(core_.connections.set_covers_unheard(key, connection.covers_unheard + 1));
  return interval;
}

}  // namespace simplex::agent
