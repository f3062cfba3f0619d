// Schemas of the tests' server.
#pragma once

#include <iostream>
#include "simplex/smp/stores/postgres.hpp"

#include "cluster.hpp"
#include "store_contract.hpp"

namespace simplex::smp::stores {

// Keeps what is logged, and shows it with the test's output.
class LoggedLines final : public Logger {
 public:
  [[nodiscard]] bool enabled(LogLevel) const noexcept override { return true; }
  void write(LogLevel level, std::string_view text) override {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::string(name_of(level)) + ": " + std::string(text));
    std::cout << lines_.back() << std::endl;
  }
  [[nodiscard]] std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

class PostgresPlace final : public StorePlace {
 public:
  [[nodiscard]] PostgresSettings settings(std::size_t store) const {
    PostgresSettings made;
    made.connection = Cluster::instance().connection();
    made.schema = schemas_.at(store);
    made.create_schema = true;
    made.pool_size = 4;
    return made;
  }
  Result<std::unique_ptr<server::StoreBackend>> open(std::size_t store) override {
    return open_postgres(settings(store), logger_);
  }

 private:
  std::array<std::string, 2> schemas_{Cluster::instance().new_schema(), Cluster::instance().new_schema()};
  LoggedLines logger_;
};

}  // namespace simplex::smp::stores
