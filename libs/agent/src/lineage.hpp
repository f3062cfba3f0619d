// Knows an old copy of the database. A ratchet that goes back in time would encrypt two messages with the same key: so what
// is found to be a copy encrypts nothing with the keys that it holds.
//
// The database has an id and a generation, which grows at every start, every few minutes of use and at every stop. The
// same is written, after it, to a small file beside the database (agent.db.generation). A database whose file says
// otherwise has been put back by hand; one that the agent copied itself says so inside. Whoever puts back both files
// together, or a copy of a running program's file before its generation grows, is not found out here: then the peers notice
// (RatchetSyncChanged).
#pragma once

#include "simplex/agent/config.hpp"
#include "simplex/store/database.hpp"

namespace simplex::agent {

class Lineage {
 public:
  Lineage(store::Database& database, const Config& config, Logger& log)
      : db_(database), path_(config.database), log_(log) {}

  // Once, in a transaction. True: the database is an old copy; it has a new id now.
  [[nodiscard]] Result<bool> open(Random& random);
  // In a transaction: the next generation, when anything was written since the last. False: nothing was.
  [[nodiscard]] Result<bool> grow();
  // After its commit. A failure is logged: an old copy may not be known then.
  void write_file();

  // In a copy that was just made: says inside what it is.
  [[nodiscard]] static Result<> mark_as_copy(store::Database& copy);

 private:
  struct Name {
    Bytes id;
    std::int64_t generation = 0;
  };
  [[nodiscard]] bool has_file() const { return path_ != ":memory:"; }
  [[nodiscard]] std::filesystem::path file() const { return path_.string() + ".generation"; }
  [[nodiscard]] Result<std::optional<Name>> read_file() const;

  store::Database& db_;
  std::filesystem::path path_;
  Logger& log_;
  Name name_;
  std::int64_t changes_ = 0;  // of the database, when its generation grew last
};

}  // namespace simplex::agent
