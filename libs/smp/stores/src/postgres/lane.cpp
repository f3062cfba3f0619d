#include "postgres/lane.hpp"

#include <fmt/format.h>

namespace simplex::smp::stores::postgres {
namespace {

constexpr std::size_t max_batch = 1'000;
constexpr std::size_t max_batch_octets = 8 * 1'024 * 1'024;
constexpr Duration first_back_off = std::chrono::milliseconds(50);
constexpr Duration longest_back_off = std::chrono::seconds(5);

Error unavailable() { return {ErrorKind::storage, "the database does not answer", Advice::retry}; }
Error taken_over() {
  return {ErrorKind::storage, "another relay process writes to this database now", Advice::ask_user};
}

}  // namespace

// ---- Health

void Health::lane_down(const Error& why) {
  const std::lock_guard lock(mutex_);
  if (down_++ > 0) return;
  since_ = clock_.now();
  logger_.error("PostgreSQL: " + why.message + "; trying again until it is back. Commands wait, then get ERR STORE");
}

void Health::lane_up() {
  const std::lock_guard lock(mutex_);
  if (--down_ > 0) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - since_).count();
  logger_.info(fmt::format("PostgreSQL: connected again after {} s", seconds));
}

void Health::lost_lease() {
  if (lease_lost_.exchange(true)) return;
  logger_.error(
      "PostgreSQL: another relay process has taken over the schema; nothing is written any more. Stop one of the two");
}

void Health::statement_failed(const Error& why) {
  const std::lock_guard lock(mutex_);
  const auto now = clock_.now();
  if (last_failure_ != Instant() && now - last_failure_ < std::chrono::minutes(1)) {
    ++unsaid_failures_;
    return;
  }
  last_failure_ = now;
  const auto unsaid = std::exchange(unsaid_failures_, 0);
  logger_.error("PostgreSQL: " + why.message +
                (unsaid == 0 ? std::string() : fmt::format(" (and {} failures before it)", unsaid)));
}

// ---- Lane

Lane::Lane(int number, const LaneSettings& settings, Health& health, Traffic& traffic)
    : number_(number), settings_(settings), health_(health), traffic_(traffic), thread_([this] { run(); }) {}

Lane::~Lane() { static_cast<void>(stop()); }

void Lane::post(std::vector<std::unique_ptr<Command>> commands) {
  const auto give_up_at = clock_.now() + settings_.timeout;
  {
    const std::lock_guard lock(mutex_);
    for (auto& command : commands) {
      command->give_up_at = give_up_at;
      command->octets = command->values().octets();
      if (stopping_ || health_.lease_lost()) {
        command->fail(taken_over());
      } else if (waiting_octets_ + command->octets > settings_.waiting_octets) {
        command->fail({ErrorKind::limit, "too much waits for the database", Advice::retry});
      } else {
        waiting_octets_ += command->octets;
        waiting_.push_back(std::move(command));
      }
    }
  }
  wake_.notify_one();
}

std::uint64_t Lane::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  return given_up_;
}

void Lane::run() {
  for (;;) {
    give_up_late();
    if (!connection_) {
      connect();
      if (!connection_) {
        std::unique_lock lock(mutex_);
        if (stopping_ && waiting_.empty()) return;
        // Waits for its next try; what is given up in the meantime is given up in time.
        auto until = clock_.now() + back_off_;
        if (!waiting_.empty()) until = std::min(until, waiting_.front()->give_up_at);
        const auto longest = std::max<Duration>(until - clock_.now(), std::chrono::milliseconds(1));
        wake_.wait_for(lock, longest, [this] { return stopping_ && waiting_.empty(); });
        continue;
      }
    }
    auto batch = take_batch();
    if (batch.empty()) return;
    work(std::move(batch));
  }
}

Lane::Commands Lane::take_batch() {
  Commands batch;
  if (!undo_.empty()) return std::exchange(undo_, {});
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
  std::size_t octets = 0;
  while (!waiting_.empty() && batch.size() < max_batch && octets < max_batch_octets) {
    octets += waiting_.front()->octets;
    waiting_octets_ -= waiting_.front()->octets;
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return batch;
}

// ---- connecting

void Lane::connect() {
  traffic_.connections++;
  auto opened =
      Connection::open(settings_.connection, fmt::format("{} lane {}", settings_.holder, number_), settings_.timeout);
  const auto ready = opened ? set_up(*opened) : Result<>(std::unexpected(opened.error()));
  if (ready) {
    connection_ = std::move(*opened);
    back_off_ = {};
    if (std::exchange(said_down_, false)) health_.lane_up();
    return;
  }
  if (!std::exchange(said_down_, true)) health_.lane_down(ready.error());
  back_off_ = std::clamp(back_off_ * 2, first_back_off, longest_back_off);
  // Lanes of all relays do not come at once.
  back_off_ =
      back_off_ / 2 +
      Duration(static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(back_off_.count()) / 2 + 1)));
}

Result<> Lane::set_up(Connection& connection) {
  const auto timeout = settings_.timeout;
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  // Sequential scans and custom plans are never right here: every statement finds its few rows by an index.
  SIMPLEX_TRY(connection.run(
      "SELECT set_config('search_path', quote_ident($1), FALSE), set_config('statement_timeout', $2, FALSE), "
      "set_config('lock_timeout', $2, FALSE), set_config('idle_in_transaction_session_timeout', $2, FALSE), "
      "set_config('client_min_messages', 'error', FALSE), set_config('enable_seqscan', 'off', FALSE), "
      "set_config('plan_cache_mode', 'force_generic_plan', FALSE), set_config('tcp_keepalives_idle', '30', FALSE), "
      "set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' "
      "ELSE current_setting('synchronous_commit') END, FALSE)",
      Values().text(settings_.schema).text(std::to_string(milliseconds)), timeout));
  // A connection of this lane that the server believes to be alive.
  SIMPLEX_TRY(connection.run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND usename = current_user "
      "AND pid <> pg_backend_pid()",
      Values().text(fmt::format("{} lane {}", settings_.holder, number_)), timeout));
  // Waits for what the old connection has not committed yet, if it is committing.
  SIMPLEX_ASSIGN(const auto row,
                 connection.run("UPDATE simplex_cpp_lanes SET epoch = epoch + 1 WHERE lane = $1 AND holder = $2 "
                                "RETURNING epoch, batch",
                                Values().int32(number_).text(settings_.holder), timeout));
  if (row.size() != 1) {
    health_.lost_lease();
    return std::unexpected(taken_over());
  }
  epoch_ = row.int64(0, 0);
  last_batch_ = row.int64(0, 1);
  SIMPLEX_TRY(connection.enter_pipeline());
  SIMPLEX_TRY(connection.prepare(statements::all, timeout));
  if (unknown_batch_ != 0 && last_batch_ == unknown_batch_) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < unknown_ && i < waiting_.size(); ++i) waiting_[i]->ask_only();
  } else {
    undo_.clear();
  }
  unknown_ = 0;
  unknown_batch_ = 0;
  return {};
}

// ---- working

void Lane::work(Commands batch) {
  std::optional<Failure> why;
  switch (transact(batch, why)) {
    case Outcome::committed: return put_back(std::move(batch));
    case Outcome::lost: return broke(std::move(batch), why->error);
    case Outcome::failed: break;
  }
  if (why->about != Failure::About::database && batch.size() > 1) return work_one_by_one(std::move(batch));
  if (why->about == Failure::About::moment) return work_one_by_one(std::move(batch));
  if (why->error.kind != ErrorKind::conflict) health_.statement_failed(why->error);
  for (auto& command : batch) command->fail(why->error);
  if (health_.lease_lost()) connection_.reset();
}

void Lane::work_one_by_one(Commands batch) {
  constexpr int tries = 3;
  Commands unfinished;
  while (!batch.empty()) {
    Commands one;
    one.push_back(std::move(batch.front()));
    batch.pop_front();
    std::optional<Failure> why;
    auto outcome = Outcome::failed;
    for (int i = 0; i < tries && outcome == Outcome::failed; ++i) {
      if (why && why->about != Failure::About::moment) break;
      why.reset();
      outcome = transact(one, why);
    }
    if (outcome == Outcome::lost) {
      // Only this one may have been committed.
      put_back(std::move(batch));
      put_back(std::move(unfinished));
      return broke(std::move(one), why->error);
    }
    if (outcome == Outcome::failed) {
      if (why->error.kind != ErrorKind::conflict) health_.statement_failed(why->error);
      one.front()->fail(why->error);
    } else {
      for (auto& command : one) unfinished.push_back(std::move(command));
    }
  }
  put_back(std::move(unfinished));
}

Lane::Outcome Lane::transact(Commands& batch, std::optional<Failure>& why) {
  traffic_.batches++;
  traffic_.commands += batch.size();
  std::vector<Rows> rows;
  rows.reserve(batch.size());
  auto committed = exchange(batch, rows, why);
  if (!committed) {
    why = Failure{std::move(committed).error(), Failure::About::database};
    return Outcome::lost;
  }
  if (!*committed) return Outcome::failed;
  ++last_batch_;
  answer(batch, rows);
  return Outcome::committed;
}

Lane::Failure Lane::failure_of(const Rows& rows) {
  const auto state = rows.sqlstate();
  auto about = Failure::About::command;
  if (state == "40P01" || state == "40001") {  // a deadlock, or a serialization failure
    about = Failure::About::moment;
  } else {
    // Read only, no resources, locks and statements that take too long, shut down, disk, damage.
    for (const std::string_view known : {"25", "53", "55", "57", "58", "XX"}) {
      if (state.starts_with(known)) about = Failure::About::database;
    }
  }
  return {error_of(rows), about};
}

Result<bool> Lane::exchange(const Commands& batch, std::vector<Rows>& rows, std::optional<Failure>& why) {
  constexpr std::size_t before = 2;  // BEGIN, hold
  auto& connection = *connection_;
  unknown_batch_ = last_batch_ + 1;
  SIMPLEX_TRY(connection.send(statements::begin, {}));
  SIMPLEX_TRY(connection.send(statements::hold, Values().int32(number_).int64(epoch_).int64(unknown_batch_)));
  for (const auto& command : batch) SIMPLEX_TRY(connection.send(command->statement(), command->values()));
  SIMPLEX_TRY(connection.send(statements::commit, {}));
  SIMPLEX_TRY(connection.sync());
  traffic_.round_trips++;

  const auto deadline = clock_.now() + settings_.timeout;
  for (std::size_t i = 0; i < before + batch.size() + 1; ++i) {
    SIMPLEX_ASSIGN(auto got, connection.next(deadline));
    if (got.failed() && !why) {
      why = failure_of(got);
      if (i + 1 == before && got.sqlstate() == "22012") {
        health_.lost_lease();
        why = Failure{taken_over(), Failure::About::database};
      }
    }
    if (i >= before && i < before + batch.size()) rows.push_back(std::move(got));
  }
  SIMPLEX_TRY(connection.next(deadline));
  if (why) {
    SIMPLEX_TRY(connection.send(statements::rollback, {}));
    SIMPLEX_TRY(connection.sync());
    traffic_.round_trips++;
    SIMPLEX_TRY(connection.next(deadline));
    SIMPLEX_TRY(connection.next(deadline));
  }
  unknown_batch_ = 0;
  return !why.has_value();
}

// Leaves in the batch what has more to do.
void Lane::answer(Commands& batch, const std::vector<Rows>& rows) {
  Commands more;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!batch[i]->receive(rows[i])) more.push_back(std::move(batch[i]));
  }
  batch = std::move(more);
}

// ---- when it breaks

void Lane::broke(Commands batch, const Error& why) {
  connection_.reset();
  if (!std::exchange(said_down_, true)) health_.lane_down(why);
  unknown_ = 0;
  if (!batch.empty() && batch.front()->give_up_at == Instant::max()) {  // undo: not given up
    undo_ = std::move(batch);
    unknown_batch_ = last_batch_;  // what they take back is known to be there, and taking it back twice does no harm
    return;
  }
  // An answer that did not come in time is not waited for once more.
  if (why.kind == ErrorKind::timeout) {
    for (auto& command : batch) give_up(std::move(command), true, unavailable());
    return;
  }
  unknown_ = batch.size();
  put_back(std::move(batch));
}

void Lane::give_up(std::unique_ptr<Command> command, bool may_be_made, Error error) {
  if (may_be_made) {
    if (auto undo = command->undo()) undo_.push_back(std::move(undo));
  }
  ++given_up_;
  command->fail(std::move(error));
}

void Lane::give_up_late() {
  if (connection_) return;
  const auto now = clock_.now();
  const bool lost = health_.lease_lost();
  Commands late;
  {
    const std::lock_guard lock(mutex_);
    while (!waiting_.empty() && (lost || waiting_.front()->give_up_at <= now)) {
      waiting_octets_ -= waiting_.front()->octets;
      late.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }
  for (auto& command : late) {
    const bool may_be_made = unknown_ > 0;
    if (may_be_made) --unknown_;
    give_up(std::move(command), may_be_made, lost ? taken_over() : unavailable());
  }
}

void Lane::put_back(Commands commands) {
  if (commands.empty()) return;
  const std::lock_guard lock(mutex_);
  while (!commands.empty()) {
    waiting_octets_ += commands.back()->octets;
    waiting_.push_front(std::move(commands.back()));
    commands.pop_back();
  }
}

}  // namespace simplex::smp::stores::postgres
