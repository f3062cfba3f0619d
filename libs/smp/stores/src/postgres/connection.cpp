#include "postgres/connection.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <array>
#include <bit>

namespace simplex::smp::stores::postgres {
namespace {

constexpr int binary = 1;

template <class Int>
void append_big_endian(Bytes& to, Int value) {
  for (int shift = static_cast<int>(sizeof(Int) * 8) - 8; shift >= 0; shift -= 8) {
    to.push_back(static_cast<std::uint8_t>(static_cast<std::make_unsigned_t<Int>>(value) >> shift));
  }
}

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (auto& character : text) {
    if (character == '\n' || character == '\t') character = ' ';
  }
  return text;
}

// Drops what the server says beside errors: notices could have values of rows in them.
void ignore_notice(void*, const PGresult*) {}

std::string field(const PGresult* result, int which) {
  const char* got = result != nullptr ? PQresultErrorField(result, which) : nullptr;
  return got != nullptr ? got : "";
}

}  // namespace

// ---- Values

Values& Values::bytes(BytesView value) {
  values_.push_back({nullptr, buffer_.size(), value.size(), false});
  append(buffer_, value);
  return *this;
}

Values& Values::borrowed(BytesView value) {
  static constexpr std::uint8_t none = 0;
  values_.push_back({value.empty() ? &none : value.data(), 0, value.size(), false});
  return *this;
}

Values& Values::int64(std::int64_t value) {
  values_.push_back({nullptr, buffer_.size(), 8, false});
  append_big_endian(buffer_, value);
  return *this;
}

Values& Values::int32(std::int32_t value) {
  values_.push_back({nullptr, buffer_.size(), 4, false});
  append_big_endian(buffer_, value);
  return *this;
}

Values& Values::boolean(bool value) {
  values_.push_back({nullptr, buffer_.size(), 1, false});
  buffer_.push_back(value ? 1 : 0);
  return *this;
}

Values& Values::null() {
  values_.push_back({nullptr, 0, 0, true});
  return *this;
}

Values& Values::int64s(std::span<const std::int64_t> values) {
  constexpr std::int32_t type_bigint = 20;
  const auto offset = buffer_.size();
  append_big_endian(buffer_, std::int32_t{1});  // dimensions
  append_big_endian(buffer_, std::int32_t{0});  // no nulls
  append_big_endian(buffer_, type_bigint);
  append_big_endian(buffer_, static_cast<std::int32_t>(values.size()));
  append_big_endian(buffer_, std::int32_t{1});  // first index
  for (const auto value : values) {
    append_big_endian(buffer_, std::int32_t{8});
    append_big_endian(buffer_, value);
  }
  values_.push_back({nullptr, offset, buffer_.size() - offset, false});
  return *this;
}

void Values::append_copy_row(Bytes& to) const {
  append_big_endian(to, static_cast<std::int16_t>(values_.size()));
  for (const auto& value : values_) {
    if (value.null) {
      append_big_endian(to, std::int32_t{-1});
      continue;
    }
    append_big_endian(to, static_cast<std::int32_t>(value.size));
    append(to, BytesView(value.outside != nullptr ? value.outside : buffer_.data() + value.offset, value.size));
  }
}

std::size_t Values::octets() const {
  auto sum = buffer_.size();
  for (const auto& value : values_) {
    if (value.outside != nullptr) sum += value.size;
  }
  return sum;
}

// ---- Rows

void Rows::Clear::operator()(pg_result* result) const { PQclear(result); }

bool Rows::skipped() const { return PQresultStatus(result_.get()) == PGRES_PIPELINE_ABORTED; }

bool Rows::failed() const {
  switch (PQresultStatus(result_.get())) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_PIPELINE_SYNC:
    case PGRES_COPY_IN: return false;
    default: return true;
  }
}

std::string Rows::sqlstate() const { return field(result_.get(), PG_DIAG_SQLSTATE); }

std::string Rows::what() const {
  if (skipped()) return "a statement before it failed";
  const auto state = sqlstate();
  // Texts about the system name files, tables, limits; those about data may name values.
  static constexpr std::array<std::string_view, 9> about_system{"08", "28", "3D", "3F", "42", "53", "57", "58", "XX"};
  for (const auto known : about_system) {
    if (state.starts_with(known)) {
      return fmt::format("{} (SQLSTATE {})", one_line(field(result_.get(), PG_DIAG_MESSAGE_PRIMARY)), state);
    }
  }
  auto made = "the database refused a statement (SQLSTATE " + state;
  if (const auto constraint = field(result_.get(), PG_DIAG_CONSTRAINT_NAME); !constraint.empty()) {
    made += ", constraint " + constraint;
  }
  return made + ")";
}

std::size_t Rows::size() const { return static_cast<std::size_t>(PQntuples(result_.get())); }

std::size_t Rows::affected() const {
  const std::string_view text = PQcmdTuples(result_.get());
  std::size_t made = 0;
  for (const auto digit : text) {
    if (digit >= '0' && digit <= '9') made = made * 10 + static_cast<std::size_t>(digit - '0');
  }
  return made;
}

bool Rows::is_null(std::size_t row, std::size_t column) const {
  return PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) != 0;
}

BytesView Rows::bytes(std::size_t row, std::size_t column) const {
  const auto r = static_cast<int>(row);
  const auto c = static_cast<int>(column);
  return as_bytes({PQgetvalue(result_.get(), r, c), static_cast<std::size_t>(PQgetlength(result_.get(), r, c))});
}

std::int64_t Rows::int64(std::size_t row, std::size_t column) const {
  const auto octets = bytes(row, column);
  if (octets.size() != 8) return 0;
  std::uint64_t made = 0;
  for (const auto octet : octets) made = made << 8 | octet;
  return std::bit_cast<std::int64_t>(made);
}

bool Rows::boolean(std::size_t row, std::size_t column) const {
  const auto octets = bytes(row, column);
  return octets.size() == 1 && octets[0] != 0;
}

Error error_of(const Rows& rows) {
  const auto state = rows.sqlstate();
  if (state == "23505") return {ErrorKind::conflict, rows.what()};
  return {ErrorKind::storage, rows.what(), Advice::retry};
}

// ---- ConnectionString

Result<ConnectionString> ConnectionString::parse(const std::string& text) {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(text.c_str(), nullptr),
                                                                             &PQconninfoFree);
  if (!options) {
    return fail(ErrorKind::malformed,
                "the connection string of the database can't be read: use postgresql://USER@HOST/DATABASE, or "
                "host=... dbname=... user=...",
                Advice::ask_user);
  }
  ConnectionString made;
  made.text_ = text;
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    if (std::string_view(option->keyword) == "password" && option->val != nullptr) made.password_ = option->val;
  }
  return made;
}

std::string ConnectionString::without_secret(std::string text) const {
  if (password_.empty()) return text;
  for (auto at = text.find(password_); at != std::string::npos; at = text.find(password_, at + 3)) {
    text.replace(at, password_.size(), "***");
  }
  return text;
}

// ---- Connection

void Connection::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }

Error Connection::broken() const {
  auto text = one_line(to_.without_secret(PQerrorMessage(connection_.get())));
  return {ErrorKind::network, text.empty() ? "the connection to the database broke" : text, Advice::retry};
}

Result<> Connection::wait(bool read, bool write, Instant deadline) const {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock_.now()).count();
    if (left <= 0) return fail(ErrorKind::timeout, "the database does not answer", Advice::retry);
    pollfd one{PQsocket(connection_.get()), 0, 0};
    if (one.fd < 0) return std::unexpected(broken());
    if (read) one.events |= POLLIN;
    if (write) one.events |= POLLOUT;
    const auto ready = ::poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return fail(ErrorKind::network, "poll failed", Advice::retry);
  }
}

Result<Connection> Connection::open(const ConnectionString& to, const std::string& name, Duration timeout) {
  const std::array<const char*, 6> keys{"dbname",          "application_name", "client_encoding",
                                        "keepalives_idle", "tcp_user_timeout", nullptr};
  const std::array<const char*, 6> values{to.text_.c_str(), name.c_str(), "UTF8", "30", "30000", nullptr};
  Connection made(PQconnectStartParams(keys.data(), values.data(), 1), to);
  if (!made.connection_) return fail(ErrorKind::limit, "no memory for a connection to the database");
  PQsetNoticeReceiver(made.connection_.get(), ignore_notice, nullptr);
  const auto deadline = made.clock_.now() + timeout;
  if (PQstatus(made.connection_.get()) == CONNECTION_BAD) return std::unexpected(made.broken());
  for (auto polled = PGRES_POLLING_WRITING; polled != PGRES_POLLING_OK;) {
    if (polled == PGRES_POLLING_FAILED) return std::unexpected(made.broken());
    SIMPLEX_TRY(made.wait(polled == PGRES_POLLING_READING, polled == PGRES_POLLING_WRITING, deadline));
    polled = PQconnectPoll(made.connection_.get());
  }
  return made;
}

Result<Rows> Connection::finish_run(Duration timeout) {
  const auto deadline = clock_.now() + timeout;
  std::optional<Rows> last;
  for (;;) {
    while (PQflush(connection_.get()) == 1) SIMPLEX_TRY(wait(true, true, deadline));
    while (PQisBusy(connection_.get()) != 0) {
      SIMPLEX_TRY(wait(true, false, deadline));
      if (PQconsumeInput(connection_.get()) == 0) return std::unexpected(broken());
    }
    auto* result = PQgetResult(connection_.get());
    if (result == nullptr) break;
    if (!last || !last->failed())
      last.emplace(result);
    else
      PQclear(result);
  }
  if (!last) return std::unexpected(broken());
  if (last->failed()) {
    if (PQstatus(connection_.get()) == CONNECTION_BAD) return std::unexpected(broken());
    return std::unexpected(error_of(*last));
  }
  return std::move(*last);
}

namespace {

struct Parameters {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
};

}  // namespace

Result<Rows> Connection::run(const char* sql, const Values& values, Duration timeout) {
  Parameters given;
  for (const auto& value : values.values_) {
    const auto* start = value.outside != nullptr ? value.outside : values.buffer_.data() + value.offset;
    given.values.push_back(value.null ? nullptr : as_text({start, value.size}).data());
    given.lengths.push_back(static_cast<int>(value.size));
    given.formats.push_back(binary);
  }
  if (PQsendQueryParams(connection_.get(), sql, static_cast<int>(values.count()), nullptr, given.values.data(),
                        given.lengths.data(), given.formats.data(), binary) == 0) {
    return std::unexpected(broken());
  }
  return finish_run(timeout);
}

Result<> Connection::script(const std::string& sql, Duration timeout) {
  if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return std::unexpected(broken());
  SIMPLEX_TRY(finish_run(timeout));
  return {};
}

std::string Connection::quoted_name(const std::string& name) const {
  const std::unique_ptr<char, decltype(&PQfreemem)> made(
      PQescapeIdentifier(connection_.get(), name.data(), name.size()), &PQfreemem);
  return made ? made.get() : "\"\"";
}

Result<> Connection::enter_pipeline() {
  if (PQsetnonblocking(connection_.get(), 1) != 0 || PQenterPipelineMode(connection_.get()) == 0) {
    return std::unexpected(broken());
  }
  return {};
}

Result<> Connection::prepare(std::span<const Statement> statements, Duration timeout) {
  for (const auto& statement : statements) {
    if (PQsendPrepare(connection_.get(), statement.name, statement.sql, 0, nullptr) == 0) {
      return std::unexpected(broken());
    }
  }
  SIMPLEX_TRY(sync());
  const auto deadline = clock_.now() + timeout;
  std::optional<Error> failed;
  for (std::size_t i = 0; i < statements.size() + 1; ++i) {
    SIMPLEX_ASSIGN(const auto rows, next(deadline));
    if (rows.failed() && !failed) failed = error_of(rows);
  }
  if (failed) return std::unexpected(std::move(*failed));
  return {};
}

Result<> Connection::send(const Statement& prepared, const Values& values) {
  Parameters given;
  given.values.reserve(values.count());
  for (const auto& value : values.values_) {
    const auto* start = value.outside != nullptr ? value.outside : values.buffer_.data() + value.offset;
    given.values.push_back(value.null ? nullptr : as_text({start, value.size}).data());
    given.lengths.push_back(static_cast<int>(value.size));
    given.formats.push_back(binary);
  }
  if (PQsendQueryPrepared(connection_.get(), prepared.name, static_cast<int>(values.count()), given.values.data(),
                          given.lengths.data(), given.formats.data(), binary) == 0) {
    return std::unexpected(broken());
  }
  return {};
}

Result<> Connection::sync() {
  if (PQpipelineSync(connection_.get()) == 0) return std::unexpected(broken());
  return {};
}

Result<Rows> Connection::next(Instant deadline) {
  for (int ends = 0; ends < 3;) {
    const auto flushed = PQflush(connection_.get());
    if (flushed < 0) return std::unexpected(broken());
    if (PQisBusy(connection_.get()) != 0) {
      SIMPLEX_TRY(wait(true, flushed == 1, deadline));
      if (PQconsumeInput(connection_.get()) == 0) return std::unexpected(broken());
      continue;
    }
    auto* result = PQgetResult(connection_.get());
    if (result == nullptr) {  // the end of one statement's results
      ++ends;
      continue;
    }
    Rows rows(result);
    if (rows.failed() && PQstatus(connection_.get()) == CONNECTION_BAD) return std::unexpected(broken());
    return rows;
  }
  return std::unexpected(broken());
}

// ---- COPY

Result<> Connection::copy_in(const char* sql) {
  if (PQsendQuery(connection_.get(), sql) == 0) return std::unexpected(broken());
  const Rows rows(PQgetResult(connection_.get()));
  if (rows.result_ == nullptr) return std::unexpected(broken());
  if (rows.failed()) {
    auto error = error_of(rows);
    while (auto* more = PQgetResult(connection_.get())) PQclear(more);
    return std::unexpected(std::move(error));
  }
  return {};
}

Result<> Connection::put(BytesView octets) {
  const auto text = as_text(octets);
  if (PQputCopyData(connection_.get(), text.data(), static_cast<int>(text.size())) != 1) {
    return std::unexpected(broken());
  }
  return {};
}

void Connection::cancel_copy() {
  PQputCopyEnd(connection_.get(), "cancelled");
  while (auto* result = PQgetResult(connection_.get())) PQclear(result);
}

Result<> Connection::end_copy() {
  if (PQputCopyEnd(connection_.get(), nullptr) != 1) return std::unexpected(broken());
  std::optional<Error> failed;
  while (auto* result = PQgetResult(connection_.get())) {
    const Rows rows(result);
    if (rows.failed() && !failed) failed = error_of(rows);
  }
  if (failed) return std::unexpected(std::move(*failed));
  return {};
}

}  // namespace simplex::smp::stores::postgres
