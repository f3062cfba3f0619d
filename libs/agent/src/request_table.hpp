// Rows of requests to connect that came to our addresses.
#pragma once

#include "simplex/crypto/hash.hpp"
#include "connection_table.hpp"

namespace simplex::agent {

struct Request {
  RequestId id;
  ConnKey address;
  std::string link;  // the invitation of whoever asks
};

class RequestTable {
 public:
  explicit RequestTable(store::Database& database) : db_(database) {}

  // Nothing when the same invitation came before.
  [[nodiscard]] Result<std::optional<RequestId>> insert(ConnKey address, std::string_view link, WallTime now);
  // One that was not answered yet.
  [[nodiscard]] Result<std::optional<Request>> find(RequestId id);
  // Not answered, of the address.
  [[nodiscard]] Result<std::int64_t> waiting(ConnKey address);
  // Its invitation is forgotten; that it came is remembered for a while.
  [[nodiscard]] Result<> set_answered(RequestId id);
  [[nodiscard]] Result<> forget_answered_before(WallTime time);

 private:
  store::Database& db_;
};

}  // namespace simplex::agent
