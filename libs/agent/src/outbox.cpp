#include "outbox.hpp"

#include "event_encoding.hpp"

namespace simplex::agent {
namespace {

constexpr int backlog_part = 64;  // events loaded at once: messages may have 16 KB each

}  // namespace

Outbox::Outbox(async::Loop& loop, store::Database& database, Turn& turn, ConnectionTable& connections,
               MessageTable& messages)
    : loop_(loop), database_(database), turn_(turn), connections_(connections), messages_(messages) {}

Result<> Outbox::start(EventHandler handler) {
  SIMPLEX_ASSIGN(auto row, database_.prepare("SELECT coalesce(min(event), 1), coalesce(max(event), 0) FROM events"));
  SIMPLEX_TRY(row.step());
  backlog_next_ = row.integer(0);
  backlog_end_ = row.integer(1);
  handler_ = std::make_shared<EventHandler>(std::move(handler));
  schedule();
  return {};
}

void Outbox::stop() {
  handler_.reset();
  waiting_.clear();
  backlog_.clear();
  alive_ = std::make_shared<bool>(true);
  scheduled_ = false;
}

Result<EventId> Outbox::durable(EventBody event) {
  const auto encoded = encode_event(event);
  if (!encoded) return fail(ErrorKind::internal, "A passing event cannot be stored.");
  SIMPLEX_TRY(database_.run("INSERT INTO events (connection_id, kind, payload) VALUES (?, ?, ?)", encoded->connection,
                            static_cast<int>(encoded->kind), encoded->payload));
  const EventId id(database_.last_row_id());
  turn_.after_commit([this, made = Event{id, std::move(event)}]() mutable { push(std::move(made)); });
  return id;
}

void Outbox::passing(EventBody event) {
  if (turn_.inside()) {
    turn_.after_commit([this, made = Event{std::nullopt, std::move(event)}]() mutable { push(std::move(made)); });
  } else {
    push({std::nullopt, std::move(event)});
  }
}

Result<> Outbox::handled(EventId event) {
  SIMPLEX_TRY(database_.run("DELETE FROM events WHERE event = ?", event));
  return {};
}

Result<> Outbox::forget(ConnectionId connection) {
  SIMPLEX_TRY(database_.run("DELETE FROM events WHERE connection_id = ?", connection));
  return {};
}

void Outbox::push(Event event) {
  if (!handler_) return;
  waiting_.push_back(std::move(event));
  schedule();
}

void Outbox::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) dispatch();
  });
}

Result<> Outbox::load_backlog() {
  SIMPLEX_ASSIGN(auto rows, database_.prepare("SELECT event, connection_id, kind, payload FROM events "
                                              "WHERE event >= ? AND event <= ? ORDER BY event LIMIT ?"));
  SIMPLEX_TRY(rows.bind_all(backlog_next_, backlog_end_, backlog_part));
  // Rows that are not shown count, too: behind them there may be more.
  for (int count = 0; count < backlog_part; ++count) {
    SIMPLEX_ASSIGN(const bool row, rows.step());
    if (!row) {
      backlog_next_ = backlog_end_ + 1;
      break;
    }
    const auto id = rows.number<EventId>(0);
    backlog_next_ = id.value() + 1;
    SIMPLEX_ASSIGN(auto connection, rows.fixed<ConnectionId>(1));
    auto body = decode_event(static_cast<EventKind>(rows.integer(2)), connection, rows.octets(3));
    if (!body) continue;  // of a newer program that was gone back from
    if (auto* received = std::get_if<MessageReceived>(&*body)) {
      SIMPLEX_ASSIGN(auto owner, connections_.find(connection));
      if (!owner) continue;
      SIMPLEX_ASSIGN(auto message, messages_.received(owner->key, connection, received->message));
      if (!message) continue;
      *received = std::move(message->content);
    }
    backlog_.push_back({id, std::move(*body)});
  }
  return {};
}

void Outbox::dispatch() {
  scheduled_ = false;
  const std::weak_ptr alive = alive_;
  if (backlog_next_ <= backlog_end_) {
    const auto from = backlog_next_;
    if (auto loaded = load_backlog(); !loaded) {
      if (backlog_next_ == from) backlog_next_ = backlog_end_ + 1;  // it would fail again
      push({std::nullopt, AgentProblem{std::nullopt, Failure::storage, loaded.error()}});
    }
  }
  const bool more = backlog_next_ <= backlog_end_;
  auto now = std::exchange(backlog_, {});
  if (!more) {
    for (auto& event : waiting_) now.push_back(std::move(event));
    waiting_.clear();
  }
  for (const auto& event : now) {
    const auto handler = handler_;
    if (!handler) return;
    (*handler)(event);
    if (alive.expired()) return;
  }
  if (more) schedule();
}

}  // namespace simplex::agent
