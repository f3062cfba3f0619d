// Events on their way to the application: durable ones are rows until they are handled.
#pragma once

#include <deque>

#include "simplex/agent/agent.hpp"
#include "message_table.hpp"
#include "turn.hpp"

namespace simplex::agent {

class Outbox {
 public:
  Outbox(async::Loop& loop, store::Database& database, Turn& turn, ConnectionTable& connections,
         MessageTable& messages);

  // From here on events are delivered, those of earlier runs first.
  [[nodiscard]] Result<> start(EventHandler handler);
  void stop();

  // In a turn: becomes a row. A received message's own row is stored by the caller, with the id returned.
  Result<EventId> durable(EventBody event);
  // Passing events too go after the turn's commit; outside of a turn, at once.
  void passing(EventBody event);

  [[nodiscard]] Result<> handled(EventId event);
  [[nodiscard]] Result<> forget(ConnectionId connection);

 private:
  void push(Event event);
  void schedule();
  void dispatch();
  [[nodiscard]] Result<> load_backlog();

  async::Loop& loop_;
  store::Database& database_;
  Turn& turn_;
  ConnectionTable& connections_;
  MessageTable& messages_;
  std::shared_ptr<EventHandler> handler_;  // shared: an event may stop the agent while it is being handled
  std::deque<Event> waiting_;
  std::deque<Event> backlog_;
  std::int64_t backlog_next_ = 0;  // events of earlier runs from here to backlog_end_ are still in the database
  std::int64_t backlog_end_ = 0;
  bool scheduled_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace simplex::agent
