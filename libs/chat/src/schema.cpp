#include "schema.hpp"

#include <array>

namespace simplex::chat {

namespace {

constexpr std::array migrations{store::Migration{
    1, "conversations",
    // connections: what the agent connects for us. contact_id is set when the peer's profile has arrived.
    // closing: not 0 when the contact was deleted; 1 until the peer is being told, then the number of that message.
    // items: message and notice rows. send_key makes the hand-over to the agent repeatable; agent_message is its number.
    // progress: the last durable event of the agent that is stored here.
    R"sql(
CREATE TABLE users (
  user_id INTEGER PRIMARY KEY,
  agent_user_id INTEGER NOT NULL UNIQUE,
  profile TEXT NOT NULL
) STRICT;
CREATE TABLE contacts (
  contact_id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  name TEXT NOT NULL,
  profile TEXT NOT NULL,
  state INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (user_id, name)
) STRICT;
CREATE TABLE connections (
  agent_connection BLOB PRIMARY KEY NOT NULL,
  user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  contact_id INTEGER REFERENCES contacts ON DELETE CASCADE,
  initiated INTEGER NOT NULL,
  closing INTEGER NOT NULL DEFAULT 0,
  post_quantum INTEGER NOT NULL,
  peer_max_version INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX connections_of_contact ON connections (contact_id);
CREATE TABLE items (
  item_id INTEGER PRIMARY KEY,
  contact_id INTEGER NOT NULL REFERENCES contacts ON DELETE CASCADE,
  direction INTEGER NOT NULL,
  status INTEGER NOT NULL,
  text TEXT NOT NULL,
  message TEXT NOT NULL,
  shared_id BLOB,
  send_key BLOB UNIQUE,
  agent_message INTEGER,
  time INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX items_of_contact ON items (contact_id, item_id);
CREATE INDEX items_on_their_way ON items (item_id) WHERE direction = 0 AND status = 0;
CREATE INDEX items_by_agent_message ON items (contact_id, agent_message) WHERE direction = 0;
CREATE TABLE settings (
  name TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE progress (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  last_event INTEGER NOT NULL
) STRICT;
INSERT INTO progress (only_row, last_event) VALUES (1, 0);
)sql",
    R"sql(
DROP TABLE progress;
DROP TABLE settings;
DROP TABLE items;
DROP TABLE connections;
DROP TABLE contacts;
DROP TABLE users;
)sql"}};

}  // namespace

std::span<const store::Migration> chat_migrations() { return migrations; }

}  // namespace simplex::chat
