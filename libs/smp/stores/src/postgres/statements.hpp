// What the lanes say to the database. Every statement touches a bounded number of rows, through an index.
#pragma once

#include <array>

#include "postgres/codec.hpp"

namespace simplex::smp::stores::postgres::statements {

inline constexpr Statement begin{"begin", "BEGIN"};
inline constexpr Statement commit{"commit", "COMMIT"};
inline constexpr Statement rollback{"rollback", "ROLLBACK"};

// Of a batch: fails (by a division) when the lane is not ours any more, and with it the whole batch.
inline constexpr Statement hold{"hold",
                                "WITH held AS (UPDATE simplex_cpp_lanes SET batch = $3 "
                                "WHERE lane = $1 AND epoch = $2 RETURNING 1) SELECT 1 / count(*) FROM held"};

// --- changes. `affected` says whether they were made.
inline constexpr Statement create_queue{
    "create_queue",
    "INSERT INTO msg_queues (" SIMPLEX_QUEUE_COLUMNS
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, (SELECT service_id FROM services WHERE service_id = $10), $11, $12, "
    "$13, (SELECT service_id FROM services WHERE service_id = $14), $15, $16) ON CONFLICT DO NOTHING"};
inline constexpr Statement create_service{
    "create_service",
    "INSERT INTO services (service_id, service_role, service_cert, service_cert_hash, created_at) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"};
inline constexpr Statement add_message{
    "add_message",
    "WITH queue AS (UPDATE msg_queues SET msg_can_write = NOT $4::boolean, msg_queue_expire = TRUE, "
    "msg_queue_size = msg_queue_size + 1 WHERE recipient_id = $1 AND deleted_at IS NULL RETURNING recipient_id) "
    "INSERT INTO messages (recipient_id, msg_id, msg_ts, msg_quota, msg_ntf_flag, msg_body) "
    "SELECT recipient_id, $2::bytea, $3::bigint, $4::boolean, $5::boolean, $6::bytea FROM queue"};
// A full queue that is empty now takes messages again, whatever was counted: then nothing is left to count.
#define SIMPLEX_MESSAGES_LEFT                                                            \
  "CASE WHEN msg_can_write OR EXISTS (SELECT FROM messages m WHERE m.recipient_id = $1 " \
  "AND m.message_id <> (SELECT message_id FROM gone)) THEN greatest(msg_queue_size - 1, 0) ELSE 0 END"
inline constexpr Statement remove_message{
    "remove_message",
    "WITH gone AS (DELETE FROM messages WHERE message_id = (SELECT message_id FROM messages WHERE recipient_id = $1 "
    "AND msg_id = $2 ORDER BY message_id LIMIT 1) RETURNING message_id) "
    "UPDATE msg_queues SET msg_can_write = msg_can_write OR " SIMPLEX_MESSAGES_LEFT
    " = 0, msg_queue_expire = " SIMPLEX_MESSAGES_LEFT " > 0, msg_queue_size = " SIMPLEX_MESSAGES_LEFT
    " WHERE recipient_id = $1 AND EXISTS (SELECT FROM gone)"};
#undef SIMPLEX_MESSAGES_LEFT
// A queue that nobody was told of.
inline constexpr Statement forget_queue{"forget_queue", "DELETE FROM msg_queues WHERE recipient_id = $1"};

// Changes of one queue: no row when there is no such queue, else whether it was changed, whether it had a notifier, and
// how many messages went with it.
#define SIMPLEX_CHANGE_QUEUE(assignments, condition)                                                                 \
  "WITH changed AS (UPDATE msg_queues SET " assignments " WHERE recipient_id = $1 AND deleted_at IS NULL " condition \
  " RETURNING 1) "                                                                                                   \
  "SELECT EXISTS (SELECT FROM changed), notifier_id IS NOT NULL, 0::bigint FROM msg_queues "                         \
  "WHERE recipient_id = $1 AND deleted_at IS NULL"
inline constexpr Statement create_link{
    "create_link",
    SIMPLEX_CHANGE_QUEUE("link_id = $2, fixed_data = $3, user_data = $4",
                         "AND (link_id IS NULL OR link_id = $2 AND coalesce(fixed_data = $3, TRUE)) "
                         "AND NOT EXISTS (SELECT FROM msg_queues o WHERE o.link_id = $2 AND o.recipient_id <> $1)")};
inline constexpr Statement delete_link{"delete_link",
                                       SIMPLEX_CHANGE_QUEUE("link_id = NULL, fixed_data = NULL, user_data = NULL", "")};
inline constexpr Statement secure_queue{"secure_queue",
                                        SIMPLEX_CHANGE_QUEUE("sender_key = $2", "AND coalesce(sender_key = $2, TRUE)")};
inline constexpr Statement update_keys{"update_keys", SIMPLEX_CHANGE_QUEUE("recipient_keys = $2", "")};
inline constexpr Statement add_notifier{
    "add_notifier", SIMPLEX_CHANGE_QUEUE(
                        "notifier_id = $2, notifier_key = $3, rcv_ntf_dh_secret = $4, "
                        "ntf_service_id = (SELECT service_id FROM services WHERE service_id = $5)",
                        "AND NOT EXISTS (SELECT FROM msg_queues o WHERE o.notifier_id = $2 AND o.recipient_id <> $1)")};
inline constexpr Statement delete_notifier{
    "delete_notifier",
    SIMPLEX_CHANGE_QUEUE("notifier_id = NULL, notifier_key = NULL, rcv_ntf_dh_secret = NULL, ntf_service_id = NULL",
                         "")};
inline constexpr Statement set_status{"set_status", SIMPLEX_CHANGE_QUEUE("status = $2", "")};
inline constexpr Statement update_time{"update_time", SIMPLEX_CHANGE_QUEUE("updated_at = $2", "")};
inline constexpr Statement recipient_service{
    "recipient_service",
    SIMPLEX_CHANGE_QUEUE("rcv_service_id = $2::bytea",
                         "AND ($2::bytea IS NULL OR EXISTS (SELECT FROM services WHERE service_id = $2::bytea))")};
inline constexpr Statement notifier_service{
    "notifier_service",
    SIMPLEX_CHANGE_QUEUE("ntf_service_id = $2::bytea",
                         "AND notifier_id IS NOT NULL "
                         "AND ($2::bytea IS NULL OR EXISTS (SELECT FROM services WHERE service_id = $2::bytea))")};
// The row stays for a while, as the reference has it; its messages go at once.
inline constexpr Statement delete_queue{
    "delete_queue",
    "WITH changed AS (UPDATE msg_queues SET deleted_at = $2, msg_can_write = TRUE, msg_queue_expire = FALSE, "
    "msg_queue_size = 0 WHERE recipient_id = $1 AND deleted_at IS NULL RETURNING 1), "
    "gone AS (DELETE FROM messages WHERE recipient_id = $1 RETURNING 1) "
    "SELECT EXISTS (SELECT FROM changed), notifier_id IS NOT NULL, (SELECT count(*) FROM gone) FROM msg_queues "
    "WHERE recipient_id = $1 AND deleted_at IS NULL"};
#undef SIMPLEX_CHANGE_QUEUE

// --- for a batch that was committed, but whose answer was lost: was it made?
inline constexpr Statement confirm_created{"confirm_created",
                                           "SELECT FROM msg_queues WHERE recipient_id = $1 AND sender_id = $2"};
inline constexpr Statement confirm_queue{"confirm_queue", "SELECT FROM msg_queues WHERE recipient_id = $1"};
inline constexpr Statement confirm_service{"confirm_service",
                                           "SELECT FROM services WHERE service_id = $1 AND service_cert_hash = $2"};

// --- reads
inline constexpr Statement load{
    "load", "SELECT " SIMPLEX_QUEUE_COLUMNS_WITHOUT_DATA
            ", NULL::bytea, NULL::bytea, (SELECT count(*) FROM messages m WHERE m.recipient_id = q.recipient_id), "
            "last.msg_quota, "
            "first.msg_id, first.msg_ts, first.msg_quota, first.msg_ntf_flag, first.msg_body "
            "FROM msg_queues q "
            "LEFT JOIN LATERAL (SELECT msg_quota FROM messages m WHERE m.recipient_id = q.recipient_id "
            "ORDER BY message_id DESC LIMIT 1) last ON TRUE "
            "LEFT JOIN LATERAL (SELECT msg_id, msg_ts, msg_quota, msg_ntf_flag, msg_body FROM messages m "
            "WHERE m.recipient_id = q.recipient_id ORDER BY message_id LIMIT 1) first ON TRUE "
            "WHERE q.recipient_id = $1 AND q.deleted_at IS NULL"};
inline constexpr Statement load_messages{
    "load_messages",
    "SELECT m.msg_id, m.msg_ts, m.msg_quota, m.msg_ntf_flag, m.msg_body "
    "FROM (SELECT message_id, row_number() OVER oldest AS place, sum(octet_length(msg_body)) OVER oldest AS octets "
    "FROM messages WHERE recipient_id = $1 WINDOW oldest AS (ORDER BY message_id)) w "
    "JOIN messages m USING (message_id) WHERE w.place = 1 OR w.octets <= $2::bigint ORDER BY message_id"};
inline constexpr Statement load_link{"load_link",
                                     "SELECT link_id, fixed_data, user_data FROM msg_queues WHERE recipient_id = $1 "
                                     "AND link_id IS NOT NULL AND deleted_at IS NULL"};
inline constexpr Statement find_sender{
    "find_sender", "SELECT recipient_id FROM msg_queues WHERE sender_id = $1 AND deleted_at IS NULL"};
inline constexpr Statement find_link{"find_link",
                                     "SELECT recipient_id FROM msg_queues WHERE link_id = $1 AND deleted_at IS NULL"};
inline constexpr Statement find_notifier{
    "find_notifier", "SELECT recipient_id FROM msg_queues WHERE notifier_id = $1 AND deleted_at IS NULL"};
// The conditions are those of our indexes.
inline constexpr Statement recipient_service_queues{
    "recipient_service_queues",
    "SELECT recipient_id, notifier_id, msg_queue_size > 0 FROM msg_queues WHERE rcv_service_id = $1 AND "
    "recipient_id > $2 AND rcv_service_id IS NOT NULL "
    "AND deleted_at IS NULL ORDER BY recipient_id LIMIT $3"};
inline constexpr Statement notifier_service_queues{
    "notifier_service_queues",
    "SELECT recipient_id, notifier_id, msg_queue_size > 0 FROM msg_queues WHERE ntf_service_id = $1 AND "
    "recipient_id > $2 AND ntf_service_id IS NOT NULL "
    "AND deleted_at IS NULL ORDER BY recipient_id LIMIT $3"};

// --- expiry: looks at $3 messages after $1; the last row is the last message looked at, or null at the end.
inline constexpr Statement old_messages{
    "old_messages",
    "WITH page AS MATERIALIZED (SELECT message_id, recipient_id, msg_ts, msg_quota FROM messages "
    "WHERE message_id > $1 ORDER BY message_id LIMIT $3), "
    "old AS (SELECT message_id, recipient_id FROM page WHERE msg_ts < $2 AND NOT msg_quota ORDER BY message_id) "
    "SELECT message_id, recipient_id FROM old UNION ALL SELECT max(message_id), NULL FROM page"};
inline constexpr Statement remove_messages{
    "remove_messages",
    "WITH gone AS (DELETE FROM messages WHERE message_id = ANY ($1::bigint[]) RETURNING recipient_id), "
    "counted AS (SELECT recipient_id, count(*) AS removed FROM gone GROUP BY recipient_id) "
    "UPDATE msg_queues q SET msg_can_write = msg_can_write OR msg_queue_size <= removed, "
    "msg_queue_expire = msg_queue_size > removed, msg_queue_size = greatest(msg_queue_size - removed, 0) "
    "FROM counted c WHERE q.recipient_id = c.recipient_id RETURNING q.recipient_id, c.removed"};

inline constexpr std::array all{begin,
                                commit,
                                rollback,
                                hold,
                                create_queue,
                                create_service,
                                add_message,
                                remove_message,
                                forget_queue,
                                create_link,
                                delete_link,
                                secure_queue,
                                update_keys,
                                add_notifier,
                                delete_notifier,
                                set_status,
                                update_time,
                                recipient_service,
                                notifier_service,
                                delete_queue,
                                confirm_created,
                                confirm_queue,
                                confirm_service,
                                load,
                                load_messages,
                                load_link,
                                find_sender,
                                find_link,
                                find_notifier,
                                recipient_service_queues,
                                notifier_service_queues,
                                old_messages,
                                remove_messages};

}  // namespace simplex::smp::stores::postgres::statements
