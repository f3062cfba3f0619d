#include "request_table.hpp"

namespace simplex::agent {

Result<std::optional<RequestId>> RequestTable::insert(ConnKey address, std::string_view link, WallTime now) {
  SIMPLEX_ASSIGN(const auto added,
                 db_.run("INSERT OR IGNORE INTO requests (conn, hash, link, created_at) VALUES (?, ?, ?, ?)", address,
                         crypto::sha256(as_bytes(link)), link, now));
  if (added == 0) return std::nullopt;
  return RequestId(db_.last_row_id());
}

Result<std::optional<Request>> RequestTable::find(RequestId id) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT conn, link FROM requests WHERE request = ? AND link <> ''"));
  SIMPLEX_TRY(row.bind_all(id));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  return Request{id, row.number<ConnKey>(0), std::string(row.text(1))};
}

Result<std::int64_t> RequestTable::waiting(ConnKey address) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT count(*) FROM requests WHERE conn = ? AND link <> ''"));
  SIMPLEX_TRY(row.bind_all(address));
  SIMPLEX_TRY(row.step());
  return row.integer(0);
}

Result<> RequestTable::set_answered(RequestId id) {
  SIMPLEX_TRY(db_.run("UPDATE requests SET link = '' WHERE request = ?", id));
  return {};
}

Result<> RequestTable::forget_answered_before(WallTime time) {
  SIMPLEX_TRY(db_.run("DELETE FROM requests WHERE link = '' AND created_at < ?", time));
  return {};
}

}  // namespace simplex::agent
