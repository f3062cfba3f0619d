#include "simplex/store/backup.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "simplex/store/import.hpp"
#include "temporary_folder.hpp"

namespace simplex::store {
namespace {

namespace fs = std::filesystem;

SecretBytes passphrase(std::string_view text) { return SecretBytes(as_bytes(text)); }

class BackupTest : public ::testing::Test {
 protected:
  Result<Database> open(const fs::path& path, std::string_view key) {
    return Database::open({.path = path, .passphrase = passphrase(key), .busy_timeout = Duration::zero()});
  }
  Database filled(const fs::path& path, std::string_view key, int rows = 2'000) {
    auto made = open(path, key);
    EXPECT_TRUE(made && made->execute("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, b BLOB NOT NULL) STRICT"));
    EXPECT_TRUE(made->begin());
    for (int i = 0; i < rows; ++i) EXPECT_TRUE(made->run("INSERT INTO t (b) VALUES (?)", Bytes(500, 7)));
    EXPECT_TRUE(made->commit());
    return std::move(*made);
  }
  std::int64_t rows(const fs::path& path, std::string_view key) {
    auto db = open(path, key);
    EXPECT_TRUE(db) << db.error().message;
    return db ? rows(*db) : -1;
  }
  std::int64_t rows(Database& db) {
    auto counted = db.prepare("SELECT count(*) FROM t");
    EXPECT_TRUE(counted && *counted->step());
    return counted->integer(0);
  }
  Result<> copy(Database& db, const fs::path& to, std::string_view key) {
    SIMPLEX_ASSIGN(auto backup, Backup::begin(db, to, passphrase(key)));
    for (bool done = false; !done;) {
      SIMPLEX_ASSIGN(done, backup.step(50));
    }
    return backup.finish({});
  }
  std::size_t files() {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()));
  }
  ImportOptions from_copy(std::string_view source_key, std::string_view key) {
    return {.source = copy_, .source_passphrase = passphrase(source_key), .path = file_, .passphrase = passphrase(key)};
  }
  static Result<> fine(Database&) { return {}; }

  TemporaryFolder folder_;
  fs::path file_ = folder_.path() / "test.db";
  fs::path copy_ = folder_.path() / "copy.db";
};

TEST_F(BackupTest, ACopyIsConsistentWhileTheDatabaseIsWrittenTo) {
  auto db = filled(file_, "secret");
  auto backup = Backup::begin(db, copy_, passphrase("secret"));
  ASSERT_TRUE(backup) << backup.error().message;
  int steps = 0;
  for (;; ++steps) {
    const auto done = backup->step(10);
    ASSERT_TRUE(done) << done.error().message;
    if (*done) break;
    // Half of it here, half of it there: never one without the other.
    ASSERT_TRUE(db.begin());
    ASSERT_TRUE(db.run("INSERT INTO t (b) VALUES (?)", Bytes(500, 1)));
    ASSERT_TRUE(db.run("UPDATE t SET b = ? WHERE id = ?", Bytes(500, 1), 1 + steps));
    ASSERT_TRUE(db.commit());
    EXPECT_FALSE(fs::exists(copy_)) << "not before it is whole";
  }
  ASSERT_TRUE(backup->finish({}));
  EXPECT_GT(steps, 10);
  EXPECT_EQ(rows(copy_, "secret"), rows(db));
  auto made = open(copy_, "secret");
  auto changed = made->prepare(
      "SELECT count(*) FILTER (WHERE id <= 2000), count(*) FILTER (WHERE id > 2000) FROM t "
      "WHERE b = (SELECT b FROM t WHERE id = 1)");
  ASSERT_TRUE(changed && *changed->step());
  EXPECT_EQ(changed->integer(0), changed->integer(1));
  struct stat status{};
  ASSERT_EQ(::stat(copy_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(BackupTest, HasThePassphraseThatIsAskedForAndIsPlainOnlyWithNone) {
  auto encrypted = filled(file_, "secret", 300);
  auto plain = filled(folder_.path() / "plain.db", "", 200);
  ASSERT_TRUE(copy(encrypted, folder_.path() / "1", "another"));
  ASSERT_TRUE(copy(encrypted, folder_.path() / "2", ""));
  ASSERT_TRUE(copy(plain, folder_.path() / "3", ""));
  ASSERT_TRUE(copy(plain, folder_.path() / "4", "another"));
  EXPECT_EQ(rows(folder_.path() / "1", "another"), 300);
  EXPECT_EQ(rows(folder_.path() / "2", ""), 300);
  EXPECT_EQ(rows(folder_.path() / "3", ""), 200);
  EXPECT_EQ(rows(folder_.path() / "4", "another"), 200);
  EXPECT_EQ(open(folder_.path() / "1", "secret").error().kind, ErrorKind::authentication);
  EXPECT_EQ(open(folder_.path() / "4", "").error().kind, ErrorKind::authentication);
  // Rows that were deleted stay known: their numbers are not used again.
  auto copied = open(folder_.path() / "2", "");
  ASSERT_TRUE(copied->execute("DELETE FROM t") && copied->execute("INSERT INTO t (b) VALUES (x'00')"));
  EXPECT_EQ(copied->last_row_id(), 301);
}

TEST_F(BackupTest, OneThatIsGivenUpOrFailsLeavesWhatWasThere) {
  auto db = filled(file_, "secret");
  std::ofstream(copy_) << "the backup of yesterday";
  const auto before = files();
  {
    auto given_up = Backup::begin(db, copy_, passphrase("secret"));
    ASSERT_TRUE(given_up && given_up->step(10));
  }
  auto refused = Backup::begin(db, copy_, passphrase("secret"));
  while (!*refused->step(100)) {
  }
  EXPECT_FALSE(refused->finish([](Database&) -> Result<> { return fail(ErrorKind::internal, "no"); }));
  refused = Backup::begin(db, folder_.path() / "no folder" / "copy.db", passphrase("secret"));
  EXPECT_EQ(refused.error().kind, ErrorKind::not_found);
  EXPECT_EQ(Backup::begin(db, file_, passphrase("secret")).error().kind, ErrorKind::conflict);
  EXPECT_EQ(files(), before);
  EXPECT_EQ(fs::file_size(copy_), 23u);
}

TEST_F(BackupTest, AFullDiskIsSaidSo) {
  auto db = filled(file_, "secret");
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  auto limit = before;
  limit.rlim_cur = 100 * 1024;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto failed = copy(db, copy_, "secret");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::storage) << failed.error().message;
  EXPECT_EQ(files(), 2u) << "the database and its log";
  EXPECT_TRUE(db.run("INSERT INTO t (b) VALUES (?)", Bytes(500, 1)));
  EXPECT_TRUE(copy(db, copy_, "secret"));
}

TEST_F(BackupTest, AnImportTakesThePlaceAndTheOldOneIsKept) {
  {
    auto db = filled(file_, "secret", 10);
    ASSERT_TRUE(copy(db, copy_, "of the copy"));
    ASSERT_TRUE(db.execute("DELETE FROM t WHERE id > 4"));
  }
  int proven = 0;
  ASSERT_TRUE(import_database(from_copy("of the copy", "new"), [&](Database& db) {
    ++proven;
    return db.execute("DELETE FROM t WHERE id > 7");
  }));
  EXPECT_EQ(proven, 1);
  EXPECT_EQ(rows(file_, "new"), 7);
  EXPECT_EQ(rows(copy_, "of the copy"), 10);
  EXPECT_EQ(rows(file_.string() + ".before-import", "secret"), 4);
  forget_replaced(file_);
  EXPECT_EQ(files(), 2u);
  // Into nothing, and from a plain one.
  fs::remove(copy_);
  (void)filled(copy_, "", 3);
  fs::remove(file_);
  ASSERT_TRUE(import_database(from_copy("", "new"), fine));
  EXPECT_EQ(rows(file_, "new"), 3);
}

TEST_F(BackupTest, WhatCannotBeImportedChangesNothing) {
  auto db = std::optional(filled(file_, "secret", 10));
  ASSERT_TRUE(copy(*db, copy_, "secret"));
  EXPECT_EQ(import_database(from_copy("secret", "secret"), fine).error().kind, ErrorKind::conflict) << "in use";
  db.reset();
  EXPECT_EQ(import_database(from_copy("wrong", "secret"), fine).error().kind, ErrorKind::authentication);
  EXPECT_EQ(import_database({.source = folder_.path() / "none",
                             .source_passphrase = passphrase("secret"),
                             .path = file_,
                             .passphrase = passphrase("secret")},
                            fine)
                .error()
                .kind,
            ErrorKind::not_found);
  EXPECT_EQ(import_database(from_copy("secret", "secret"),
                            [](Database&) -> Result<> { return fail(ErrorKind::version, "too new"); })
                .error()
                .kind,
            ErrorKind::version);
  {
    const auto used = open(copy_, "secret");
    EXPECT_EQ(import_database(from_copy("secret", "secret"), fine).error().kind, ErrorKind::conflict);
  }
  {
    std::fstream damaged(copy_, std::ios::in | std::ios::out | std::ios::binary);
    damaged.seekp(4096 + 100);
    damaged << "damaged";
  }
  const auto refused = import_database(from_copy("secret", "secret"), fine);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::storage) << refused.error().message;
  EXPECT_EQ(files(), 2u);
  EXPECT_EQ(rows(file_, "secret"), 10);
}

TEST_F(BackupTest, AnImportThatWasInterruptedIsCompleted) {
  (void)filled(file_, "secret", 10);
  (void)filled(copy_, "new", 3);
  fs::rename(copy_, file_.string() + ".importing");
  std::ofstream(file_.string() + "-wal") << "the log of the database that is replaced";
  ASSERT_TRUE(complete_import(file_));
  EXPECT_EQ(rows(file_, "new"), 3);
  ASSERT_TRUE(complete_import(file_));
  EXPECT_EQ(rows(file_, "new"), 3);
}

}  // namespace
}  // namespace simplex::store
