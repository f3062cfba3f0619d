#include "redeliveries.hpp"

namespace simplex::agent {

Result<bool> Redeliveries::given_up(const RcvQueue& queue, const smp::MessageId& message) {
  SIMPLEX_ASSIGN(auto row, core_.database.prepare("SELECT message, event, received_at FROM rcv_messages "
                                                  "WHERE queue = ? AND relay_message_id = ?"));
  SIMPLEX_TRY(row.bind_all(queue.key, message));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return true;
  const auto number = row.number<MessageId>(0);
  const auto event = row.number<EventId>(1);
  const auto first = row.time(2);
  SIMPLEX_TRY(row.finish());
  SIMPLEX_ASSIGN(const bool enough, too_many(queue.key, message, first));
  if (!enough) return false;
  SIMPLEX_TRY(drop(queue.conn, number, event));
  return true;
}

// What the relay delivers of them in this run for the first time is the same occasion, and not counted again.
Result<> Redeliveries::handed_over_again() {
  SIMPLEX_TRY(core_.database.run(
      "INSERT INTO redeliveries (queue, relay_message_id, number, at_start, first_at) "
      "SELECT queue, relay_message_id, 1, 1, received_at FROM rcv_messages JOIN rcv_queues USING (queue) WHERE true "
      "ON CONFLICT (queue) DO UPDATE SET "
      "number = CASE WHEN relay_message_id = excluded.relay_message_id THEN number + 1 ELSE 1 END, "
      "first_at = CASE WHEN relay_message_id = excluded.relay_message_id THEN first_at ELSE excluded.first_at END, "
      "relay_message_id = excluded.relay_message_id, at_start = 1"));
  struct Message {
    ConnKey conn;
    MessageId number;
    EventId event;
  };
  std::vector<Message> expired;
  SIMPLEX_ASSIGN(
      auto rows,
      core_.database.prepare(
          "SELECT conn, message, event FROM redeliveries "
          "JOIN rcv_messages USING (queue, relay_message_id) WHERE redeliveries.number >= ? AND first_at <= ?"));
  const auto& timeouts = core_.config.timeouts;
  SIMPLEX_TRY(rows.bind_all(timeouts.redeliveries, core_.now() - timeouts.redelivery_expiry));
  for (;;) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) break;
    expired.push_back({rows.number<ConnKey>(0), rows.number<MessageId>(1), rows.number<EventId>(2)});
  }
  for (const auto& message : expired) SIMPLEX_TRY(drop(message.conn, message.number, message.event));
  return {};
}

Result<> Redeliveries::drop(ConnKey conn, MessageId message, EventId event) {
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(conn));
  SIMPLEX_TRY(core_.messages.erase_received(conn, message));
  SIMPLEX_TRY(core_.outbox.handled(event));
  if (connection.deleted) return {};
  SIMPLEX_TRY(core_.outbox.durable(ReceptionFailed{
      connection.id,
      Failure::internal,
      {ErrorKind::limit, "A message was handed over again and again and never acknowledged. It was given up.",
       Advice::give_up}}));
  return {};
}

bool Redeliveries::concerns_one(const Error& error) noexcept {
  return error.kind != ErrorKind::storage || error.advice == Advice::give_up;
}

Result<bool> Redeliveries::failed(const Connection& connection, const RcvQueue& queue, const smp::MessageId& message) {
  SIMPLEX_ASSIGN(const bool enough, too_many(queue.key, message, core_.now()));
  if (!enough) hold(connection, queue);
  return enough;
}

Result<bool> Redeliveries::too_many(RcvQueueKey queue, const smp::MessageId& message, WallTime first) {
  SIMPLEX_ASSIGN(
      auto row,
      core_.database.prepare(
          "INSERT INTO redeliveries (queue, relay_message_id, number, at_start, first_at) VALUES (?, ?, 1, 0, ?) "
          "ON CONFLICT (queue) DO UPDATE SET "
          "number = CASE WHEN relay_message_id = excluded.relay_message_id THEN number + 1 - at_start ELSE 1 END, "
          "first_at = CASE WHEN relay_message_id = excluded.relay_message_id THEN first_at ELSE excluded.first_at END, "
          "relay_message_id = excluded.relay_message_id, at_start = 0 RETURNING number, first_at"));
  SIMPLEX_TRY(row.bind_all(queue, message, first));
  SIMPLEX_TRY(row.step());
  const auto& timeouts = core_.config.timeouts;
  const bool enough =
      row.integer(0) >= timeouts.redeliveries && row.time(1) <= core_.now() - timeouts.redelivery_expiry;
  SIMPLEX_TRY(row.finish());
  return enough;
}

void Redeliveries::hold(const Connection& connection, const RcvQueue& queue) {
  core_.turn.after_commit(
      [this, key = queue.key, party = Party(connection), server = queue.server, id = queue.recipient_id] {
        auto& held =
            held_.try_emplace(key, Held{party, server, id, Backoff(core_.config.timeouts.message_slow)}).first->second;
        held.timer = core_.dependencies.loop.after(held.backoff.next(core_.dependencies.random), [this, key] {
          const auto found = held_.find(key);
          if (found == held_.end()) return;
          found->second.timer.cancel();
          subscriptions_.renew(found->second.party, found->second.server, found->second.recipient_id);
        });
      });
}

}  // namespace simplex::agent
