#include "schema.hpp"

namespace simplex::agent {
namespace {

// Times are nanoseconds since 1970. Private keys are PKCS #8 where a field may hold several kinds of key, else raw.
constexpr std::string_view first_up = R"sql(
CREATE TABLE users (
  user_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE connections (
  conn INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  connection_id BLOB NOT NULL UNIQUE,
  user_id INTEGER NOT NULL REFERENCES users,
  role INTEGER NOT NULL,                       -- see Role
  agent_version INTEGER NOT NULL,              -- agreed; before that, our highest
  pq_support INTEGER NOT NULL,
  connected INTEGER NOT NULL DEFAULT 0,        -- CON was reported
  deleted INTEGER NOT NULL DEFAULT 0,          -- waits for its queues to be deleted at their relays
  link TEXT NOT NULL DEFAULT '',               -- of an invitation that was made
  last_message INTEGER NOT NULL DEFAULT 0,     -- our numbers of both directions
  last_sent_number INTEGER NOT NULL DEFAULT 0,
  last_sent_hash BLOB NOT NULL DEFAULT x'',
  last_received_number INTEGER NOT NULL DEFAULT 0,
  last_received_hash BLOB NOT NULL DEFAULT x'',
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX connections_of_user ON connections (user_id);

CREATE TABLE rcv_queues (
  queue INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  conn INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
  server TEXT NOT NULL,
  recipient_id BLOB NOT NULL,
  sender_id BLOB NOT NULL,
  recipient_key BLOB NOT NULL,                 -- authorizes our commands
  relay_key BLOB NOT NULL,                     -- box key of the relay's layer
  dh_key BLOB NOT NULL,                        -- X25519 private, for the sender's layer
  e2e_key BLOB,                                -- box key of the sender's layer, after the confirmation
  mode INTEGER,                                -- 0 messaging, 1 contact
  status INTEGER NOT NULL,                     -- 0 new, 1 confirmed, 2 secured, 3 active
  client_version INTEGER NOT NULL,
  UNIQUE (server, recipient_id)
) STRICT;
CREATE INDEX rcv_queues_of_connection ON rcv_queues (conn);

CREATE TABLE snd_queues (
  queue INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  conn INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
  server TEXT NOT NULL,
  sender_id BLOB NOT NULL,
  sender_key BLOB NOT NULL,                    -- authorizes SKEY and SEND
  dh_public BLOB NOT NULL,                     -- X25519, shown in the confirmation
  e2e_key BLOB NOT NULL,                       -- box key of our layer
  mode INTEGER,
  status INTEGER NOT NULL,
  client_version INTEGER NOT NULL
) STRICT;
CREATE INDEX snd_queues_of_connection ON snd_queues (conn);
CREATE INDEX snd_queues_of_server ON snd_queues (server);

CREATE TABLE ratchets (
  conn INTEGER NOT NULL PRIMARY KEY REFERENCES connections ON DELETE CASCADE,
  x3dh_keys BLOB,                              -- of the inviter, until the confirmation comes
  e2e_params BLOB,                             -- of the joining side, for its confirmation
  state BLOB
) STRICT;

CREATE TABLE skipped_keys (
  conn INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
  header_key BLOB NOT NULL,
  number INTEGER NOT NULL,
  message_key BLOB NOT NULL,
  PRIMARY KEY (conn, header_key, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE confirmations (
  confirmation INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  conn INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
  sender_key BLOB,                             -- SPKI; null: the sender has secured the queue
  reply_queue BLOB NOT NULL,
  own_info BLOB                                -- not null: accepted
) STRICT;
CREATE INDEX confirmations_of_connection ON confirmations (conn);

CREATE TABLE rcv_messages (
  conn INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
  message INTEGER NOT NULL,
  queue INTEGER NOT NULL,
  relay_message_id BLOB NOT NULL,
  event INTEGER NOT NULL,
  number INTEGER NOT NULL,
  integrity BLOB NOT NULL,
  body BLOB NOT NULL,
  pq INTEGER NOT NULL,
  relay_time INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  PRIMARY KEY (conn, message)
) STRICT;
CREATE INDEX rcv_messages_at_relay ON rcv_messages (queue, relay_message_id);

-- SHA-256 of ratchet messages that were received, to know them again.
CREATE TABLE received_hashes (
  conn INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
  hash BLOB NOT NULL,
  received_at INTEGER NOT NULL,
  PRIMARY KEY (conn, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX received_hashes_by_age ON received_hashes (received_at);

CREATE TABLE deliveries (
  delivery INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  conn INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
  queue INTEGER NOT NULL REFERENCES snd_queues ON DELETE CASCADE,
  message INTEGER NOT NULL,
  kind INTEGER NOT NULL,                       -- see DeliveryKind
  encrypt_key BLOB NOT NULL,                   -- the ratchet's key and header for this message
  padded_size INTEGER NOT NULL,
  plaintext BLOB NOT NULL,                     -- encoded agent message
  pq INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX deliveries_of_queue ON deliveries (queue, delivery);
CREATE INDEX deliveries_of_connection ON deliveries (conn);

CREATE TABLE send_keys (
  conn INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
  send_key BLOB NOT NULL,
  message INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (conn, send_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX send_keys_by_age ON send_keys (created_at);

CREATE TABLE commands (
  command INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  conn INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
  kind INTEGER NOT NULL,                       -- see CommandKind
  server TEXT NOT NULL,                        -- where a queue is to be created
  argument BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX commands_of_connection ON commands (conn);

CREATE TABLE events (
  event INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  connection_id BLOB NOT NULL,
  kind INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;
CREATE INDEX events_of_connection ON events (connection_id);
)sql";

constexpr std::string_view first_down = R"sql(
DROP TABLE events;
DROP TABLE commands;
DROP TABLE send_keys;
DROP TABLE deliveries;
DROP TABLE received_hashes;
DROP TABLE rcv_messages;
DROP TABLE confirmations;
DROP TABLE skipped_keys;
DROP TABLE ratchets;
DROP TABLE snd_queues;
DROP TABLE rcv_queues;
DROP TABLE connections;
DROP TABLE users;
)sql";

// Messages that a receipt may come for, and what of a received one its receipt says.
constexpr std::string_view receipts_up = R"sql(
CREATE TABLE sent_messages (
  conn INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
  number INTEGER NOT NULL,                     -- that the peer knows it by
  message INTEGER NOT NULL,
  hash BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (conn, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX sent_messages_by_age ON sent_messages (created_at);

ALTER TABLE rcv_messages ADD COLUMN hash BLOB NOT NULL DEFAULT x'';
)sql";

constexpr std::string_view receipts_down = R"sql(
ALTER TABLE rcv_messages DROP COLUMN hash;
DROP TABLE sent_messages;
)sql";

constexpr std::string_view ratchet_sync_up = R"sql(
ALTER TABLE connections ADD COLUMN ratchet_sync INTEGER NOT NULL DEFAULT 0;  -- see RatchetSyncState
ALTER TABLE ratchets ADD COLUMN peer_keys BLOB;  -- the peer's last keys for a new ratchet, until that works

-- SHA-256 of the peer's keys that were used, to know them again.
CREATE TABLE seen_ratchet_keys (
  conn INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
  hash BLOB NOT NULL,
  received_at INTEGER NOT NULL,
  PRIMARY KEY (conn, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_ratchet_keys_by_age ON seen_ratchet_keys (received_at);
)sql";

constexpr std::string_view ratchet_sync_down = R"sql(
DROP TABLE seen_ratchet_keys;
ALTER TABLE ratchets DROP COLUMN peer_keys;
ALTER TABLE connections DROP COLUMN ratchet_sync;
)sql";

constexpr std::string_view requests_up = R"sql(
ALTER TABLE snd_queues ADD COLUMN purpose INTEGER NOT NULL DEFAULT 0;  -- see QueuePurpose

CREATE TABLE requests (
  request INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  conn INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,  -- our address
  hash BLOB NOT NULL,                          -- SHA-256 of the invitation, to know it again
  link TEXT NOT NULL,                          -- the invitation; empty: answered
  created_at INTEGER NOT NULL,
  UNIQUE (conn, hash)
) STRICT;
)sql";

constexpr std::string_view requests_down = R"sql(
DROP TABLE requests;
DELETE FROM connections WHERE role = 2;
DELETE FROM snd_queues WHERE purpose <> 0;
ALTER TABLE snd_queues DROP COLUMN purpose;
)sql";

// Queues that take the place of others: messages go both ways until the new one works.
constexpr std::string_view rotation_up = R"sql(
ALTER TABLE rcv_queues ADD COLUMN purpose INTEGER NOT NULL DEFAULT 0;  -- see QueuePurpose
ALTER TABLE deliveries ADD COLUMN twin INTEGER;  -- the same message, on its way through the other queue
ALTER TABLE deliveries ADD COLUMN told INTEGER NOT NULL DEFAULT 0;     -- its twin has arrived, and was spoken of

-- Queues that were offered to the peer and taken back: what it still says of them is no mistake.
CREATE TABLE former_queues (
  conn INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
  sender_id BLOB NOT NULL,
  ended_at INTEGER NOT NULL,
  PRIMARY KEY (conn, sender_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX former_queues_by_age ON former_queues (ended_at);
)sql";

constexpr std::string_view rotation_down = R"sql(
DROP TABLE former_queues;
DELETE FROM commands WHERE kind IN (6, 7, 8);
DELETE FROM commands WHERE kind = 4 AND conn IN (SELECT conn FROM connections WHERE deleted = 0);
DELETE FROM rcv_queues WHERE purpose <> 0;
DELETE FROM snd_queues WHERE purpose = 2;
UPDATE deliveries SET kind = 4 WHERE kind IN (7, 8);
ALTER TABLE deliveries DROP COLUMN told;
ALTER TABLE deliveries DROP COLUMN twin;
ALTER TABLE rcv_queues DROP COLUMN purpose;
)sql";

constexpr std::string_view pq_wanted_up = R"sql(
ALTER TABLE connections ADD COLUMN pq_wanted INTEGER NOT NULL DEFAULT 0;
UPDATE connections SET pq_wanted = pq_support;
)sql";

constexpr std::string_view pq_wanted_down = "ALTER TABLE connections DROP COLUMN pq_wanted;";

// For automatic rotation.
constexpr std::string_view queue_since_up = R"sql(
ALTER TABLE connections ADD COLUMN queue_since INTEGER NOT NULL DEFAULT 0;  -- made, or last begun to be replaced
ALTER TABLE connections ADD COLUMN queue_since_number INTEGER NOT NULL DEFAULT 0;  -- last_received_number then
UPDATE connections SET queue_since = created_at;
)sql";

constexpr std::string_view queue_since_down = R"sql(
ALTER TABLE connections DROP COLUMN queue_since_number;
ALTER TABLE connections DROP COLUMN queue_since;
)sql";

// Short links. A program from before would leave out that one was wanted, and so does the way back.
constexpr std::string_view links_up = R"sql(
CREATE TABLE own_links (
  conn INTEGER NOT NULL PRIMARY KEY REFERENCES connections ON DELETE CASCADE,
  link_id BLOB NOT NULL,
  link_key BLOB NOT NULL,
  signing_key BLOB NOT NULL,                   -- Ed25519 private
  root_key BLOB NOT NULL,                      -- Ed25519
  sealed_fixed BLOB NOT NULL,                  -- as its relay has it
  link TEXT NOT NULL
) STRICT;

-- One-time links of others: the key that the relay gave their data to.
CREATE TABLE read_invitations (
  server TEXT NOT NULL,
  link_id BLOB NOT NULL,
  sender_key BLOB NOT NULL,                    -- Ed25519 private
  created_at INTEGER NOT NULL,
  PRIMARY KEY (server, link_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX read_invitations_by_age ON read_invitations (created_at);
)sql";

constexpr std::string_view links_down = R"sql(
DELETE FROM commands WHERE kind IN (9, 10, 11);
UPDATE commands SET argument = x'' WHERE kind = 0;
DROP TABLE read_invitations;
DROP TABLE own_links;
)sql";

// What is sent to many is stored once: their deliveries have its end in common.
constexpr std::string_view bodies_up = R"sql(
CREATE TABLE bodies (
  body INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  content BLOB NOT NULL
) STRICT;
ALTER TABLE deliveries ADD COLUMN body INTEGER;  -- what follows the plaintext
CREATE INDEX deliveries_of_body ON deliveries (body) WHERE body IS NOT NULL;
CREATE TRIGGER deliveries_last_of_body AFTER DELETE ON deliveries
WHEN OLD.body IS NOT NULL AND NOT EXISTS (SELECT 1 FROM deliveries WHERE body = OLD.body)
BEGIN
  DELETE FROM bodies WHERE body = OLD.body;
END;
)sql";

constexpr std::string_view bodies_down = R"sql(
DROP TRIGGER deliveries_last_of_body;
DROP INDEX deliveries_of_body;
UPDATE deliveries SET plaintext =
  CAST(plaintext || (SELECT content FROM bodies WHERE bodies.body = deliveries.body) AS BLOB) WHERE body IS NOT NULL;
ALTER TABLE deliveries DROP COLUMN body;
DROP TABLE bodies;
)sql";

// What makes an old copy of the database known (lineage.hpp), and what is in doubt in it.
constexpr std::string_view lineage_up = R"sql(
CREATE TABLE lineage (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  database_id BLOB NOT NULL,
  generation INTEGER NOT NULL,
  copy INTEGER NOT NULL                        -- 1: made as a copy, and not opened yet
) STRICT;

ALTER TABLE connections ADD COLUMN keys_in_doubt INTEGER NOT NULL DEFAULT 0;  -- see KeyDoubt
CREATE INDEX connections_in_doubt ON connections (keys_in_doubt) WHERE keys_in_doubt <> 0;
)sql";

constexpr std::string_view lineage_down = R"sql(
DROP INDEX connections_in_doubt;
ALTER TABLE connections DROP COLUMN keys_in_doubt;
DROP TABLE lineage;
)sql";

// Connections with queues at two relays: queues with the purposes 4 and 5, of which one may have the status 4.
constexpr std::string_view redundancy_up = R"sql(
ALTER TABLE confirmations ADD COLUMN second_reply_queue BLOB;
)sql";

constexpr std::string_view redundancy_down = R"sql(
DELETE FROM commands WHERE kind IN (12, 13);
UPDATE deliveries SET twin = NULL WHERE conn IN (SELECT conn FROM snd_queues WHERE purpose IN (4, 5));
DELETE FROM snd_queues WHERE purpose IN (4, 5);
DELETE FROM rcv_queues WHERE purpose IN (4, 5);
UPDATE snd_queues SET status = 3 WHERE status = 4;
UPDATE rcv_queues SET status = 3 WHERE status = 4;
ALTER TABLE confirmations DROP COLUMN second_reply_queue;
)sql";

// For statistics.hpp.
constexpr std::string_view statistics_up = R"sql(
CREATE TABLE statistics (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  since INTEGER NOT NULL
) STRICT;

CREATE TABLE relay_counters (
  user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
  server TEXT NOT NULL,
  counter INTEGER NOT NULL,                    -- see RelayCounter
  number INTEGER NOT NULL,
  PRIMARY KEY (user_id, server, counter)
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::string_view statistics_down = R"sql(
DROP TABLE relay_counters;
DROP TABLE statistics;
)sql";

// Of each queue the message that came again, or could not be handled: see redeliveries.hpp.
constexpr std::string_view redeliveries_up = R"sql(
CREATE TABLE redeliveries (
  queue INTEGER NOT NULL PRIMARY KEY REFERENCES rcv_queues ON DELETE CASCADE,
  relay_message_id BLOB NOT NULL,
  number INTEGER NOT NULL,
  at_start INTEGER NOT NULL,                   -- 1: the last one counted was the start of the program
  first_at INTEGER NOT NULL
) STRICT;
)sql";

constexpr std::string_view redeliveries_down = "DROP TABLE redeliveries;";

// Whether a message is to wake the peer's device; so far that depended on its kind.
constexpr std::string_view notify_up = R"sql(
ALTER TABLE deliveries ADD COLUMN notify INTEGER NOT NULL DEFAULT 1;
UPDATE deliveries SET notify = 0 WHERE kind IN (4, 7, 8);
ALTER TABLE rcv_messages ADD COLUMN notify INTEGER NOT NULL DEFAULT 1;
)sql";

constexpr std::string_view notify_down = R"sql(
ALTER TABLE rcv_messages DROP COLUMN notify;
ALTER TABLE deliveries DROP COLUMN notify;
)sql";

// Our keys for a queue that the peer has added are still to be said: rotation.hpp.
constexpr std::string_view keys_due_up = "ALTER TABLE snd_queues ADD COLUMN keys_due INTEGER NOT NULL DEFAULT 0;";

constexpr std::string_view keys_due_down = "ALTER TABLE snd_queues DROP COLUMN keys_due;";

constexpr std::string_view deleted_users_up = R"sql(
ALTER TABLE users ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;  -- its queues are still at their relays
)sql";

constexpr std::string_view deleted_users_down = R"sql(
ALTER TABLE users DROP COLUMN deleted;
)sql";

constexpr std::string_view mixing_up = R"sql(
ALTER TABLE connections ADD COLUMN max_delay INTEGER NOT NULL DEFAULT 0;       -- see Mixing
ALTER TABLE connections ADD COLUMN cover_interval INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN covers_unheard INTEGER NOT NULL DEFAULT 0;  -- since the peer was heard from
ALTER TABLE deliveries ADD COLUMN not_before INTEGER;
CREATE INDEX connections_with_covers ON connections (conn) WHERE cover_interval > 0;
)sql";

constexpr std::string_view mixing_down = R"sql(
DROP INDEX connections_with_covers;
ALTER TABLE deliveries DROP COLUMN not_before;
ALTER TABLE connections DROP COLUMN covers_unheard;
ALTER TABLE connections DROP COLUMN cover_interval;
ALTER TABLE connections DROP COLUMN max_delay;
)sql";

constexpr store::Migration migrations[] = {
    {1, "agent: connections, queues, ratchets, messages", first_up, first_down},
    {2, "agent: receipts", receipts_up, receipts_down},
    {3, "agent: agreement on new ratchet keys", ratchet_sync_up, ratchet_sync_down},
    {4, "agent: addresses and requests", requests_up, requests_down},
    {5, "agent: rotation of queues", rotation_up, rotation_down},
    {6, "agent: post-quantum encryption on and off", pq_wanted_up, pq_wanted_down},
    {7, "agent: automatic rotation", queue_since_up, queue_since_down},
    {8, "agent: short links", links_up, links_down},
    {9, "agent: bodies of messages to many", bodies_up, bodies_down},
    {10, "agent: lineage of the database", lineage_up, lineage_down},
    {11, "agent: queues at two relays", redundancy_up, redundancy_down},
    {12, "agent: statistics of relays", statistics_up, statistics_down},
    {13, "agent: redelivered messages", redeliveries_up, redeliveries_down},
    {14, "agent: messages that wake no device", notify_up, notify_down},
    {15, "agent: keys of added queues", keys_due_up, keys_due_down},
    {16, "agent: users that are being deleted", deleted_users_up, deleted_users_down},
    {17, "agent: message mixing", mixing_up, mixing_down},
};

}  // namespace

std::span<const store::Migration> agent_migrations() noexcept { return migrations; }

}  // namespace simplex::agent
