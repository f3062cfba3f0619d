// The PostgreSQL server of this program's tests. One for the whole program; each test has schemas of its own.
#pragma once

#include "simplex/testing/postgres_server.hpp"
#include "postgres/connection.hpp"

namespace simplex::smp::stores {

class Cluster : public testing::PostgresServer {
 public:
  // The program's; made when first asked for.
  [[nodiscard]] static Cluster& instance();

  [[nodiscard]] std::string new_schema() { return "relay_" + std::to_string(++schemas_); }

  // A connection for looking into the tables of a schema.
  [[nodiscard]] postgres::Connection open(const std::string& schema);
  // Fails the test when the statement does.
  void run(const std::string& schema, const std::string& sql);
  // The first column of the first row, as a number.
  [[nodiscard]] std::int64_t number(const std::string& schema, const std::string& sql);

 private:
  Cluster() = default;
  int schemas_ = 0;
};

}  // namespace simplex::smp::stores
