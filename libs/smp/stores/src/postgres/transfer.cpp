// Export, import and removal of everything, on the keeper's connection.
#include <fmt/format.h>

#include <unordered_set>

#include "postgres/backend.hpp"

namespace simplex::smp::stores::postgres {

using namespace server;
using server::RecipientId;
using server::ServiceId;

namespace {

constexpr auto quick = std::chrono::seconds(30);
constexpr auto long_time = std::chrono::hours(6);
constexpr std::size_t page = 500;

// Rolls back unless it was committed.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {}
  ~Transaction() {
    if (open_) static_cast<void>(connection_.script("ROLLBACK", quick));
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Result<> begin(const std::string& how = "BEGIN") {
    SIMPLEX_TRY(connection_.script(how, quick));
    open_ = true;
    return {};
  }
  Result<> commit() {
    open_ = false;
    return connection_.script("COMMIT", long_time);
  }

 private:
  Connection& connection_;
  bool open_ = false;
};

// Calls visit(rows, row) for every row of the query.
template <class Visit>
Result<> for_each_row(Connection& connection, const std::string& query, Visit&& visit) {
  SIMPLEX_TRY(connection.script("DECLARE relay_rows NO SCROLL CURSOR FOR " + query, long_time));
  for (;;) {
    SIMPLEX_ASSIGN(const auto rows,
                   connection.run(fmt::format("FETCH {} FROM relay_rows", page).c_str(), Values(), long_time));
    for (std::size_t i = 0; i < rows.size(); ++i) SIMPLEX_TRY(visit(rows, i));
    if (rows.size() < page) break;
  }
  return connection.script("CLOSE relay_rows", quick);
}

// Sizes of the queues as the reference keeps them beside the queues.
constexpr const char* count_messages =
    "UPDATE msg_queues q SET msg_queue_size = c.size, msg_can_write = NOT c.full, msg_queue_expire = c.size > "
    "c.markers "
    "FROM (SELECT recipient_id, count(*) AS size, bool_or(msg_quota) AS full, "
    "count(*) FILTER (WHERE msg_quota) AS markers FROM messages GROUP BY recipient_id) c "
    "WHERE q.recipient_id = c.recipient_id";
constexpr const char* forget_sizes =
    "UPDATE msg_queues SET msg_queue_size = 0, msg_can_write = TRUE, msg_queue_expire = FALSE "
    "WHERE msg_queue_size <> 0 OR NOT msg_can_write OR msg_queue_expire";
constexpr const char* forget_aggregates =
    "UPDATE services SET queue_count = 0, queue_ids_hash = '\\x00000000000000000000000000000000'";

Result<bool> ask(Connection& connection, const char* question) {
  SIMPLEX_ASSIGN(const auto rows, connection.run(question, Values(), long_time));
  return rows.size() == 1 && rows.boolean(0, 0);
}

}  // namespace

// Streams into the tables with COPY, in one transaction.
class ImportSink final : public StateSink {
 public:
  explicit ImportSink(Backend& backend)
      : backend_(backend), connection_(backend.keeper_->connection()), transaction_(connection_) {}
  ~ImportSink() override {
    if (copying_) connection_.cancel_copy();
  }
  Result<> begin() {
    SIMPLEX_TRY(transaction_.begin());
    // Their ids may come back.
    return connection_.script("DELETE FROM msg_queues WHERE deleted_at IS NOT NULL", long_time);
  }

  Result<> add_service(const ServiceRecord& service) override {
    SIMPLEX_TRY(enter(Stage::services));
    services_.insert(service.id);
    Values row;
    append_service(row, service);
    return add(row);
  }
  Result<> add_queue(const QueueRecord& queue) override {
    SIMPLEX_TRY(enter(Stage::queues));
    Values row;
    if (knows_services_of(queue)) {
      append_queue(row, queue);
    } else {  // the log may name services that it does not have
      auto changed = queue.clone();
      if (changed.service && !services_.contains(*changed.service)) changed.service.reset();
      if (changed.notifier && changed.notifier->service && !services_.contains(*changed.notifier->service)) {
        changed.notifier->service.reset();
      }
      append_queue(row, changed);
    }
    return add(row);
  }
  Result<> add_message(const RecipientId& queue, const StoredMessage& message) override {
    SIMPLEX_TRY(enter(Stage::messages));
    Values row;
    row.bytes(queue.view())
        .bytes(message.id.view())
        .int64(message.sent_at)
        .boolean(message.quota)
        .boolean(message.notification && !message.quota)
        .borrowed(message.quota ? BytesView() : BytesView(message.body));
    return add(row);
  }
  Result<> commit() override {
    SIMPLEX_TRY(end_stage());
    SIMPLEX_TRY(connection_.script(count_messages, long_time));
    SIMPLEX_TRY(transaction_.commit());
    // So that the planner knows how much there is.
    SIMPLEX_TRY(connection_.script("ANALYZE msg_queues, messages, services", long_time));
    return backend_.count();
  }

 private:
  enum class Stage : std::uint8_t { none, services, queues, messages };

  [[nodiscard]] bool knows_services_of(const QueueRecord& queue) const {
    return (!queue.service || services_.contains(*queue.service)) &&
           (!queue.notifier || !queue.notifier->service || services_.contains(*queue.notifier->service));
  }
  Result<> enter(Stage stage) {
    if (stage_ == stage) return {};
    if (stage < stage_) return fail(ErrorKind::internal, "the state comes in a wrong order");
    SIMPLEX_TRY(end_stage());
    const char* table = stage == Stage::services
                            ? "COPY services (service_id, service_role, service_cert, service_cert_hash, created_at) "
                              "FROM STDIN (FORMAT binary)"
                        : stage == Stage::queues
                            ? "COPY msg_queues (" SIMPLEX_QUEUE_COLUMNS ") FROM STDIN (FORMAT binary)"
                            : "COPY messages (recipient_id, msg_id, msg_ts, msg_quota, msg_ntf_flag, msg_body) "
                              "FROM STDIN (FORMAT binary)";
    SIMPLEX_TRY(connection_.copy_in(table));
    stage_ = stage;
    copying_ = true;
    using namespace std::string_view_literals;
    append(buffer_, "PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"sv);
    return {};
  }
  Result<> add(const Values& row) {
    row.append_copy_row(buffer_);
    return buffer_.size() > flush_at ? flush() : Result<>();
  }
  Result<> flush() {
    const auto put = connection_.put(buffer_);
    wipe(buffer_);
    buffer_.clear();
    return put;
  }
  Result<> end_stage() {
    if (!copying_) return {};
    append(buffer_, std::string_view("\xff\xff"));
    SIMPLEX_TRY(flush());
    copying_ = false;
    auto ended = connection_.end_copy();
    if (!ended && ended.error().kind == ErrorKind::conflict) {
      return fail(ErrorKind::conflict, "two of what was imported have the same id: " + ended.error().message);
    }
    return ended;
  }

  static constexpr std::size_t flush_at = 256 * 1'024;

  Backend& backend_;
  Connection& connection_;
  Transaction transaction_;
  Stage stage_ = Stage::none;
  bool copying_ = false;
  std::unordered_set<ServiceId> services_;
  Bytes buffer_;
};

Result<StoreTotals> Backend::export_to(StateSink& sink, const Progress& progress) {
  constexpr std::uint64_t step = 10'000;
  auto& connection = keeper_->connection();
  Transaction transaction(connection);
  // All of it as of one moment.
  SIMPLEX_TRY(transaction.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  StoreTotals done;
  RecipientId last;
  std::uint64_t position = 0;
  SIMPLEX_TRY(for_each_row(connection,
                           "SELECT service_id, service_role, service_cert, service_cert_hash, created_at FROM services",
                           [&](const Rows& rows, std::size_t row) -> Result<> {
                             SIMPLEX_ASSIGN(const auto service, read_service(rows, row));
                             return sink.add_service(service);
                           }));
  SIMPLEX_TRY(for_each_row(connection, "SELECT " SIMPLEX_QUEUE_COLUMNS " FROM msg_queues WHERE deleted_at IS NULL",
                           [&](const Rows& rows, std::size_t row) -> Result<> {
                             SIMPLEX_ASSIGN(const auto queue, read_queue(rows, row, 0));
                             ++done.queues;
                             if (queue.notifier) ++done.notifiers;
                             if (done.queues % step == 0) progress(done);
                             return sink.add_queue(queue);
                           }));
  SIMPLEX_TRY(for_each_row(connection,
                           "SELECT m.msg_id, m.msg_ts, m.msg_quota, m.msg_ntf_flag, m.msg_body, "
                           "m.recipient_id FROM messages m JOIN msg_queues q USING (recipient_id) "
                           "WHERE q.deleted_at IS NULL ORDER BY m.recipient_id, m.message_id",
                           [&](const Rows& rows, std::size_t row) -> Result<> {
                             SIMPLEX_ASSIGN(const auto queue, read_id<RecipientId>(rows, row, 5));
                             position = queue == last ? position + 1 : 1;
                             last = queue;
                             SIMPLEX_ASSIGN(const auto message, read_message(rows, row, 0, position));
                             ++done.messages;
                             if (done.messages % step == 0) progress(done);
                             return sink.add_message(queue, *message);
                           }));
  SIMPLEX_TRY(transaction.commit());
  progress(done);
  return done;
}

Result<std::unique_ptr<StateSink>> Backend::import() {
  SIMPLEX_ASSIGN(const auto has_queues, ask(keeper_->connection(),
                                            "SELECT EXISTS (SELECT FROM msg_queues WHERE deleted_at IS NULL) OR EXISTS "
                                            "(SELECT FROM services)"));
  if (has_queues) {
    return fail(
        ErrorKind::conflict,
        "the database has queues already: what is imported goes into an empty one. Use another schema, or remove "
        "what is there (smp-server database delete)",
        Advice::ask_user);
  }
  auto sink = std::make_unique<ImportSink>(*this);
  SIMPLEX_TRY(sink->begin());
  return sink;
}

Result<> Backend::remove(Contents contents) {
  auto& connection = keeper_->connection();
  Transaction transaction(connection);
  SIMPLEX_TRY(transaction.begin());
  switch (contents) {
    case Contents::messages:
      SIMPLEX_TRY(connection.script("TRUNCATE messages", long_time));
      SIMPLEX_TRY(connection.script(forget_sizes, long_time));
      break;
    case Contents::queues: {
      SIMPLEX_ASSIGN(const auto has_messages, ask(connection, "SELECT EXISTS (SELECT FROM messages)"));
      if (has_messages) {
        return fail(ErrorKind::conflict, "the queues have messages: remove these first, or everything",
                    Advice::ask_user);
      }
      SIMPLEX_TRY(connection.script("TRUNCATE messages, msg_queues", long_time));
      SIMPLEX_TRY(connection.script(forget_aggregates, long_time));
      break;
    }
    case Contents::all: SIMPLEX_TRY(connection.script("TRUNCATE messages, msg_queues, services", long_time)); break;
  }
  SIMPLEX_TRY(transaction.commit());
  return count();
}

}  // namespace simplex::smp::stores::postgres
