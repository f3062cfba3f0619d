// A connection to the database: libpq behind values that own what they hold. Every wait has an end. libpq's own header
// stays in the .cpp files of this folder.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "simplex/base/bytes.hpp"
#include "simplex/base/clock.hpp"
#include "simplex/base/result.hpp"

struct pg_conn;
struct pg_result;

namespace simplex::smp::stores::postgres {

// The parameters of a statement, in binary form. Wiped when dropped: secrets of queues are among them.
class Values {
 public:
  Values() { buffer_.reserve(256); }
  ~Values() { wipe(buffer_); }
  Values(Values&&) = default;
  Values& operator=(Values&& other) noexcept {
    wipe(buffer_);
    buffer_ = std::move(other.buffer_);
    values_ = std::move(other.values_);
    return *this;
  }
  Values(const Values&) = delete;
  Values& operator=(const Values&) = delete;

  Values& bytes(BytesView value);
  // Not copied: the octets live as long as this.
  Values& borrowed(BytesView value);
  Values& text(std::string_view value) { return bytes(as_bytes(value)); }
  Values& int64(std::int64_t value);
  Values& int32(std::int32_t value);
  Values& boolean(bool value);
  Values& null();
  // An array of bigint.
  Values& int64s(std::span<const std::int64_t> values);

  // A row of COPY's binary form.
  void append_copy_row(Bytes& to) const;

  [[nodiscard]] std::size_t count() const { return values_.size(); }
  [[nodiscard]] std::size_t octets() const;

 private:
  friend class Connection;
  struct Value {
    const std::uint8_t* outside;  // null: at offset in the buffer
    std::size_t offset;
    std::size_t size;
    bool null;
  };
  Bytes buffer_;
  std::vector<Value> values_;
};

// What a statement gave back, or why it failed.
class Rows {
 public:
  explicit Rows(pg_result* result) : result_(result) {}

  [[nodiscard]] bool failed() const;   // with an error, or because one before it in the pipeline failed
  [[nodiscard]] bool skipped() const;  // the latter
  [[nodiscard]] std::string sqlstate() const;
  // For a log: names no value of any row.
  [[nodiscard]] std::string what() const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t affected() const;
  [[nodiscard]] bool is_null(std::size_t row, std::size_t column) const;
  [[nodiscard]] BytesView bytes(std::size_t row, std::size_t column) const;
  [[nodiscard]] std::string_view text(std::size_t row, std::size_t column) const { return as_text(bytes(row, column)); }
  [[nodiscard]] std::int64_t int64(std::size_t row, std::size_t column) const;  // 0 when it is not a bigint
  [[nodiscard]] bool boolean(std::size_t row, std::size_t column) const;

 private:
  friend class Connection;
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

// Error for a statement that failed: a unique constraint is a conflict, everything else a storage error.
[[nodiscard]] Error error_of(const Rows& rows);

struct Statement {
  const char* name;
  const char* sql;
};

// What is in a connection string; never printed.
class ConnectionString {
 public:
  // Malformed, with no part of the string in the message.
  [[nodiscard]] static Result<ConnectionString> parse(const std::string& text);
  // A text of libpq or of the server without the password.
  [[nodiscard]] std::string without_secret(std::string text) const;

 private:
  friend class Connection;
  std::string text_;
  std::string password_;
};

class Connection {
 public:
  // `name` is shown in pg_stat_activity.
  [[nodiscard]] static Result<Connection> open(const ConnectionString& to, const std::string& name, Duration timeout);

  // One statement, waited for. A statement that fails is an error, too.
  [[nodiscard]] Result<Rows> run(const char* sql, const Values& values, Duration timeout);
  // Any number of statements without parameters; all or nothing.
  [[nodiscard]] Result<> script(const std::string& sql, Duration timeout);
  // The name in double quotes, for a script.
  [[nodiscard]] std::string quoted_name(const std::string& name) const;

  // --- pipeline. An error means that the connection is of no use any more.
  [[nodiscard]] Result<> enter_pipeline();
  [[nodiscard]] Result<> prepare(std::span<const Statement> statements, Duration timeout);
  [[nodiscard]] Result<> send(const Statement& prepared, const Values& values);
  [[nodiscard]] Result<> sync();
  // The next result: one for each statement, and one for each sync.
  [[nodiscard]] Result<Rows> next(Instant deadline);

  // --- COPY in binary form; these block. copy_in sends the statement, put its octets, end what the server says.
  [[nodiscard]] Result<> copy_in(const char* sql);
  [[nodiscard]] Result<> put(BytesView octets);
  [[nodiscard]] Result<> end_copy();
  void cancel_copy();

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  explicit Connection(pg_conn* connection, ConnectionString to) : connection_(connection), to_(std::move(to)) {}
  [[nodiscard]] Error broken() const;
  [[nodiscard]] Result<> wait(bool read, bool write, Instant deadline) const;
  [[nodiscard]] Result<Rows> finish_run(Duration timeout);

  std::unique_ptr<pg_conn, Finish> connection_;
  ConnectionString to_;
  SystemClock clock_;
};

}  // namespace simplex::smp::stores::postgres
