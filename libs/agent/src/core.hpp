// What the parts of the agent share: the database with its tables, the turn, the events, and what was handed in.
#pragma once

#include "simplex/agent/config.hpp"
#include "command_table.hpp"
#include "link_table.hpp"
#include "message_table.hpp"
#include "outbox.hpp"
#include "queue_table.hpp"
#include "ratchet_table.hpp"
#include "request_table.hpp"
#include "statistics.hpp"
#include "turn.hpp"
#include "user_servers.hpp"

namespace simplex::agent {

struct Core {
  Core(Dependencies deps, Config configuration, UserServers own_servers, store::Database opened,
       std::move_only_function<void(Error)> turn_failed)
      : dependencies(deps),
        config(std::move(configuration)),
        servers(std::move(own_servers)),
        database(std::move(opened)),
        turn(deps.loop, database, std::move(turn_failed)),
        connections(database),
        queues(database),
        ratchets(database, deps.random),
        messages(database),
        commands(database),
        requests(database),
        links(database),
        statistics(database, turn),
        outbox(deps.loop, database, turn, connections, messages) {}

  [[nodiscard]] WallTime now() const { return dependencies.loop.wall(); }
  // What happened outside the application's calls could not be stored: undo the turn and begin again.
  void storage_failed(const Error& error) { turn.abandon(error); }
  // In a turn: both directions of a connection work.
  [[nodiscard]] Result<> now_connected(const Connection& connection, bool pq);
  // In a turn: the last of a connection, and with it of a user that is being deleted.
  [[nodiscard]] Result<> erase(const Connection& connection);
  [[nodiscard]] Result<> erase_deleted_user(UserId user);

  Dependencies dependencies;
  Config config;
  UserServers servers;
  store::Database database;
  Turn turn;
  ConnectionTable connections;
  QueueTable queues;
  RatchetTable ratchets;
  MessageTable messages;
  CommandTable commands;
  RequestTable requests;
  LinkTable links;
  Statistics statistics;
  Outbox outbox;
};

}  // namespace simplex::agent
