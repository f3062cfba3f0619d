#include "postgres/keeper.hpp"

#include <fmt/format.h>

namespace simplex::smp::stores::postgres {
namespace {

constexpr auto quick = std::chrono::seconds(30);
constexpr auto watch_interval = std::chrono::seconds(5);
constexpr auto removal_interval = std::chrono::hours(1);
constexpr std::int64_t counted_rows = 100'000;  // more are estimated
constexpr std::int64_t removed_rows = 500;      // in one statement

constexpr const char* lock_key = "hashtextextended('simplex-cpp smp-server ' || current_schema(), 0)";

}  // namespace

Result<std::unique_ptr<Keeper>> Keeper::open(const PostgresSettings& settings, LaneSettings lane, int lanes,
                                             Health& health, Logger& logger) {
  std::unique_ptr<Keeper> made(new Keeper(std::move(lane), settings.deleted_ttl, settings.lease_wait, health));
  auto opened = Connection::open(made->lane_.connection, made->lane_.holder + " keeper", quick);
  if (!opened) return fail_in("the database", opened.error());
  made->connection_ = std::move(*opened);
  auto& connection = *made->connection_;
  SIMPLEX_TRY(connection.script("SET client_min_messages TO error", quick));
  SIMPLEX_TRY(enter_schema(connection, settings, logger));
  // Before the migrations: two processes do not migrate at once, nor under a relay that runs.
  SIMPLEX_TRY(made->lock());
  SIMPLEX_TRY(migrate(connection, settings, logger));
  SIMPLEX_TRY(made->take_lanes(lanes));
  return made;
}

Keeper::~Keeper() { stop(); }

Result<> Keeper::lock() {
  auto& connection = *connection_;
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(lease_wait_).count();
  SIMPLEX_TRY(
      connection.run("SELECT set_config('lock_timeout', $1, FALSE), set_config('tcp_keepalives_idle', '30', FALSE)",
                     Values().text(std::to_string(std::max<std::int64_t>(milliseconds, 1))), quick));
  // A process that was killed a moment ago is gone within this time.
  const auto locked =
      connection.run(fmt::format("SELECT pg_advisory_lock({})", lock_key).c_str(), Values(), quick + lease_wait_);
  if (!locked) {
    if (locked.error().kind != ErrorKind::storage) return std::unexpected(locked.error());
    return fail(ErrorKind::conflict,
                "another relay process uses this schema of the database: stop it first, or give this one a schema of "
                "its own (db_schema)",
                Advice::ask_user);
  }
  return {};
}

Result<> Keeper::take_lanes(int lanes) {
  auto& connection = *connection_;
  SIMPLEX_TRY(
      connection.run("INSERT INTO simplex_cpp_lanes (lane, holder, epoch, batch) "
                     "SELECT n, $1, 0, 0 FROM generate_series(0, $2::integer - 1) n ON CONFLICT DO NOTHING",
                     Values().text(lane_.holder).int32(lanes), quick));
  SIMPLEX_TRY(connection.run("UPDATE simplex_cpp_lanes SET holder = $1, epoch = epoch + 1", Values().text(lane_.holder),
                             quick));
  return {};
}

Result<std::vector<server::ServiceRecord>> Keeper::services() {
  const std::lock_guard lock(connection_mutex_);
  if (!connection_) return fail(ErrorKind::storage, "the database does not answer", Advice::retry);
  SIMPLEX_ASSIGN(
      const auto rows,
      connection_->run("SELECT service_id, service_role, service_cert, service_cert_hash, created_at FROM services",
                       Values(), quick));
  std::vector<server::ServiceRecord> made;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SIMPLEX_ASSIGN(auto service, read_service(rows, i));
    made.push_back(std::move(service));
  }
  return made;
}

Result<server::StoreTotals> Keeper::totals() {
  const std::lock_guard lock(connection_mutex_);
  SIMPLEX_ASSIGN(const auto counted,
                 connection_->run("SELECT (SELECT count(*) FROM (SELECT FROM msg_queues LIMIT $1::bigint) a), "
                                  "(SELECT count(*) FROM (SELECT FROM messages LIMIT $1::bigint) b)",
                                  Values().int64(counted_rows + 1), quick));
  server::StoreTotals made;
  if (counted.int64(0, 0) <= counted_rows) {
    SIMPLEX_ASSIGN(const auto rows,
                   connection_->run("SELECT count(*), count(notifier_id) FROM msg_queues WHERE deleted_at IS NULL",
                                    Values(), quick));
    made.queues = static_cast<std::uint64_t>(rows.int64(0, 0));
    made.notifiers = static_cast<std::uint64_t>(rows.int64(0, 1));
  } else {
    SIMPLEX_ASSIGN(
        const auto rows,
        connection_->run(
            "SELECT (r.reltuples * coalesce(d.null_frac, 1))::bigint, "
            "(r.reltuples * coalesce(d.null_frac, 1) * (1 - coalesce(n.null_frac, 1)))::bigint FROM pg_class r "
            "LEFT JOIN pg_stats d ON d.schemaname = current_schema() AND d.tablename = 'msg_queues' "
            "AND d.attname = 'deleted_at' "
            "LEFT JOIN pg_stats n ON n.schemaname = current_schema() AND n.tablename = 'msg_queues' "
            "AND n.attname = 'notifier_id' WHERE r.oid = to_regclass('msg_queues')",
            Values(), quick));
    made.queues = static_cast<std::uint64_t>(std::max(rows.int64(0, 0), counted_rows));
    made.notifiers = static_cast<std::uint64_t>(std::max<std::int64_t>(rows.int64(0, 1), 0));
  }
  made.messages = static_cast<std::uint64_t>(counted.int64(0, 1));
  if (counted.int64(0, 1) > counted_rows) {
    SIMPLEX_ASSIGN(const auto rows,
                   connection_->run("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass('messages')",
                                    Values(), quick));
    made.messages = static_cast<std::uint64_t>(std::max(rows.int64(0, 0), counted_rows));
  }
  return made;
}

// ---- its thread

void Keeper::watch() {
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void Keeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Keeper::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, watch_interval, [this] { return stopping_; })) return;
    }
    const std::lock_guard lock(connection_mutex_);
    // The lanes say in the log that the database is gone, and why.
    if (!look_after()) connection_.reset();
  }
}

Result<> Keeper::look_after() {
  if (!connection_) {
    SIMPLEX_ASSIGN(auto opened, Connection::open(lane_.connection, lane_.holder + " keeper", lane_.timeout));
    connection_ = std::move(opened);
    SIMPLEX_TRY(return_to_schema());
  }
  if (clock_.now() < next_removal_) {
    SIMPLEX_TRY(connection_->run("SELECT 1", Values(), lane_.timeout));
    return {};
  }
  SIMPLEX_ASSIGN(const auto more, remove_deleted());
  if (!more) next_removal_ = clock_.now() + removal_interval;
  return {};
}

Result<> Keeper::return_to_schema() {
  SIMPLEX_TRY(connection_->run("SELECT set_config('search_path', quote_ident($1), FALSE)", Values().text(lane_.schema),
                               lane_.timeout));
  SIMPLEX_ASSIGN(const auto held,
                 connection_->run(fmt::format("SELECT pg_try_advisory_lock({}), NOT EXISTS (SELECT FROM "
                                              "simplex_cpp_lanes WHERE holder <> $1)",
                                              lock_key)
                                      .c_str(),
                                  Values().text(lane_.holder), lane_.timeout));
  if (!held.boolean(0, 1)) health_.lost_lease();
  // Our own old session may hold the lock still: the next time.
  if (!held.boolean(0, 0)) return fail(ErrorKind::conflict, "the lease is held by another session", Advice::retry);
  return {};
}

// True: there may be more.
Result<bool> Keeper::remove_deleted() {
  const auto before = seconds_since_epoch(clock_.wall()) - deleted_ttl_.count();
  SIMPLEX_ASSIGN(
      const auto removed,
      connection_->run("DELETE FROM msg_queues WHERE recipient_id = ANY (ARRAY(SELECT recipient_id FROM msg_queues "
                       "WHERE deleted_at < $1 LIMIT $2))",
                       Values().int64(before).int64(removed_rows), lane_.timeout));
  return removed.affected() == static_cast<std::size_t>(removed_rows);
}

}  // namespace simplex::smp::stores::postgres
