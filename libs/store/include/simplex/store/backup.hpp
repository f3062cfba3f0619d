// A copy of a database that is open and in use: made in small steps between which the database is read and written as
// usual; what is written meanwhile is in the copy, too. The copy has its name only when it is whole and on the disk; until
// then it is called path.part, and whoever had the name keeps it.
//
// Threading: on the thread of the database, which outlives the backup.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "simplex/store/database.hpp"

namespace simplex::store {

class Backup {
 public:
  // passphrase: of the copy; empty: the copy is not encrypted. Errors: storage, not_found (no such folder), conflict (the
  // file is the database itself).
  [[nodiscard]] static Result<Backup> begin(Database& source, std::filesystem::path path, SecretBytes passphrase);

  Backup(Backup&&) noexcept;
  Backup& operator=(Backup&&) noexcept;
  ~Backup();  // what is not finished is removed

  // Copies so many pages of 4 KiB: some tenths of a millisecond for each ten. True: nothing is left. Not inside of a
  // transaction. When the database is encrypted and the copy is not, or the other way, the first step is the only one and
  // takes its time: SQLCipher can only write these as a whole.
  [[nodiscard]] Result<bool> step(int pages);
  // After that: `change` may write something into the copy, and then it gets its name.
  [[nodiscard]] Result<> finish(const std::function<Result<>(Database& copy)>& change);

 private:
  struct State;
  explicit Backup(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace simplex::store
