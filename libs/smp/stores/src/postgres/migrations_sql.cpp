#include "postgres/migrations.hpp"

namespace simplex::smp::stores::postgres {
namespace {

// ---- 20250207: queues

constexpr const char* initial = R"(
CREATE TABLE msg_queues (
  recipient_id BYTEA NOT NULL PRIMARY KEY,
  recipient_key BYTEA NOT NULL,
  rcv_dh_secret BYTEA NOT NULL,
  sender_id BYTEA NOT NULL,
  sender_key BYTEA,
  snd_secure BOOLEAN NOT NULL,
  notifier_id BYTEA,
  notifier_key BYTEA,
  rcv_ntf_dh_secret BYTEA,
  status TEXT NOT NULL,
  updated_at BIGINT,
  deleted_at BIGINT
);
CREATE UNIQUE INDEX idx_msg_queues_sender_id ON msg_queues (sender_id);
CREATE UNIQUE INDEX idx_msg_queues_notifier_id ON msg_queues (notifier_id);
CREATE INDEX idx_msg_queues_deleted_at ON msg_queues (deleted_at);
)";

// ---- 20250319

constexpr const char* updated_index = R"(
CREATE INDEX idx_msg_queues_updated_at ON msg_queues (deleted_at, updated_at);
DROP INDEX idx_msg_queues_deleted_at;
)";
constexpr const char* updated_index_down = R"(
CREATE INDEX idx_msg_queues_deleted_at ON msg_queues (deleted_at);
DROP INDEX idx_msg_queues_updated_at;
)";

// ---- 20250320: modes, links, several recipient keys (count, then each with its length)

constexpr const char* short_links = R"(
ALTER TABLE msg_queues ADD COLUMN queue_mode TEXT;
ALTER TABLE msg_queues ADD COLUMN link_id BYTEA;
ALTER TABLE msg_queues ADD COLUMN fixed_data BYTEA;
ALTER TABLE msg_queues ADD COLUMN user_data BYTEA;
ALTER TABLE msg_queues RENAME COLUMN recipient_key TO recipient_keys;
UPDATE msg_queues SET
  queue_mode = CASE WHEN snd_secure THEN 'M' END,
  recipient_keys = set_byte('\x0100'::BYTEA, 1, octet_length(recipient_keys)) || recipient_keys;
ALTER TABLE msg_queues DROP COLUMN snd_secure;
CREATE UNIQUE INDEX idx_msg_queues_link_id ON msg_queues (link_id);
)";
constexpr const char* short_links_down = R"(
DO $do$ BEGIN
  IF EXISTS (SELECT FROM msg_queues WHERE get_byte(recipient_keys, 0) <> 1) THEN
    RAISE EXCEPTION 'queues with several recipient keys can not be kept in the older schema';
  END IF;
END $do$;
ALTER TABLE msg_queues ADD COLUMN snd_secure BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE msg_queues SET
  snd_secure = coalesce(queue_mode = 'M', FALSE),
  recipient_keys = substring(recipient_keys FROM 3);
ALTER TABLE msg_queues RENAME COLUMN recipient_keys TO recipient_key;
ALTER TABLE msg_queues DROP COLUMN queue_mode;
ALTER TABLE msg_queues DROP COLUMN link_id;
ALTER TABLE msg_queues DROP COLUMN fixed_data;
ALTER TABLE msg_queues DROP COLUMN user_data;
)";

// ---- 20250514: services

constexpr const char* service_certs = R"(
CREATE TABLE services (
  service_id BYTEA NOT NULL PRIMARY KEY,
  service_role TEXT NOT NULL,
  service_cert BYTEA NOT NULL,
  service_cert_hash BYTEA NOT NULL UNIQUE,
  created_at BIGINT NOT NULL
);
CREATE INDEX idx_services_service_role ON services (service_role);
ALTER TABLE msg_queues ADD COLUMN rcv_service_id BYTEA
  REFERENCES services (service_id) ON UPDATE RESTRICT ON DELETE SET NULL;
ALTER TABLE msg_queues ADD COLUMN ntf_service_id BYTEA
  REFERENCES services (service_id) ON UPDATE RESTRICT ON DELETE SET NULL;
CREATE INDEX idx_msg_queues_rcv_service_id ON msg_queues (rcv_service_id, deleted_at);
CREATE INDEX idx_msg_queues_ntf_service_id ON msg_queues (ntf_service_id, deleted_at);
)";
constexpr const char* service_certs_down = R"(
ALTER TABLE msg_queues DROP COLUMN rcv_service_id;
ALTER TABLE msg_queues DROP COLUMN ntf_service_id;
DROP TABLE services;
)";

// ---- 20250903: messages. The functions are for the reference relay; ours has statements of its own.

constexpr const char* store_messages = R"(
CREATE TABLE messages (
  message_id BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  recipient_id BYTEA NOT NULL REFERENCES msg_queues ON UPDATE RESTRICT ON DELETE CASCADE,
  msg_id BYTEA NOT NULL,
  msg_ts BIGINT NOT NULL,
  msg_quota BOOLEAN NOT NULL,
  msg_ntf_flag BOOLEAN NOT NULL,
  msg_body BYTEA NOT NULL
);
CREATE INDEX idx_messages_recipient_id_message_id ON messages (recipient_id, message_id);
CREATE INDEX idx_messages_recipient_id_msg_ts ON messages (recipient_id, msg_ts);
CREATE INDEX idx_messages_recipient_id_msg_quota ON messages (recipient_id, msg_quota);

ALTER TABLE msg_queues ADD COLUMN msg_can_write BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE msg_queues ADD COLUMN msg_queue_expire BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE msg_queues ADD COLUMN msg_queue_size BIGINT NOT NULL DEFAULT 0;
CREATE INDEX idx_msg_queues_updated_at_recipient_id
  ON msg_queues (deleted_at, updated_at, msg_queue_expire, recipient_id);
DROP INDEX idx_msg_queues_updated_at;

CREATE FUNCTION write_message(
  p_recipient_id BYTEA, p_msg_id BYTEA, p_msg_ts BIGINT, p_msg_quota BOOLEAN, p_msg_ntf_flag BOOLEAN,
  p_msg_body BYTEA, p_quota INT
) RETURNS TABLE (quota_written BOOLEAN, was_empty BOOLEAN) LANGUAGE plpgsql AS $function$
DECLARE
  queue RECORD;
  marker BOOLEAN;
BEGIN
  SELECT q.msg_can_write AS writable, q.msg_queue_size AS waiting INTO queue
    FROM msg_queues q WHERE q.recipient_id = p_recipient_id AND q.deleted_at IS NULL FOR UPDATE;
  IF NOT FOUND OR NOT (queue.writable OR queue.waiting = 0) THEN
    RETURN;
  END IF;
  marker := p_msg_quota OR queue.waiting >= p_quota;
  INSERT INTO messages (recipient_id, msg_id, msg_ts, msg_quota, msg_ntf_flag, msg_body)
    SELECT p_recipient_id, p_msg_id, p_msg_ts, marker, p_msg_ntf_flag AND NOT marker,
      CASE WHEN marker THEN ''::BYTEA ELSE p_msg_body END;
  UPDATE msg_queues q
    SET msg_queue_size = q.msg_queue_size + 1, msg_can_write = NOT marker, msg_queue_expire = TRUE
    WHERE q.recipient_id = p_recipient_id;
  RETURN QUERY SELECT marker, queue.waiting = 0;
END $function$;

CREATE FUNCTION try_del_msg(p_recipient_id BYTEA, p_msg_id BYTEA)
RETURNS TABLE (r_msg_id BYTEA, r_msg_ts BIGINT, r_msg_quota BOOLEAN, r_msg_ntf_flag BOOLEAN, r_msg_body BYTEA)
LANGUAGE plpgsql AS $function$
DECLARE
  waiting BIGINT;
  oldest messages%ROWTYPE;
BEGIN
  SELECT q.msg_queue_size INTO waiting
    FROM msg_queues q WHERE q.recipient_id = p_recipient_id AND q.deleted_at IS NULL FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT m.* INTO oldest FROM messages m WHERE m.recipient_id = p_recipient_id ORDER BY m.message_id LIMIT 1;
  IF NOT FOUND THEN
    UPDATE msg_queues q SET msg_queue_size = 0, msg_can_write = TRUE, msg_queue_expire = FALSE
      WHERE q.recipient_id = p_recipient_id AND waiting <> 0;
    RETURN;
  END IF;
  IF oldest.msg_id <> p_msg_id THEN
    RETURN;
  END IF;
  DELETE FROM messages m WHERE m.message_id = oldest.message_id;
  UPDATE msg_queues q
    SET msg_queue_size = greatest(waiting - 1, 0), msg_can_write = q.msg_can_write OR waiting <= 1,
      msg_queue_expire = waiting > 1
    WHERE q.recipient_id = p_recipient_id;
  RETURN QUERY SELECT oldest.msg_id, oldest.msg_ts, oldest.msg_quota, oldest.msg_ntf_flag, oldest.msg_body;
END $function$;

CREATE FUNCTION try_del_peek_msg(p_recipient_id BYTEA, p_msg_id BYTEA)
RETURNS TABLE (r_msg_id BYTEA, r_msg_ts BIGINT, r_msg_quota BOOLEAN, r_msg_ntf_flag BOOLEAN, r_msg_body BYTEA)
LANGUAGE plpgsql AS $function$
DECLARE
  oldest RECORD;
BEGIN
  RETURN QUERY SELECT d.* FROM try_del_msg(p_recipient_id, p_msg_id) d;
  IF NOT EXISTS (SELECT FROM msg_queues q WHERE q.recipient_id = p_recipient_id AND q.deleted_at IS NULL) THEN
    RETURN;
  END IF;
  RETURN QUERY SELECT m.msg_id, m.msg_ts, m.msg_quota, m.msg_ntf_flag, m.msg_body
    FROM messages m WHERE m.recipient_id = p_recipient_id ORDER BY m.message_id LIMIT 1;
END $function$;

CREATE FUNCTION delete_expired_msgs(p_recipient_id BYTEA, p_old_ts BIGINT) RETURNS BIGINT
LANGUAGE plpgsql AS $function$
DECLARE
  waiting BIGINT;
  first_young BIGINT;
  removed BIGINT;
BEGIN
  SELECT q.msg_queue_size INTO waiting
    FROM msg_queues q WHERE q.recipient_id = p_recipient_id AND q.deleted_at IS NULL FOR UPDATE SKIP LOCKED;
  IF NOT FOUND OR waiting = 0 THEN
    RETURN 0;
  END IF;
  first_young := (SELECT min(m.message_id) FROM messages m
    WHERE m.recipient_id = p_recipient_id AND m.msg_ts >= p_old_ts AND NOT m.msg_quota);
  DELETE FROM messages m WHERE m.recipient_id = p_recipient_id AND NOT m.msg_quota
    AND (first_young IS NULL OR m.message_id < first_young);
  GET DIAGNOSTICS removed = ROW_COUNT;
  IF removed <> 0 THEN
    UPDATE msg_queues q
      SET msg_queue_size = greatest(waiting - removed, 0), msg_can_write = q.msg_can_write OR waiting <= removed,
        msg_queue_expire = first_young IS NOT NULL AND waiting > removed
      WHERE q.recipient_id = p_recipient_id;
  END IF;
  RETURN removed;
END $function$;

CREATE PROCEDURE expire_old_messages(
  p_old_queue BIGINT, p_old_ts BIGINT, batch_size INT,
  OUT r_expired_msgs_count BIGINT, OUT r_stored_msgs_count BIGINT, OUT r_stored_queues BIGINT
) LANGUAGE plpgsql AS $function$
DECLARE
  page BYTEA[];
  queue BYTEA;
  after BYTEA := '';
BEGIN
  r_expired_msgs_count := 0;
  LOOP
    page := ARRAY(SELECT q.recipient_id FROM msg_queues q
      WHERE q.deleted_at IS NULL AND q.updated_at > p_old_queue AND q.msg_queue_expire AND q.recipient_id > after
      ORDER BY q.recipient_id LIMIT batch_size);
    EXIT WHEN cardinality(page) = 0;
    FOREACH queue IN ARRAY page LOOP
      BEGIN
        r_expired_msgs_count := r_expired_msgs_count + delete_expired_msgs(queue, p_old_ts);
      EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'messages of a queue were not expired: %', SQLERRM;
        CONTINUE;
      END;
      COMMIT;
    END LOOP;
    after := page[cardinality(page)];
  END LOOP;
  r_stored_msgs_count := (SELECT count(*) FROM messages);
  r_stored_queues := (SELECT count(*) FROM msg_queues WHERE deleted_at IS NULL);
END $function$;
)";
constexpr const char* store_messages_down = R"(
DROP PROCEDURE expire_old_messages;
DROP FUNCTION delete_expired_msgs;
DROP FUNCTION try_del_peek_msg;
DROP FUNCTION try_del_msg;
DROP FUNCTION write_message;
CREATE INDEX idx_msg_queues_updated_at ON msg_queues (deleted_at, updated_at);
DROP INDEX idx_msg_queues_updated_at_recipient_id;
DROP TABLE messages;
ALTER TABLE msg_queues DROP COLUMN msg_can_write;
ALTER TABLE msg_queues DROP COLUMN msg_queue_expire;
ALTER TABLE msg_queues DROP COLUMN msg_queue_size;
)";

// ---- 20250915: number and hash (xor of MD5) of each service's queues, kept by triggers

constexpr const char* queue_ids_hash = R"(
CREATE OR REPLACE FUNCTION xor_combine(state BYTEA, value BYTEA) RETURNS BYTEA
LANGUAGE plpgsql IMMUTABLE STRICT AS $function$
DECLARE
  combined BYTEA := state;
BEGIN
  IF octet_length(state) <> octet_length(value) THEN
    RAISE EXCEPTION 'values of % and % octets can not be combined', octet_length(state), octet_length(value);
  END IF;
  FOR place IN 0 .. octet_length(value) - 1 LOOP
    combined := set_byte(combined, place, get_byte(state, place) # get_byte(value, place));
  END LOOP;
  RETURN combined;
END $function$;

CREATE OR REPLACE AGGREGATE xor_aggregate(BYTEA) (
  SFUNC = xor_combine, STYPE = BYTEA, INITCOND = '\x00000000000000000000000000000000'
);

ALTER TABLE services ADD COLUMN queue_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE services ADD COLUMN queue_ids_hash BYTEA NOT NULL DEFAULT '\x00000000000000000000000000000000';

CREATE FUNCTION update_all_aggregates() RETURNS VOID LANGUAGE plpgsql AS $function$
BEGIN
  UPDATE services s SET queue_count = owned.queues, queue_ids_hash = owned.hash
    FROM (
      SELECT service_id, count(*) AS queues, xor_aggregate(public.digest(id, 'md5')) AS hash
      FROM (
        SELECT m.service_id, q.recipient_id AS id FROM services m JOIN msg_queues q ON q.rcv_service_id = m.service_id
          WHERE m.service_role = 'M' AND q.deleted_at IS NULL
        UNION ALL
        SELECT n.service_id, coalesce(q.notifier_id, '\x00000000000000000000000000000000')
          FROM services n JOIN msg_queues q ON q.ntf_service_id = n.service_id
          WHERE n.service_role = 'N' AND q.deleted_at IS NULL
      ) ids GROUP BY service_id
    ) owned
    WHERE s.service_id = owned.service_id;
END $function$;

SELECT update_all_aggregates();

CREATE FUNCTION update_aggregates(p_service_id BYTEA, p_role TEXT, p_queue_id BYTEA, p_change BIGINT) RETURNS VOID
LANGUAGE plpgsql AS $function$
BEGIN
  UPDATE services s
    SET queue_ids_hash = xor_combine(s.queue_ids_hash, public.digest(p_queue_id, 'md5')),
      queue_count = s.queue_count + p_change
    WHERE s.service_id = p_service_id AND s.service_role = p_role;
END $function$;

CREATE FUNCTION on_queue_insert() RETURNS TRIGGER LANGUAGE plpgsql AS $function$
BEGIN
  IF NEW.rcv_service_id IS NOT NULL THEN
    PERFORM update_aggregates(NEW.rcv_service_id, 'M', NEW.recipient_id, 1);
  END IF;
  IF NEW.ntf_service_id IS NOT NULL AND NEW.notifier_id IS NOT NULL THEN
    PERFORM update_aggregates(NEW.ntf_service_id, 'N', NEW.notifier_id, 1);
  END IF;
  RETURN NEW;
END $function$;

CREATE FUNCTION on_queue_delete() RETURNS TRIGGER LANGUAGE plpgsql AS $function$
BEGIN
  IF OLD.deleted_at IS NULL AND OLD.rcv_service_id IS NOT NULL THEN
    PERFORM update_aggregates(OLD.rcv_service_id, 'M', OLD.recipient_id, -1);
  END IF;
  IF OLD.deleted_at IS NULL AND OLD.ntf_service_id IS NOT NULL AND OLD.notifier_id IS NOT NULL THEN
    PERFORM update_aggregates(OLD.ntf_service_id, 'N', OLD.notifier_id, -1);
  END IF;
  RETURN OLD;
END $function$;

CREATE FUNCTION on_queue_update() RETURNS TRIGGER LANGUAGE plpgsql AS $function$
DECLARE
  was_received BOOLEAN := OLD.deleted_at IS NULL AND OLD.rcv_service_id IS NOT NULL;
  is_received BOOLEAN := NEW.deleted_at IS NULL AND NEW.rcv_service_id IS NOT NULL;
  was_notified BOOLEAN := OLD.deleted_at IS NULL AND OLD.ntf_service_id IS NOT NULL AND OLD.notifier_id IS NOT NULL;
  is_notified BOOLEAN := NEW.deleted_at IS NULL AND NEW.ntf_service_id IS NOT NULL AND NEW.notifier_id IS NOT NULL;
BEGIN
  IF was_received <> is_received OR OLD.rcv_service_id IS DISTINCT FROM NEW.rcv_service_id THEN
    IF was_received THEN
      PERFORM update_aggregates(OLD.rcv_service_id, 'M', OLD.recipient_id, -1);
    END IF;
    IF is_received THEN
      PERFORM update_aggregates(NEW.rcv_service_id, 'M', NEW.recipient_id, 1);
    END IF;
  END IF;
  IF was_notified <> is_notified OR OLD.ntf_service_id IS DISTINCT FROM NEW.ntf_service_id
    OR OLD.notifier_id IS DISTINCT FROM NEW.notifier_id
  THEN
    IF was_notified THEN
      PERFORM update_aggregates(OLD.ntf_service_id, 'N', OLD.notifier_id, -1);
    END IF;
    IF is_notified THEN
      PERFORM update_aggregates(NEW.ntf_service_id, 'N', NEW.notifier_id, 1);
    END IF;
  END IF;
  RETURN NEW;
END $function$;

CREATE TRIGGER tr_queue_insert AFTER INSERT ON msg_queues FOR EACH ROW EXECUTE FUNCTION on_queue_insert();
CREATE TRIGGER tr_queue_delete AFTER DELETE ON msg_queues FOR EACH ROW EXECUTE FUNCTION on_queue_delete();
CREATE TRIGGER tr_queue_update AFTER UPDATE ON msg_queues FOR EACH ROW EXECUTE FUNCTION on_queue_update();
)";
constexpr const char* queue_ids_hash_down = R"(
DROP TRIGGER tr_queue_update ON msg_queues;
DROP TRIGGER tr_queue_delete ON msg_queues;
DROP TRIGGER tr_queue_insert ON msg_queues;
DROP FUNCTION on_queue_update;
DROP FUNCTION on_queue_delete;
DROP FUNCTION on_queue_insert;
DROP FUNCTION update_aggregates;
DROP FUNCTION update_all_aggregates;
ALTER TABLE services DROP COLUMN queue_count;
ALTER TABLE services DROP COLUMN queue_ids_hash;
DROP AGGREGATE xor_aggregate(BYTEA);
DROP FUNCTION xor_combine;
)";

constexpr Migration all[] = {
    {"20250207_initial", initial, nullptr},
    {"20250319_updated_index", updated_index, updated_index_down},
    {"20250320_short_links", short_links, short_links_down},
    {"20250514_service_certs", service_certs, service_certs_down},
    {"20250903_store_messages", store_messages, store_messages_down},
    {"20250915_queue_ids_hash", queue_ids_hash, queue_ids_hash_down},
};

}  // namespace

std::span<const Migration> migrations() { return all; }

}  // namespace simplex::smp::stores::postgres
