#include "cluster.hpp"

#include <gtest/gtest.h>

namespace simplex::smp::stores {

Cluster& Cluster::instance() {
  static Cluster cluster;
  return cluster;
}

postgres::Connection Cluster::open(const std::string& schema) {
  auto opened = postgres::Connection::open(postgres::ConnectionString::parse(connection()).value(), "test",
                                           std::chrono::minutes(1));
  if (!opened) give_up(opened.error().message);
  const auto used =
      opened->script("SET client_min_messages TO error; SET search_path TO " + schema, std::chrono::minutes(1));
  if (!used) give_up(used.error().message);
  return std::move(*opened);
}

void Cluster::run(const std::string& schema, const std::string& sql) {
  const auto done = open(schema).script(sql, std::chrono::minutes(1));
  EXPECT_TRUE(done) << sql << ": " << done.error().message;
}

std::int64_t Cluster::number(const std::string& schema, const std::string& sql) {
  const auto rows = open(schema).run(("SELECT (" + sql + ")::bigint").c_str(), {}, std::chrono::minutes(1));
  EXPECT_TRUE(rows) << sql << ": " << rows.error().message;
  return rows ? rows->int64(0, 0) : -1;
}

}  // namespace simplex::smp::stores
